//! What a load is to be like.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::value;

/// Buyers of one load, at most: each takes memory, and more than a million only take turns.
const MAX_BUYERS: u64 = 1_000_000;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Buyers at a time.
    #[arg(long, default_value = "512", value_parser = value::count)]
    pub(crate) buyers: u64,
    /// How long.
    #[arg(long, default_value = "10s", value_parser = value::duration)]
    pub(crate) duration: Duration,
    /// Time at the beginning that is not measured.
    #[arg(long, default_value = "1s", value_parser = value::duration)]
    pub(crate) warmup: Duration,
    /// Whether buyers wait for each other.
    #[arg(long, value_enum, default_value_t = Mode::Closed, requires_if("open", "rate"))]
    pub(crate) mode: Mode,
    /// Buyers that arrive each second, in the open mode.
    #[arg(long, value_parser = value::count)]
    pub(crate) rate: Option<u64>,
    /// What buyers do.
    #[arg(long, value_enum, default_value_t = Workload::Life)]
    pub(crate) workload: Workload,
    /// The trips: a trip's id, or what their ids begin with.
    #[arg(long, default_value = "", value_name = "ID|PREFIX")]
    pub(crate) trips: String,
    /// At most so many trips.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) max_trips: usize,
    /// How buyers choose among trips.
    #[arg(long, value_enum, default_value_t = Skew::Uniform)]
    pub(crate) skew: Skew,
    /// How buyers choose their seat.
    #[arg(long, value_enum)]
    pub(crate) pick: Option<Pick>,
    /// Whether buyers ride all the way.
    #[arg(long, value_enum, default_value_t = LegChoice::All)]
    pub(crate) legs: LegChoice,
    /// Of a hundred holds so many are confirmed, in the workloads life and hot.
    #[arg(long, default_value_t = 20, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) confirm: u8,
    /// Of a hundred holds so many are released; the others are left to expire.
    #[arg(long, default_value_t = 75, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) release: u8,
    /// Life of a hold.
    #[arg(long, default_value = "60s", value_parser = value::duration)]
    pub(crate) ttl: Duration,
    /// Commands in flight at most; one for each buyer unless given.
    #[arg(long, value_parser = value::count)]
    pub(crate) outstanding: Option<u64>,
    /// How long a buyer asks for a hold again that was refused for overload; as long as --timeout unless given.
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) patience: Option<Duration>,
    /// Tasks that drive buyers; one for each processor unless given.
    #[arg(long)]
    pub(crate) workers: Option<usize>,
    /// Time between reading the trips and the load, for example until they have left the memory.
    #[arg(long, value_name = "DURATION", value_parser = value::duration, default_value = "0s")]
    pub(crate) settle: Duration,
    /// Pipeline streams to each node.
    #[arg(long, default_value_t = 2)]
    pub(crate) streams: usize,
    /// Write every acknowledged command to this file, for `check --ledger`.
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// Write every call to this file, for `seatgrid-chaos verify`: about 300 bytes each. Where the disk is slower
    /// than the load, the load waits for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Seed of every choice.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Whether buyers wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// A buyer begins again as soon as the last life is over: as fast as the cluster can.
    Closed,
    /// Buyers arrive at a rate, whether or not the cluster keeps up; latency counts from the arrival.
    Open,
}

/// What buyers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Hold a free seat and leave it to expire.
    HoldOnly,
    /// Hold, then confirm, release or leave.
    Life,
    /// The same, all on one trip, after the same seats.
    Hot,
    /// Ask for seats that are sold.
    Refusal,
}

/// How buyers choose among trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Skew {
    /// Each as likely as the next.
    Uniform,
    /// A few trips get most buyers.
    Zipf,
}

/// How buyers choose their seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pick {
    /// One that should be free: measures holds that succeed.
    Fresh,
    /// Any: measures what happens when buyers compete.
    Random,
}

/// Whether buyers ride all the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LegChoice {
    /// The whole trip.
    All,
    /// Any run of legs.
    Random,
}

impl Args {
    /// How buyers choose their seat, where not given: as the workload is meant.
    pub(crate) fn pick(&self) -> Pick {
        self.pick.unwrap_or(match self.workload {
            Workload::HoldOnly | Workload::Life => Pick::Fresh,
            Workload::Hot | Workload::Refusal => Pick::Random,
        })
    }

    /// What is wrong with the settings together.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        if self.confirm + self.release > 100 {
            return Some("--confirm and --release together are more than a hundred percent");
        }
        if self.buyers == 0 || self.outstanding == Some(0) || self.rate == Some(0) {
            return Some("--buyers, --outstanding and --rate must be at least 1");
        }
        if self.buyers > MAX_BUYERS || self.outstanding.is_some_and(|many| many > MAX_BUYERS) {
            return Some("--buyers and --outstanding may be at most 1000000");
        }
        if self.mode == Mode::Closed && self.rate.is_some() {
            return Some("--rate goes with --mode open");
        }
        None
    }
}
