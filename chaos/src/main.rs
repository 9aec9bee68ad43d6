//! The command `seatgrid-chaos`.

mod args;
mod commands;
mod progress;
mod verdict;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Args::parse().command {
        Command::Sim(sim) => commands::sim::run(&sim),
        Command::Mutants(mutants) => commands::mutants::run(&mutants),
        Command::Run(run) => commands::run::run(&run),
        Command::Verify(verify) => commands::verify::run(&verify),
        Command::Plans(plans) => commands::plans::run(&plans),
        Command::Node(node) => commands::node::run(&node),
    }
}
