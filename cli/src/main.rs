//! The `seatgrid` command.

mod args;
mod check;
mod commands;
mod context;
mod failure;
mod gtfs;
mod load;
mod output;
mod value;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.global.output;
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(output);
            failure.exit_code()
        }
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Command::Node(args) = &cli.command
        && let Some(workers) = args.workers()
    {
        builder.worker_threads(workers.get());
    }
    let runtime = builder.enable_all().build()?;
    let context = Context::from(cli.global);
    let finished = runtime.block_on(async {
        match cli.command {
            // These end in their own way when they are interrupted.
            Command::Dev(args) => commands::dev::run(args).await,
            Command::Node(args) => commands::node::run(args).await,
            Command::Load(args) => load::run(&context, args).await,
            command => tokio::select! {
                finished = commands::run(&context, command) => finished,
                _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
            },
        }
    });
    // What still runs in the background, such as a reconnect, must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    finished
}
