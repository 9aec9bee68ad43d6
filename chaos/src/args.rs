//! The command line.

use clap::{Parser, Subcommand, ValueEnum};

/// Doubts Seatgrid: makes things fail, and checks that its promises hold.
#[derive(Debug, Parser)]
#[command(name = "seatgrid-chaos", version, about)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Simulate a whole cluster in one thread, on virtual time. The seed decides everything.
    #[command(after_help = "Exit codes: 0 no violation, 1 a violation, 2 a wrong argument.")]
    Sim(Sim),
}

/// What to simulate.
#[derive(Debug, clap::Args)]
pub(crate) struct Sim {
    /// The seed, or the first of several.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many seeds, counted up from the first.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// How long faults go on, in virtual seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) faults_s: Option<u64>,
    /// Let nothing fail.
    #[arg(long)]
    pub(crate) calm: bool,
    /// Simulate every seed twice and compare the traces.
    #[arg(long)]
    pub(crate) twice: bool,
    /// Print one line for every change of state. Only for one seed.
    #[arg(long, conflicts_with_all = ["seeds", "twice"])]
    pub(crate) trace: bool,
    /// How many seeds to simulate at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) threads: u64,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs: one object.
    Json,
}
