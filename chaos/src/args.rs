//! The command line.

use clap::{Parser, Subcommand, ValueEnum};
use raft::mutant::Mutant;

use crate::commands;

/// Seeds are smaller than this: a file of a plan can hold no larger number.
pub(crate) const SEEDS_END: u64 = 1 << 53;

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
    #[command(
        after_help = "Exit codes: 0 no violation, 1 a violation, 2 a wrong argument or plan, 3 invalid: what was to \
                            fail did not, or under no load."
    )]
    Sim(commands::sim::Args),
    /// Plant defects, one after the other, and see whether they are found.
    #[command(after_help = "Exit codes: 0 all found, 1 one was not, 2 a wrong argument.")]
    Mutants(commands::mutants::Args),
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

/// The defect of a name.
pub(crate) fn mutant(name: &str) -> Result<Mutant, String> {
    let names = || Mutant::ALL.iter().map(|mutant| mutant.name()).collect::<Vec<_>>().join(", ");
    Mutant::named(name).ok_or_else(|| format!("there are {}", names()))
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs: one object.
    Json,
}
