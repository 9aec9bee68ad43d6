//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use raft::mutant::Mutant;

use crate::commands;

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
    /// Plant defects, one after the other, and see whether they are found.
    #[command(after_help = "Exit codes: 0 all found, 1 one was not, 2 a wrong argument.")]
    Mutants(Mutants),
    /// Run a plan on real processes: nodes that fail, a network that breaks, buyers that go on.
    #[command(
        after_help = "Exit codes: 0 passed, 1 a violation, 2 a wrong argument or plan, 3 invalid: a fault did \
                            not happen, or under too little load."
    )]
    Run(commands::run::Args),
    /// Verify recorded histories: of runs, of `seatgrid load`, or of your own system.
    #[command(
        after_help = "Exit codes: 0 consistent, 1 a contradiction, 2 a wrong argument or line, 3 undecided."
    )]
    Verify(commands::verify::Args),
    /// List the plans that come with the program, and what they prove.
    Plans(commands::plans::Args),
    /// Run one node, as `seatgrid node` does. `run` starts its nodes so.
    #[command(hide = true)]
    Node(commands::node::Args),
}

/// Which defects to plant.
#[derive(Debug, clap::Args)]
pub(crate) struct Mutants {
    /// The defects; all of them unless some are named.
    #[arg(value_parser = mutant)]
    pub(crate) mutants: Vec<Mutant>,
    /// Seeds that a defect may need.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// How many defects to look for at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) threads: u64,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

fn mutant(name: &str) -> Result<Mutant, String> {
    let named = Mutant::ALL.iter().find(|mutant| mutant.name() == name);
    let names = || Mutant::ALL.iter().map(|mutant| mutant.name()).collect::<Vec<_>>().join(", ");
    named.copied().ok_or_else(|| format!("there are {}", names()))
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
