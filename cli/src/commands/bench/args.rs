//! What is measured.

use std::path::PathBuf;
use std::time::Duration;

use benches::contest::{Caller, Load, System};
use benches::course::MAX_SLICES;
use benches::results::Size;
use benches::systems::etcd::Leases;
use benches::systems::postgres::Way;
use benches::systems::redis::{Asking, Persistence};
use benches::work::Workload;

use crate::value::{duration, positive_duration};

/// Holds that can be granted in all, at most: the client keeps four bytes of each.
const MAX_HOLDS: u64 = 100_000_000;

/// Measure Seatgrid beside Redis, PostgreSQL and etcd
///
/// Starts each of them on ports and in folders of its own, lets them take turns at the same work, and stops
/// them. What is not installed is told as absent (Debian: apt install redis-server postgresql etcd-server).
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
          default_values = ["1x1", "64x1", "4x16", "4x64", "4x128", "4x256", "4x1024", "4x2500"])]
    pub(super) loads: Vec<Load>,
    /// Open loop: so many buyers arrive each second, whether or not anybody keeps up
    #[arg(long, value_name = "PER SECOND", value_delimiter = ',', value_parser = rate)]
    pub(super) rates: Vec<f64>,
    /// Turns that each system has at each load
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) rounds: u32,
    /// How long a turn is measured; it ends earlier when everything is sold
    #[arg(long, default_value = "3s", value_parser = duration)]
    pub(super) duration: Duration,
    /// Tell what happens in pieces of so long, with memory, disk and how much they change in an hour
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub(super) slice: Option<Duration>,
    /// Trips that are on sale; as many as the workload has unless given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    trips: Option<u32>,
    /// Seats of a trip; as many as the workload has unless given
    #[arg(long, value_parser = clap::value_parser!(u32).range(4..=200_000))]
    trip_seats: Option<u32>,
    /// Holds of a batch, for seatgrid-batch
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=64))]
    batch: u16,
    /// Shards of Seatgrid. One is fastest where all nodes share a machine: its entries are the largest
    #[arg(long, default_value_t = 1)]
    shards: u32,
    /// Memory that each of Seatgrid's nodes takes at its start, in MiB; 0 shows what trips and holds take
    #[arg(long, default_value_t = 512)]
    reserve_mib: u32,
    /// Keep the results in this file, together with what it has already
    #[arg(long, value_name = "FILE.json")]
    pub(super) save: Option<PathBuf>,
    /// Measure nothing: only write the reports of what --save has
    #[arg(long, requires = "save")]
    pub(super) only_report: bool,
    /// Write a page with curves to this file
    #[arg(long, value_name = "FILE.html")]
    pub(super) report: Option<PathBuf>,
    /// Write all tables to this file
    #[arg(long, value_name = "FILE.md")]
    pub(super) markdown: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Everybody wants one trip of 500 seats
    Hot,
    /// Ten thousand trips of 50 seats
    Spread,
    /// The same, and whoever was granted a hold buys, gives it back or leaves it to expire
    Life,
    /// Two thousand trips of 50 seats and eight legs, of which a hold takes two
    Legs,
    /// Fifty trips of 500 seats, and every hold is given back at once: it has no end
    Turnover,
    /// Ten thousand trips of 50 seats, and every hold expires after five seconds: it has no end
    Lapse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// Three nodes, over the SDK's pipelines
    Seatgrid,
    /// Three nodes, over the SDK's pipelines, with holds of a trip in batches
    SeatgridBatch,
    /// Three nodes, a plain call for each hold
    SeatgridUnary,
    /// Redis without persistence, a Lua script
    Redis,
    /// Redis without persistence, SET NX for every seat
    RedisSetNx,
    /// Redis whose log is flushed every second
    RedisEverysec,
    /// Redis whose log is flushed before an answer
    RedisAlways,
    /// Redis without persistence and a replica that every hold waits for
    RedisWait,
    /// Redis whose log is flushed before an answer, and a replica that every hold waits for
    RedisAlwaysWait,
    /// PostgreSQL, SELECT … FOR UPDATE in a transaction
    PostgresForUpdate,
    /// PostgreSQL, one statement
    Postgres,
    /// PostgreSQL, one statement, synchronous_commit off: a crash loses what was acknowledged last
    PostgresAsync,
    /// Three members, one lease for all holds
    Etcd,
    /// Three members, a lease for each hold
    EtcdLease,
    /// A server that does nothing but answer: the clients' ceiling
    Null,
}

