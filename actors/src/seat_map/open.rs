//! A trip as it is put on sale: stops, layout and rules. Nothing of it changes while the trip is on
//! sale.

use std::fmt;
use std::sync::Arc;

use proto::ids::{Legs, Timestamp};

use super::layout::Layout;
use super::limits::{
    DEFAULT_HOLD_CAP_MS, DEFAULT_MAX_TTL_MS, DEFAULT_PAYMENT_WINDOW_MS, DEFAULT_TTL_MS, MAX_LEGS,
    MAX_MASK_WORDS, MAX_SEATS_PER_HOLD, MAX_STOP_NAME_BYTES, MAX_TITLE_BYTES, MAX_TTL_MS,
    MAX_ZONE_LEGS, MIN_TTL_MS,
};

/// A trip as it is put on sale.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// What people call the trip; at most [`MAX_TITLE_BYTES`] bytes.
    pub title: Box<str>,
    /// The stops in order of travel: at least two. An event has a beginning and an end.
    pub stops: Box<[Stop]>,
    /// The seats and zones, shared by all trips with the same vehicle or hall.
    pub layout: Arc<Layout>,
    /// The rules of sale.
    pub rules: Rules,
}

/// A stop of a trip.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// The stop's name; at most [`MAX_STOP_NAME_BYTES`] bytes.
    pub name: Box<str>,
    /// When the vehicle arrives, if known.
    pub arrives_at: Option<Timestamp>,
    /// When the vehicle departs, if known.
    pub departs_at: Option<Timestamp>,
    /// Whether legs may begin here.
    pub boarding: bool,
    /// Whether legs may end here.
    pub alighting: bool,
}

/// The rules under which a trip is sold. [`Rules::default`] has no sale window and no limit a buyer.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Before this moment nothing is held; `None` is on sale from the start.
    pub sale_opens_at: Option<Timestamp>,
    /// From this moment on nothing is held; `None` is on sale until closed by hand.
    pub sale_closes_at: Option<Timestamp>,
    /// Most seats that one buyer may have in live holds and bookings; 0 is no limit.
    pub max_seats_per_buyer: u32,
    /// Most seats of one hold: 1 to [`MAX_SEATS_PER_HOLD`].
    pub max_seats_per_hold: u32,
    /// Shortest time to live of a hold, in milliseconds.
    pub ttl_min_ms: u64,
    /// Time to live when the caller asks for none, in milliseconds.
    pub ttl_default_ms: u64,
    /// Longest time to live of a hold, measured from the command, in milliseconds.
    pub ttl_max_ms: u64,
    /// Longest payment window, measured from the command, in milliseconds. Also the default.
    pub payment_window_ms: u64,
    /// Longest life of a hold from its grant, over all extensions and payments, in milliseconds.
    pub hold_cap_ms: u64,
    /// What a confirm does that comes after the hold has expired and does not say.
    pub late: LatePolicy,
}

/// What to do with a confirm that comes after the hold has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatePolicy {
    /// Refuse it: the caller gives the money back.
    Refuse,
    /// Take the seats again if all of them are still free, else refuse it.
    Reacquire,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            sale_opens_at: None,
            sale_closes_at: None,
            max_seats_per_buyer: 0,
            max_seats_per_hold: MAX_SEATS_PER_HOLD,
            ttl_min_ms: MIN_TTL_MS,
            ttl_default_ms: DEFAULT_TTL_MS,
            ttl_max_ms: DEFAULT_MAX_TTL_MS,
            payment_window_ms: DEFAULT_PAYMENT_WINDOW_MS,
            hold_cap_ms: DEFAULT_HOLD_CAP_MS,
            late: LatePolicy::Refuse,
        }
    }
}

