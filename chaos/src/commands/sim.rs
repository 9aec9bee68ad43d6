//! `seatgrid-chaos sim`: many seeds or one plan, simulated, and what came of them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use raft::mutant::Mutant;
use seatgrid_chaos::sim::{Manner, Plan, Report, shrink, simulate};

use super::exit;
use crate::args::{self, Output, SEEDS_END};
use crate::progress;
use crate::verdict::Verdict;

/// Simulations that making a plan smaller may take.
const SHRINK_SIMULATIONS: u64 = 400;

/// What to simulate.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The seed, or the first of several.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..SEEDS_END))]
    seed: u64,
    /// How many seeds, counted up from the first.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// So many seeds that nobody has seen, counted up from one that the system draws.
    #[arg(long, value_name = "SEEDS", conflicts_with_all = ["seed", "seeds"],
          value_parser = clap::value_parser!(u64).range(1..))]
    fresh: Option<u64>,
    /// Simulate this plan instead of a seed's.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds", "fresh", "faults_s", "calm"])]
    plan: Option<PathBuf>,
    /// Make the plan of a seed that violates something as small as possible, and print it.
    #[arg(long, conflicts_with_all = ["seeds", "fresh", "trace", "twice"])]
    shrink: bool,
    /// How long faults go on, in virtual seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    faults_s: Option<u64>,
    /// Let nothing fail.
    #[arg(long)]
    calm: bool,
    /// Plant this defect in every node. Only in a build that has defects.
    #[arg(long, value_name = "NAME", value_parser = args::mutant)]
    mutant: Option<Mutant>,
    /// Simulate every seed twice and compare the traces.
    #[arg(long)]
    twice: bool,
    /// Print one line for every change of state. Only for one seed.
    #[arg(long, conflicts_with_all = ["seeds", "fresh", "twice"])]
    trace: bool,
    /// How many seeds to simulate at the same time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// A seed that was simulated: its place, what came of it, and whether its second trace was the first.
type Done = (u64, Report, bool);

impl Args {
    /// The first seed, and how many.
    fn seeds(&self) -> (u64, u64) {
        match self.fresh {
            Some(fresh) => (rand::random_range(0..SEEDS_END - fresh), fresh),
            None => (self.seed, self.seeds),
        }
    }

    /// The arguments that simulate one of the seeds again.
    fn again(&self, seed: u64) -> String {
        let mut again = match &self.plan {
            Some(plan) => format!("--plan {}", plan.display()),
            None => format!("--seed {seed}"),
        };
        if let Some(seconds) = self.faults_s {
            again += &format!(" --faults-s {seconds}");
        }
        if self.calm {
            again += " --calm";
        }
        if let Some(mutant) = self.mutant {
            again += &format!(" --mutant {}", mutant.name());
        }
        again
    }

    fn plan_of(&self, seed: u64) -> Plan {
        let plan = match self.faults_s {
            Some(seconds) => Plan::lasting(seed, seconds * 1_000),
            None => Plan::of(seed),
        };
        let plan = Plan { mutant: self.mutant, ..plan };
        if self.calm { plan.without_faults() } else { plan }
    }
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let written = match args.plan.as_ref().map(|path| (path, Plan::read(path))) {
        Some((path, Err(error))) => {
            eprintln!("error: {}: {error}", path.display());
            return ExitCode::from(exit::USAGE);
        }
        Some((_, Ok(plan))) => Some(plan),
        None => None,
    };
    let (first, seeds) = args.seeds();
    if args.shrink {
        return make_small(&written.unwrap_or_else(|| args.plan_of(first)));
    }
    if args.fresh.is_some() {
        eprintln!("fresh seeds: --seed {first} --seeds {seeds}");
    }
    let plan = |nth| written.clone().unwrap_or_else(|| args.plan_of(first.wrapping_add(nth)));
    let verdict = judge(args, seeds, &plan);
    match args.output {
        Output::Text => print!("{verdict}"),
        Output::Json => match serde_json::to_string_pretty(&verdict) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("error: the verdict cannot be written: {error}"),
        },
    }
    if !verdict.is_good() {
        return ExitCode::from(exit::VIOLATED);
    }
    if verdict.invalid.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::INVALID) }
}

/// Simulates every plan, some at the same time.
fn judge(args: &Args, seeds: u64, plan: &(impl Fn(u64) -> Plan + Sync)) -> Verdict {
    #[expect(clippy::disallowed_methods, reason = "how long all of it takes is real time")]
    let began = std::time::Instant::now();
    let (next, bar) = (AtomicU64::new(0), progress::bar(seeds, "seeds"));
    let manner = if args.trace { Manner::Printed } else { Manner::Whole };
    let work = || {
        let mut done: Vec<Done> = Vec::new();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            if nth >= seeds {
                return done;
            }
            let plan = plan(nth);
            let report = simulate(&plan, manner);
            let again = args.twice.then(|| simulate(&plan, Manner::Whole));
            let repeated = again.is_none_or(|again| again.trace_hash == report.trace_hash);
            if !report.violations.is_empty() {
                bar.println(format!("seed {} violates something", report.seed));
            }
            done.push((nth, report, repeated));
            bar.inc(1);
        }
    };
    let mut done: Vec<Done> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|done| done.expect("a panic of a simulation is part of its report"))
            .collect()
    });
    bar.finish_and_clear();
    done.sort_by_key(|(nth, ..)| *nth);
    let not_repeated = done.iter().filter(|(.., repeated)| !repeated);
    let not_repeated = not_repeated.map(|(_, report, _)| report.seed).collect();
    let everything = !args.calm && args.plan.is_none() && args.mutant.is_none();
    let reports = done.into_iter().map(|(_, report, _)| report).collect();
    Verdict::of(reports, not_repeated, began.elapsed(), everything, |seed| args.again(seed))
}

/// Makes a plan small and prints it, as a file that `--plan` reads.
fn make_small(plan: &Plan) -> ExitCode {
    let Some(small) = shrink(plan, SHRINK_SIMULATIONS) else {
        eprintln!("seed {} violates nothing", plan.seed);
        return ExitCode::SUCCESS;
    };
    let (events, buyers) = (small.plan.events.len(), small.plan.buyers.len());
    println!("# {events} events and {buyers} buyers, after {} simulations.", small.simulations);
    for violation in &small.report.violations {
        let (ms, invariant) = (violation.at_ms, violation.invariant);
        println!("# {}.{:03} {invariant}: {}", ms / 1_000, ms % 1_000, violation.what);
    }
    println!("# REPRODUCE WITH: seatgrid-chaos sim --plan THIS-FILE");
    print!("{}", small.plan.to_toml());
    ExitCode::from(exit::VIOLATED)
}