impl Which {
    fn system(self, args: &Args) -> System {
        let (shards, reserve_mib) = (args.shards, args.reserve_mib);
        let seatgrid = |caller| System::Seatgrid { shards, reserve_mib, caller };
        let lua =
            |persistence, replica| System::Redis { asking: Asking::Lua, persistence, replica };
        let postgres = |way, synchronous| System::Postgres { way, synchronous };
        match self {
            Self::Seatgrid => seatgrid(Caller::Pipeline),
            Self::SeatgridBatch => seatgrid(Caller::Batch(args.batch)),
            Self::SeatgridUnary => seatgrid(Caller::Unary),
            Self::Redis => lua(Persistence::None, false),
            Self::RedisSetNx => {
                let (asking, persistence) = (Asking::SetNx, Persistence::None);
                System::Redis { asking, persistence, replica: false }
            }
            Self::RedisEverysec => lua(Persistence::EverySecond, false),
            Self::RedisAlways => lua(Persistence::Always, false),
            Self::RedisWait => lua(Persistence::None, true),
            Self::RedisAlwaysWait => lua(Persistence::Always, true),
            Self::PostgresForUpdate => postgres(Way::ForUpdate, true),
            Self::Postgres => postgres(Way::OneStatement, true),
            Self::PostgresAsync => postgres(Way::OneStatement, false),
            Self::Etcd => System::Etcd(Leases::Shared),
            Self::EtcdLease => System::Etcd(Leases::PerHold),
            Self::Null => System::Null,
        }
    }
}

impl Args {
    /// The systems that take turns.
    pub(super) fn systems(&self) -> Vec<System> {
        use clap::ValueEnum as _;
        let wanted = if self.systems.is_empty() { Which::value_variants() } else { &self.systems };
        wanted.iter().map(|which| which.system(self)).collect()
    }

    /// What they are asked for.
    pub(super) fn workload(&self) -> Workload {
        let own = match self.workload {
            What::Hot => Workload::hot(self.seats),
            What::Spread => Workload::spread(self.seats),
            What::Life => Workload::life(self.seats),
            What::Legs => Workload::legs(self.seats),
            What::Turnover => Workload::turnover(self.seats),
            What::Lapse => Workload::lapse(self.seats),
        };
        let (trips, seats) =
            (self.trips.unwrap_or(own.trips), self.trip_seats.unwrap_or(own.seats));
        Workload { trips, seats, ..own }
    }

    /// How much is on sale, where it is not the workload's own size.
    pub(super) fn size(&self) -> Option<Size> {
        let Workload { trips, seats, .. } = self.workload();
        (self.trips.is_some() || self.trip_seats.is_some()).then_some(Size { trips, seats })
    }

    /// What is wrong with the settings together.
    pub(super) fn complaint(&self) -> Option<String> {
        let slices = self.slice.map(|slice| self.duration.div_duration_f64(slice));
        if slices.is_some_and(|slices| slices > f64::from(MAX_SLICES)) {
            return Some(format!("--duration divided by --slice may be at most {MAX_SLICES}"));
        }
        let places = self.workload().capacity();
        (places > MAX_HOLDS).then(|| {
            format!("--trips times --trip-seats may be at most {MAX_HOLDS} holds, not {places}")
        })
    }
}

/// Lanes and depth, as `4x16`.
fn load(text: &str) -> Result<Load, String> {
    let wrong = || format!("{text:?} is not LANESxDEPTH, each from 1 to 65536, such as 4x16");
    let (lanes, depth) = text.split_once(['x', '×']).ok_or_else(wrong)?;
    let number = |text: &str| text.parse().ok().filter(|n| (1..=65_536).contains(n));
    Ok(Load { lanes: number(lanes).ok_or_else(wrong)?, depth: number(depth).ok_or_else(wrong)? })
}

/// Arrivals each second.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=10_000_000.0).contains(rate));
    rate.ok_or_else(|| format!("{text:?} is not a number from 1 to 10000000"))
}