/// Why a trip cannot be put on sale as it is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripFault {
    /// The title is too long.
    TitleTooLong {
        /// Its length in bytes; [`MAX_TITLE_BYTES`] are allowed.
        bytes: u32,
    },
    /// The number of stops is below 2 or beyond [`MAX_LEGS`] legs.
    StopCount {
        /// How many stops there are.
        stops: u32,
    },
    /// The name of a stop is too long.
    StopNameTooLong {
        /// The stop, counted from 0; [`MAX_STOP_NAME_BYTES`] bytes are allowed.
        stop: u16,
    },
    /// The layout has too many zones or seats for so many legs.
    TooManyLegs {
        /// How many legs the trip has.
        legs: u16,
    },
    /// The sale ends before it begins.
    SaleWindow,
    /// A limit of the rules is out of its range, or the time limits contradict each other.
    Rule {
        /// The name of the rule.
        rule: &'static str,
    },
}

impl fmt::Display for TripFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TitleTooLong { bytes } => {
                write!(f, "the title has {bytes} bytes, at most {MAX_TITLE_BYTES} are allowed")
            }
            Self::StopCount { stops } => {
                write!(f, "the trip has {stops} stops, 2 to {} are allowed", MAX_LEGS + 1)
            }
            Self::StopNameTooLong { stop } => write!(
                f,
                "the name of stop {stop} is longer than the {MAX_STOP_NAME_BYTES} bytes allowed"
            ),
            Self::TooManyLegs { legs } => {
                write!(f, "the layout has too many zones or seats for a trip of {legs} legs")
            }
            Self::SaleWindow => f.write_str("the sale ends before it begins"),
            Self::Rule { rule } => write!(f, "the rule {rule} is out of its range"),
        }
    }
}

impl Open {
    /// How many legs the trip has: one fewer than stops.
    pub fn leg_count(&self) -> u16 {
        u16::try_from(self.stops.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    /// The legs from the first stop to the last.
    ///
    /// # Panics
    /// If there are fewer than two stops, which [`Open::check`] refuses.
    pub fn whole(&self) -> Legs {
        Legs::new(0, self.leg_count()).expect("a checked trip has at least two stops")
    }

    /// Checks what the types do not: text lengths, the number of stops, the size of the state and the
    /// rules.
    pub fn check(&self) -> Result<(), TripFault> {
        if self.title.len() > MAX_TITLE_BYTES {
            let bytes = u32::try_from(self.title.len()).unwrap_or(u32::MAX);
            return Err(TripFault::TitleTooLong { bytes });
        }
        if self.stops.len() < 2 || self.stops.len() > MAX_LEGS + 1 {
            let stops = u32::try_from(self.stops.len()).unwrap_or(u32::MAX);
            return Err(TripFault::StopCount { stops });
        }
        if let Some(stop) = self.stops.iter().position(|s| s.name.len() > MAX_STOP_NAME_BYTES) {
            let stop = u16::try_from(stop).expect("stops are counted above");
            return Err(TripFault::StopNameTooLong { stop });
        }
        let legs = self.leg_count();
        let words = usize::from(legs).div_ceil(64) * self.layout.seats().len();
        let counters = usize::from(legs) * self.layout.zones().len();
        if words > MAX_MASK_WORDS || counters > MAX_ZONE_LEGS {
            return Err(TripFault::TooManyLegs { legs });
        }
        self.rules.check()
    }
}

impl Rules {
    /// Checks that every rule is in its range and that none contradicts another.
    pub fn check(&self) -> Result<(), TripFault> {
        if let (Some(opens), Some(closes)) = (self.sale_opens_at, self.sale_closes_at)
            && opens >= closes
        {
            return Err(TripFault::SaleWindow);
        }
        let in_range = [
            ("max_seats_per_hold", (1..=MAX_SEATS_PER_HOLD).contains(&self.max_seats_per_hold)),
            ("ttl_min_ms", self.ttl_min_ms >= MIN_TTL_MS),
            ("ttl_default_ms", self.ttl_default_ms >= self.ttl_min_ms),
            ("ttl_max_ms", self.ttl_max_ms >= self.ttl_default_ms),
            ("payment_window_ms", (MIN_TTL_MS..=MAX_TTL_MS).contains(&self.payment_window_ms)),
            ("hold_cap_ms", (self.ttl_max_ms..=MAX_TTL_MS).contains(&self.hold_cap_ms)),
        ];
        match in_range.iter().find(|(_, holds)| !holds) {
            Some((rule, _)) => Err(TripFault::Rule { rule }),
            None => Ok(()),
        }
    }
}
