//! `seatgrid capacity`: how many nodes a goal needs.

use std::time::Duration;

use benches::capacity::{Goal, Plan, Unit, plan};
use benches::contest::{Caller, Contestant, Load, System, Turn};
use benches::course::Course;
use benches::results::Spread;
use benches::work::Workload;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::{Show, pairs, progress};
use crate::value::duration;

/// Memory that each node takes at its start, in MiB: more than the work needs.
const RESERVE_MIB: u32 = 512;

/// Connections and requests in flight on each: enough for the highest throughput.
const LOAD: Load = Load { lanes: 4, depth: 1_024 };

/// Say how many nodes a goal needs
///
/// Measures on this machine what a hold and a refusal cost three nodes, and what one trip can do, and computes
/// from that what a cluster needs. What is measured and what follows from it by arithmetic is told apart.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Requests for holds each second, over all trips
    #[arg(long, default_value_t = 100_000.0, value_parser = per_second)]
    goal: f64,
    /// Of them so many each second for one trip
    #[arg(long, default_value_t = 10_000.0, value_parser = per_second)]
    one_trip: f64,
    /// Of a hundred requests so many are refused since the seat is taken
    #[arg(long, default_value_t = 0, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    refused: u8,
    /// Processors of a node
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    cores: u32,
    /// Of a node's processors so many percent may be busy; the rest is for bursts and for a lost node's share
    #[arg(long, default_value_t = 60, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    busy: u8,
    /// Nodes that may be lost at the busiest time without missing the goal
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    spare: u32,
    /// Shards of the three nodes that are measured
    #[arg(long, default_value_t = 3)]
    shards: u32,
    /// Times that each figure is measured; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How long each time
    #[arg(long, default_value = "3s", value_parser = duration)]
    duration: Duration,
}

fn per_second(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=1e9).contains(rate));
    rate.ok_or_else(|| format!("{text:?} is not a number from 1 to 1000000000"))
}

/// What was measured, and what follows.
#[derive(Debug, Serialize)]
struct Report {
    /// Processors that the three nodes and the callers shared.
    measured_on_cores: usize,
    measured: Unit,
    goal: Goal,
    plan: Plan,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let goal = Goal {
        requests_per_second: args.goal,
        one_trip_per_second: args.one_trip,
        refused: f64::from(args.refused) / 100.0,
        cores: args.cores,
        busy: f64::from(args.busy) / 100.0,
        spare: args.spare,
    };
    let measured = measure(&args).await?;
    let measured_on_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plan = plan(&measured, &goal);
    context.print(&Report { measured_on_cores, measured, goal, plan })
}

async fn measure(args: &Args) -> Result<Unit, Failure> {
    let failed = |what: String| Failure::with_exit(Exit::Failed, what);
    let system = System::Seatgrid {
        shards: args.shards,
        reserve_mib: RESERVE_MIB,
        caller: Caller::Pipeline,
    };
    let program = std::env::current_exe()?;
    let workloads = [Workload::spread(1), Workload::one_trip(1), Workload::hot(1)];
    let mut turns: [Vec<Turn>; 3] = Default::default();
    let bar = progress(3 * u64::from(args.rounds), "{wide_bar} {pos}/{len} turns, {eta} left");
    for round in 0..args.rounds {
        let started = Contestant::start(system, &program).await;
        let mut nodes = started.map_err(|missing| failed(missing.to_string()))?;
        for (workload, turns) in workloads.iter().zip(&mut turns) {
            let course = Course::closed(*workload, LOAD.depth, args.duration);
            let course = Course { seed: round.into(), ..course };
            let turn = nodes.turn(LOAD.lanes, course).await;
            turns.push(turn.map_err(|error| failed(error.to_string()))?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let [spread, one_trip, hot] = turns;
    let median = |turns: &[Turn], of: fn(&Turn) -> f64| Spread::of(turns.iter().map(of)).median;
    Ok(Unit {
        holds_per_second: median(&spread, |turn| turn.per_second),
        hold_us: median(&spread, |turn| turn.server_us),
        trip_holds_per_second: median(&one_trip, |turn| turn.per_second),
        trip_refusals_per_second: median(&hot, |turn| turn.per_second),
        refusal_us: median(&hot, |turn| turn.server_us),
    })
}

impl Show for Report {
    fn text(&self) -> String {
        let Self { measured, goal, plan, .. } = self;
        let measured_text = pairs(&[
            ("holds over many trips", format!("{:.0}/s", measured.holds_per_second)),
            ("  three replicas' time for one", format!("{:.1} µs", measured.hold_us)),
            ("holds of one trip", format!("{:.0}/s", measured.trip_holds_per_second)),
            (
                "refusals of one trip, sold out",
                format!("{:.0}/s", measured.trip_refusals_per_second),
            ),
            ("  three replicas' time for one", format!("{:.1} µs", measured.refusal_us)),
        ]);
        let plan_text = pairs(&[
            (
                "goal",
                format!(
                    "{:.0} requests/s, {:.0} % refused, {:.0}/s for one trip",
                    goal.requests_per_second,
                    goal.refused * 100.0,
                    goal.one_trip_per_second
                ),
            ),
            ("a node", format!("{} cores, {:.0} % of them busy", goal.cores, goal.busy * 100.0)),
            ("requests a node adds", format!("{:.0}/s", plan.per_node)),
            ("nodes", format!("{}, of which {} may be lost", plan.nodes, goal.spare)),
            ("one trip", self.one_trip()),
        ]);
        format!(
            "MEASURED here: three nodes and the callers on {} cores\n{measured_text}\n\n\
             FOLLOWS by arithmetic: as many replicas of each shard, whatever the number of nodes, and no limit \
             but processors\n{plan_text}",
            self.measured_on_cores
        )
    }
}

impl Report {
    fn one_trip(&self) -> String {
        let Plan { trip_ceiling, trip_excess, .. } = self.plan;
        if trip_excess > 0.0 {
            return format!(
                "at most {trip_ceiling:.0}/s as measured here: {trip_excess:.0}/s too many, and more nodes do \
                 not help; sell its sections as trips of their own"
            );
        }
        format!("up to {trip_ceiling:.0}/s, as measured here")
    }
}
