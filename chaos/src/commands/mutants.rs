//! `seatgrid-chaos mutants`: whether planted defects are found, by what, and how soon.

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use raft::mutant::Mutant;
use seatgrid_chaos::sim::{Manner, Plan, simulate};

use super::exit;
use super::known::seed_of;
use crate::args::{self, Output, SEEDS_END};
use crate::progress;

/// Which defects to plant.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The defects; all of them unless some are named.
    #[arg(value_parser = args::mutant)]
    mutants: Vec<Mutant>,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..SEEDS_END))]
    seed: u64,
    /// Seeds that a defect may need.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Begin with the seed that is known to find the defect.
    #[arg(long)]
    known: bool,
    /// How many defects to look for at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// What came of one planted defect.
#[derive(Debug, serde::Serialize)]
struct Hunt {
    mutant: &'static str,
    /// The invariants that were contradicted first; none: the defect was not found.
    found_by: Vec<&'static str>,
    /// The seed that found it.
    seed: Option<u64>,
    /// Seeds that were simulated.
    seeds: u64,
    /// Seconds that were simulated.
    simulated_s: f64,
}

/// All hunts.
#[derive(Debug, serde::Serialize)]
struct Bag {
    hunts: Vec<Hunt>,
    not_found: Vec<&'static str>,
}

/// Plants one defect after the other.
pub(crate) fn run(args: &Args) -> ExitCode {
    if !cfg!(feature = "mutants") {
        eprintln!("error: this build has no defects to plant");
        eprintln!("hint: cargo run --release -p seatgrid-chaos --features mutants -- mutants");
        return ExitCode::from(exit::USAGE);
    }
    let mutants = if args.mutants.is_empty() { Mutant::ALL } else { &args.mutants };
    let (next, bar) = (AtomicUsize::new(0), progress::bar(mutants.len() as u64, "defects"));
    let work = || {
        let mut done = Vec::new();
        while let Some(&mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            bar.set_message(mutant.name());
            done.push(hunt(mutant, args));
            bar.inc(1);
        }
        done
    };
    let mut hunts: Vec<Hunt> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.flat_map(|done| done.expect("a panic of a simulation is its report's")).collect()
    });
    bar.finish_and_clear();
    hunts.sort_by_key(|hunt| Mutant::ALL.iter().position(|mutant| mutant.name() == hunt.mutant));
    let lost = hunts.iter().filter(|hunt| hunt.seed.is_none()).map(|hunt| hunt.mutant);
    let bag = Bag { not_found: lost.collect(), hunts };
    match args.output {
        Output::Text => print!("{bag}"),
        Output::Json => match serde_json::to_string_pretty(&bag) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("error: the result cannot be written: {error}"),
        },
    }
    if bag.not_found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::VIOLATED) }
}

fn hunt(mutant: Mutant, args: &Args) -> Hunt {
    let known = seed_of(mutant).filter(|_| args.known);
    let mut simulated_ms = 0;
    for (seeds, seed) in (1..).zip(known.into_iter().chain((args.seed..).take(args.seeds as usize)))
    {
        let plan = Plan { mutant: Some(mutant), ..Plan::of(seed) };
        let report = simulate(&plan, Manner::UntilViolated);
        simulated_ms += report.simulated_ms;
        let found_by: Vec<_> = report.violations_by_invariant.into_keys().collect();
        if !found_by.is_empty() {
            return Hunt::of(mutant, found_by, Some(seed), seeds, simulated_ms);
        }
    }
    Hunt::of(mutant, Vec::new(), None, args.seeds, simulated_ms)
}

impl Hunt {
    fn of(
        mutant: Mutant,
        found_by: Vec<&'static str>,
        seed: Option<u64>,
        seeds: u64,
        simulated_ms: u64,
    ) -> Self {
        let simulated_s = simulated_ms as f64 / 1_000.0;
        Self { mutant: mutant.name(), found_by, seed, seeds, simulated_s }
    }
}

impl fmt::Display for Bag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<30} {:>5} {:>5} {:>10}  FOUND BY", "MUTANT", "SEED", "SEEDS", "SIMULATED")?;
        for Hunt { mutant, found_by, seed, seeds, simulated_s } in &self.hunts {
            let seed = seed.map_or("-".to_owned(), |seed| seed.to_string());
            let found_by = if found_by.is_empty() { "nobody".into() } else { found_by.join(", ") };
            writeln!(f, "{mutant:<30} {seed:>5} {seeds:>5} {simulated_s:>8.0} s  {found_by}")?;
        }
        let (found, all) = (self.hunts.len() - self.not_found.len(), self.hunts.len());
        writeln!(f, "\nverdict: {found} of {all} found")
    }
}
