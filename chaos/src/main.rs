//! The command `seatgrid-chaos`.

mod args;
mod commands;
mod mutants;
mod verdict;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser as _;
use seatgrid_chaos::sim::{Plan, Report, simulate};

use args::{Args, Command, Output, Sim};
use verdict::Verdict;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Args::parse().command {
        Command::Sim(sim) => simulated(&sim),
        Command::Mutants(mutants) => mutants::look_for(&mutants),
        Command::Run(run) => commands::run::run(&run),
        Command::Verify(verify) => commands::verify::run(&verify),
        Command::Plans(plans) => commands::plans::run(&plans),
        Command::Node(node) => commands::node::run(&node),
    }
}

fn simulated(sim: &Sim) -> ExitCode {
    let verdict = judge(sim);
    match sim.output {
        Output::Text => print!("{verdict}"),
        Output::Json => match serde_json::to_string_pretty(&verdict) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("error: the verdict cannot be written: {error}"),
        },
    }
    if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Simulates every seed, some at the same time.
fn judge(sim: &Sim) -> Verdict {
    #[expect(clippy::disallowed_methods, reason = "how long all of it takes is real time")]
    let began = std::time::Instant::now();
    let next = AtomicU64::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= sim.seeds {
                return done;
            }
            let seed = sim.seed.wrapping_add(nth);
            let report = simulate(seed, plan(sim, seed), sim.trace);
            let again = sim.twice.then(|| simulate(seed, plan(sim, seed), false));
            let repeated = again.is_none_or(|again| again.trace_hash == report.trace_hash);
            done.push((nth, report, repeated));
        }
    };
    let mut done: Vec<(u64, Report, bool)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..sim.threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|done| done.expect("a panic of a simulation is part of its report"))
            .collect()
    });
    done.sort_by_key(|(nth, ..)| *nth);
    let not_repeated = done.iter().filter(|(.., repeated)| !repeated);
    let not_repeated = not_repeated.map(|(_, report, _)| report.seed).collect();
    let took: Duration = began.elapsed();
    Verdict::of(done.into_iter().map(|(_, report, _)| report).collect(), not_repeated, took)
}

fn plan(sim: &Sim, seed: u64) -> Plan {
    let mut plan = Plan::of(seed);
    if let Some(seconds) = sim.faults_s {
        plan.faults_ms = seconds * 1_000;
    }
    if sim.calm { plan.without_faults() } else { plan }
}
