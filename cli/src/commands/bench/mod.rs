//! `seatgrid bench`: the same work for Seatgrid and for what people use today, in turns.

mod args;
mod origin;
mod table;

use std::io;
use std::path::Path;

use benches::contest::{Contestant, Load, System};
use benches::course::{Arrivals, Course};
use benches::report;
use benches::results::{Results, Row};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::progress;
pub(crate) use args::Args;
use table::Table;

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    if let Some(complaint) = args.complaint() {
        return Err(Failure::usage(complaint));
    }
    let mut all = match &args.save {
        Some(path) => load(path)?,
        None => Results::default(),
    };
    if !args.only_report {
        let results = Table(measure(&args).await?);
        context.print(&results)?;
        all.add(results.0);
        if let Some(path) = &args.save {
            std::fs::write(path, serde_json::to_string_pretty(&all).map_err(io::Error::from)?)?;
        }
    }
    if let Some(path) = &args.report {
        std::fs::write(path, report::page(&all))?;
    }
    if let Some(path) = &args.markdown {
        std::fs::write(path, report::markdown(&all))?;
    }
    Ok(())
}

/// What a file has; nothing when there is none.
fn load(path: &Path) -> Result<Results, Failure> {
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| {
            Failure::with_exit(Exit::Failed, format!("{}: {error}", path.display()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Results::default()),
        Err(error) => Err(error.into()),
    }
}

/// Lets all systems take turns.
async fn measure(args: &Args) -> Result<Results, Failure> {
    let program = std::env::current_exe()?;
    let systems = args.systems();
    let mut results = Results { runs: vec![origin::this_run()], ..Results::default() };
    let each = courses(args, None).len() as u64;
    let turns = systems.len() as u64 * each * u64::from(args.rounds);
    let bar = progress(turns, "{wide_bar} {pos}/{len} turns, {eta} left");
    for round in 0..args.rounds {
        for system in &systems {
            // One after the other: what idles costs time, too.
            if let Err(why) = take_turns(args, &program, (system, round), &mut results).await {
                results.absent.push(format!("{}: {why}", system.name()));
            }
            bar.inc(each);
        }
    }
    bar.finish_and_clear();
    results.absent.sort();
    results.absent.dedup();
    Ok(results)
}

/// Starts a system and lets it take its turns of a round. After an error the others go on, and the next round
/// starts it anew.
async fn take_turns(
    args: &Args,
    program: &Path,
    (system, round): (&System, u32),
    results: &mut Results,
) -> Result<(), String> {
    let courses = courses(args, Some(system));
    if courses.is_empty() {
        return Err("it takes loads of one request in flight only, such as 64x1".to_owned());
    }
    let mut contestant =
        Contestant::start(*system, program).await.map_err(|missing| missing.to_string())?;
    for (load, arrivals) in courses {
        let (slice, seed) = (args.slice, round.into());
        let course = Course::closed(args.workload(), load.depth, args.duration);
        let course = Course { arrivals, slice, seed, ..course };
        let turn = contestant.turn(load.lanes, course).await;
        let failed = |error| format!("a turn of {}×{} failed: {error}", load.lanes, load.depth);
        let turn = turn.map_err(failed)?;
        let row = row(args, system, (load, arrivals));
        let name = format!("{}, {}", row.system, row.caller);
        results.configurations.insert(name, system.configuration());
        results.note(Row { turns: vec![turn], ..row });
    }
    Ok(())
}

/// The loads of a system, or all of them: closed, or each rate over the first load's lanes.
fn courses(args: &Args, system: Option<&System>) -> Vec<(Load, Arrivals)> {
    if !args.rates.is_empty() {
        let load = args.loads[0];
        return args.rates.iter().map(|rate| (load, Arrivals::Open(*rate))).collect();
    }
    let fits = |load: &&Load| load.depth == 1 || system.is_none_or(System::pipelines);
    args.loads.iter().filter(fits).map(|load| (*load, Arrivals::Closed)).collect()
}

fn row(args: &Args, system: &System, (load, arrivals): (Load, Arrivals)) -> Row {
    let workload = args.workload();
    Row {
        workload: workload.name().to_owned(),
        per_hold: workload.per_hold,
        legs: workload.legs,
        size: args.size(),
        system: system.name(),
        caller: system.caller().to_owned(),
        rate: match arrivals {
            Arrivals::Closed => None,
            Arrivals::Open(rate) => Some(rate),
        },
        load,
        turns: Vec::new(),
    }
}
