//! What every hold is checked against: the part of a trip's rules that is kept with the state, because
//! the trip as it was put on sale lies a few cache misses away.

use std::sync::Arc;

use proto::ids::{Legs, Timestamp};

use super::layout::Layout;
use super::open::Open;

/// The terms of sale, as [`Open`] has them.
#[derive(Clone, PartialEq)]
pub(super) struct Terms {
    /// The seats and zones.
    pub(super) layout: Arc<Layout>,
    /// Before this moment nothing is held.
    pub(super) sale_opens_at: Timestamp,
    /// From this moment on nothing is held; the end of time if that has not been said.
    pub(super) sale_closes_at: Timestamp,
    /// Shortest, usual and longest time to live of a hold, in milliseconds.
    pub(super) ttl_min_ms: u64,
    pub(super) ttl_default_ms: u64,
    pub(super) ttl_max_ms: u64,
    /// Most seats of one hold.
    pub(super) max_seats_per_hold: u32,
    /// Most seats that one buyer may have; 0 is no limit.
    pub(super) max_seats_per_buyer: u32,
    /// How many legs the trip has.
    pub(super) leg_count: u16,
    /// Whether people can board and alight at every stop, as nearly always.
    pub(super) serves_all_stops: bool,
}

impl Terms {
    /// The terms of a trip.
    pub(super) fn of(open: &Open) -> Self {
        let rules = &open.rules;
        Self {
            layout: Arc::clone(&open.layout),
            sale_opens_at: rules.sale_opens_at.unwrap_or_default(),
            sale_closes_at: rules.sale_closes_at.unwrap_or(Timestamp::MAX),
            ttl_min_ms: rules.ttl_min_ms,
            ttl_default_ms: rules.ttl_default_ms,
            ttl_max_ms: rules.ttl_max_ms,
            max_seats_per_hold: rules.max_seats_per_hold,
            max_seats_per_buyer: rules.max_seats_per_buyer,
            leg_count: open.leg_count(),
            serves_all_stops: open.stops.iter().all(|stop| stop.boarding && stop.alighting),
        }
    }

    /// The legs from the first stop to the last.
    pub(super) fn whole(&self) -> Legs {
        Legs::new(0, self.leg_count).expect("a checked trip has at least two stops")
    }
}
