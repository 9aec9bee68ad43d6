//! `seatgrid-chaos node`: one node as a process of its own, so that `run` needs no other program.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use node::{Config, Node};

/// One node. The arguments are those of `seatgrid node`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The cluster's configuration.
    #[arg(long)]
    config: PathBuf,
    /// Which of its nodes this is.
    #[arg(long)]
    id: u64,
    /// Where the log and the snapshots lie.
    #[arg(long)]
    data_dir: PathBuf,
    /// Threads that run the node's tasks.
    #[arg(long)]
    workers: Option<NonZeroUsize>,
    /// Stop, too, when standard input ends.
    #[arg(long)]
    until_stdin_ends: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = args.workers {
        builder.worker_threads(workers.get());
    }
    let served = match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(args)),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &Args) -> Result<(), String> {
    let config = Config::read(&args.config).map_err(|error| error.to_string())?;
    node::telemetry::start_logging(&config.telemetry);
    let started = Node::start(&config, args.id, &args.data_dir).await;
    let mut running = started.map_err(|error| error.to_string())?;
    tokio::select! {
        why = running.failed() => return Err(why),
        () = node::told_to_stop(args.until_stdin_ends) => {}
    }
    running.drain_and_stop().await;
    Ok(())
}
