//! `seatgrid node`: runs one node of a cluster until it is told to stop.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use node::{Config, Node};

use crate::failure::{Exit, Failure};
use crate::memory;

/// Run one node of a cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The cluster's configuration, the same file on every node.
    #[arg(long, default_value = "cluster.toml", env = "SEATGRID_CONFIG")]
    config: PathBuf,
    /// Which of its nodes this is.
    #[arg(long)]
    id: u64,
    /// Where the log and the snapshots lie.
    #[arg(long, env = "SEATGRID_DATA_DIR", default_value = "seatgrid-data")]
    data_dir: PathBuf,
    /// Threads that run the node's tasks; as many as there are cores when left out.
    #[arg(long, env = "SEATGRID_WORKERS")]
    workers: Option<NonZeroUsize>,
    /// Memory that the node takes at its start, in MiB; as the configuration says when left out.
    #[arg(long, env = "SEATGRID_RESERVE_MIB", value_parser = clap::value_parser!(u32).range(0..=1_048_576))]
    reserve_mib: Option<u32>,
    /// Stop, too, when standard input ends: no orphan outlives its parent.
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

impl Args {
    pub(crate) fn workers(&self) -> Option<NonZeroUsize> {
        self.workers
    }
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let config = read_config(&args.config)?;
    node::telemetry::start_logging(&config.telemetry);
    memory::reserve(args.reserve_mib.unwrap_or(*config.memory.reserve_mib.get_ref()));
    let started = Node::start(&config, args.id, &args.data_dir).await;
    let mut running = started.map_err(|error| {
        let failure = Failure::with_exit(Exit::Failed, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    eprintln!("node {} is up; press Ctrl-C to stop it", args.id);
    tokio::select! {
        why = running.failed() => {
            let failure = Failure::with_exit(Exit::Failed, why);
            return Err(failure.hint("start the node again; what was acknowledged is on disk"));
        }
        () = node::told_to_stop(args.until_stdin_ends) => {}
    }
    running.drain_and_stop().await;
    Ok(())
}

pub(crate) fn read_config(path: &Path) -> Result<Config, Failure> {
    Config::read(path).map_err(|error| {
        let failure = Failure::with_exit(Exit::Usage, error.to_string());
        failure.hint("cluster.toml in the repository documents every key")
    })
}
