//! `seatgrid bench`: the same work for Seatgrid and for what people use today, in turns.

use std::time::Duration;

use benches::contest::{Contestant, Load, System, Turn};
use benches::systems::Missing;
use benches::systems::postgres::Way;
use benches::systems::redis::Persistence;
use benches::work::Workload;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::{Show, progress, table, table_text};
use crate::value::duration;

/// Measure Seatgrid beside PostgreSQL and Redis
///
/// Starts each of them on ports and in folders of its own, lets them take turns at the same work, and stops
/// them. What is not installed is told as absent (Debian: apt install redis-server postgresql).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What buyers want
    #[arg(long, value_enum, default_value_t = What::Spread)]
    workload: What,
    /// Seats of a hold, all or none
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4))]
    seats: u16,
    /// Systems to measure; all of them unless given
    #[arg(long, value_enum, value_delimiter = ',')]
    systems: Vec<Which>,
    /// Connections and requests in flight on each
    #[arg(long, value_name = "LANES×DEPTH", value_delimiter = ',', value_parser = load,
          default_values = ["1x1", "64x1", "4x16", "4x128", "4x1024"])]
    loads: Vec<Load>,
    /// Turns that each system has at each load
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How long a turn is measured; it ends earlier when everything is sold
    #[arg(long, default_value = "3s", value_parser = duration)]
    duration: Duration,
    /// Shards of Seatgrid
    #[arg(long, default_value_t = 3)]
    shards: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Everybody wants one trip of 500 seats
    Hot,
    /// Ten thousand trips of 50 seats
    Spread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// Three nodes
    Seatgrid,
    /// Redis without persistence
    Redis,
    /// Redis whose log is flushed every second
    RedisEverysec,
    /// Redis whose log is flushed before an answer
    RedisAlways,
    /// The same with a replica that every hold waits for
    RedisAlwaysWait,
    /// PostgreSQL, SELECT … FOR UPDATE in a transaction
    PostgresForUpdate,
    /// PostgreSQL, one statement
    Postgres,
}

impl Which {
    fn system(self, shards: u32) -> System {
        match self {
            Self::Seatgrid => System::Seatgrid { shards },
            Self::Redis => System::Redis(Persistence::None, false),
            Self::RedisEverysec => System::Redis(Persistence::EverySecond, false),
            Self::RedisAlways => System::Redis(Persistence::Always, false),
            Self::RedisAlwaysWait => System::Redis(Persistence::Always, true),
            Self::PostgresForUpdate => System::Postgres(Way::ForUpdate),
            Self::Postgres => System::Postgres(Way::OneStatement),
        }
    }
}

/// Lanes and depth, as `4x16`.
fn load(text: &str) -> Result<Load, String> {
    let wrong = || format!("{text:?} is not LANESxDEPTH, each from 1 to 65536, such as 4x16");
    let (lanes, depth) = text.split_once(['x', '×']).ok_or_else(wrong)?;
    let number = |text: &str| text.parse().ok().filter(|n| (1..=65_536).contains(n));
    Ok(Load { lanes: number(lanes).ok_or_else(wrong)?, depth: number(depth).ok_or_else(wrong)? })
}

/// A system at a load.
#[derive(Debug, Serialize)]
struct Row {
    system: String,
    #[serde(flatten)]
    load: Load,
    turns: Vec<Turn>,
}

#[derive(Debug, Serialize)]
struct Report {
    rows: Vec<Row>,
    /// Systems that were not measured, and why.
    absent: Vec<String>,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    use clap::ValueEnum as _;
    let wanted = if args.systems.is_empty() { Which::value_variants() } else { &args.systems };
    let program = std::env::current_exe()?;
    let workload = match args.workload {
        What::Hot => Workload::hot(args.seats),
        What::Spread => Workload::spread(args.seats),
    };
    let mut report = Report { rows: Vec::new(), absent: Vec::new() };
    let turns = (wanted.len() * args.loads.len()) as u64 * u64::from(args.rounds);
    let bar = progress(turns, "{wide_bar} {pos}/{len} turns, {eta} left");
    for round in 0..args.rounds {
        for system in wanted.iter().map(|which| which.system(args.shards)) {
            // One after the other: what idles costs time, too.
            let mut contestant = match Contestant::start(system, &program).await {
                Ok(contestant) => contestant,
                Err(missing) => {
                    report.absent(&system, &missing);
                    continue;
                }
            };
            for load in args.loads.iter().filter(|load| load.depth == 1 || system.pipelines()) {
                let turn = contestant.turn(workload, *load, args.duration, round.into()).await;
                let turn = turn.map_err(|error| {
                    Failure::with_exit(Exit::Failed, format!("{}: {error}", system.name()))
                })?;
                report.add(&system, *load, turn);
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    context.print(&report)
}

impl Report {
    fn add(&mut self, system: &System, load: Load, turn: Turn) {
        let name = system.name();
        match self.rows.iter_mut().find(|row| row.system == name && row.load == load) {
            Some(row) => row.turns.push(turn),
            None => self.rows.push(Row { system: name, load, turns: vec![turn] }),
        }
    }

    fn absent(&mut self, system: &System, missing: &Missing) {
        let told = format!("{}: {missing}", system.name());
        if !self.absent.contains(&told) {
            self.absent.push(told);
        }
    }
}

impl Show for Report {
    fn text(&self) -> String {
        let mut rows = table([
            "SYSTEM",
            "LANES",
            "ANSWERS/S",
            "FROM-TO",
            "P50 MS",
            "P99 MS",
            "P99.9 MS",
            "SERVER µs",
            "CLIENT µs",
            "MiB",
        ]);
        for row in &self.rows {
            let of = |figure: fn(&Turn) -> f64| sorted(row.turns.iter().map(figure).collect());
            let rate = of(|turn| turn.per_second);
            let ms = |figure| format!("{:.2}", median(&of(figure)) / 1e3);
            rows.add_row([
                row.system.clone(),
                format!("{}×{}", row.load.lanes, row.load.depth),
                format!("{:.0}", median(&rate)),
                format!("{:.0}-{:.0}", rate.first().unwrap_or(&0.0), rate.last().unwrap_or(&0.0)),
                ms(|turn| turn.p50_us),
                ms(|turn| turn.p99_us),
                ms(|turn| turn.p999_us),
                format!("{:.1}", median(&of(|turn| turn.server_us))),
                format!("{:.1}", median(&of(|turn| turn.client_us))),
                format!("{:.0}", median(&of(|turn| turn.server_bytes as f64)) / 1_048_576.0),
            ]);
        }
        let mut text = table_text(&rows);
        for absent in &self.absent {
            text += &format!("\nabsent: {absent}");
        }
        text
    }
}

fn sorted(mut figures: Vec<f64>) -> Vec<f64> {
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
