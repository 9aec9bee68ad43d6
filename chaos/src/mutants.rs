//! `seatgrid-chaos mutants`: whether planted defects are found, by what, and how soon.

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use raft::mutant::Mutant;
use seatgrid_chaos::sim::{Plan, simulate};

use crate::args::{Mutants, Output};

/// What came of one planted defect.
#[derive(Debug, serde::Serialize)]
struct Hunt {
    mutant: &'static str,
    /// The invariants that the first seed contradicts that contradicts any; none: it was not found.
    found_by: Vec<&'static str>,
    /// The seed that found it.
    seed: u64,
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
pub(crate) fn look_for(args: &Mutants) -> ExitCode {
    if !cfg!(feature = "mutants") {
        eprintln!("error: this build has no defects to plant");
        eprintln!("hint: cargo run --release -p seatgrid-chaos --features mutants -- mutants");
        return ExitCode::from(2);
    }
    let mutants = if args.mutants.is_empty() { Mutant::ALL } else { &args.mutants };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(&mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(hunt(mutant, args.seeds));
            eprint!(".");
        }
        done
    };
    let mut hunts: Vec<Hunt> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.flat_map(|done| done.expect("a panic of a simulation is its report's")).collect()
    });
    eprintln!();
    hunts.sort_by_key(|hunt| Mutant::ALL.iter().position(|mutant| mutant.name() == hunt.mutant));
    let lost = hunts.iter().filter(|hunt| hunt.found_by.is_empty()).map(|hunt| hunt.mutant);
    let bag = Bag { not_found: lost.collect(), hunts };
    match args.output {
        Output::Text => print!("{bag}"),
        Output::Json => match serde_json::to_string_pretty(&bag) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("error: the result cannot be written: {error}"),
        },
    }
    if bag.not_found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn hunt(mutant: Mutant, seeds: u64) -> Hunt {
    let mut simulated_ms = 0;
    for seed in 1..=seeds {
        let report = simulate(seed, Plan { mutant: Some(mutant), ..Plan::of(seed) }, false);
        simulated_ms += report.simulated_ms;
        if !report.violations_by_invariant.is_empty() {
            let found_by = report.violations_by_invariant.into_keys().collect();
            let simulated_s = simulated_ms as f64 / 1_000.0;
            return Hunt { mutant: mutant.name(), found_by, seed, seeds: seed, simulated_s };
        }
    }
    let simulated_s = simulated_ms as f64 / 1_000.0;
    Hunt { mutant: mutant.name(), found_by: Vec::new(), seed: 0, seeds, simulated_s }
}

impl fmt::Display for Bag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<30} {:>5} {:>10}  FOUND BY", "MUTANT", "SEEDS", "SIMULATED")?;
        for Hunt { mutant, found_by, seeds, simulated_s, .. } in &self.hunts {
            let found_by = if found_by.is_empty() { "nobody".into() } else { found_by.join(", ") };
            writeln!(f, "{mutant:<30} {seeds:>5} {simulated_s:>8.0} s  {found_by}")?;
        }
        let (found, all) = (self.hunts.len() - self.not_found.len(), self.hunts.len());
        writeln!(f, "\nverdict: {found} of {all} found")
    }
}
