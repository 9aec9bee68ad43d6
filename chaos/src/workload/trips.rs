//! What is on sale.

use std::sync::Arc;

use actors::ids::TripId;
use actors::seat_map::{
    LatePolicy, Layout, LayoutSpec, Open, Rules, SeatSpec, Stop, ZoneKind, ZoneSpec,
};
use proto::ids::{SeatNo, ZoneNo};

/// Numbered seats of a trip.
pub(super) const SEATS: u32 = 24;

/// The zone of general admission.
pub(super) const STANDING: ZoneNo = ZoneNo::new(1);

/// Its places.
const STANDING_PLACES: u32 = 12;

/// Legs of a trip.
pub(super) const LEGS: u16 = 4;

/// Shortest time to live of a hold.
pub(super) const TTL_MIN_MS: u64 = 1_000;

/// Time to live of a hold that asks for none.
pub const TTL_DEFAULT_MS: u64 = 5_000;

/// The longest life of a hold, whatever is done to prolong it: then everything that was not paid is
/// free again.
pub const HOLD_CAP_MS: u64 = 30_000;

/// The id of a trip by its number.
///
/// # Panics
/// Never: the ids are short.
#[must_use]
pub fn trip_id(number: u64) -> TripId {
    TripId::new(&format!("trip-{number}")).expect("a short word is a trip id")
}

/// A coach of rows of two and two, with standing room, on a line of five stops. Every other trip takes
/// late confirms back where it can.
///
/// # Panics
/// Never: the layout is valid.
#[must_use]
pub fn coach(number: u64) -> Open {
    let seat = |n: u32| SeatSpec {
        name: format!("{}{}", n / 4 + 1, char::from(b'A' + (n % 4) as u8)).into(),
        zone: ZoneNo::new(0),
        deck: 0,
        attributes: Default::default(),
    };
    let row = |first: u32| {
        let seat = |n| Some(SeatNo::new(first + n));
        vec![seat(0), seat(1), None, seat(2), seat(3)]
    };
    let standing = ZoneKind::GeneralAdmission { capacity: STANDING_PLACES };
    let spec = LayoutSpec {
        zones: vec![
            ZoneSpec { name: "seats".into(), kind: ZoneKind::Numbered },
            ZoneSpec { name: "standing".into(), kind: standing },
        ],
        seats: (0..SEATS).map(seat).collect(),
        rows: (0..SEATS).step_by(4).map(row).collect(),
    };
    let stop = |n: u16| Stop {
        name: format!("stop {n}").into(),
        arrives_at: None,
        departs_at: None,
        boarding: true,
        alighting: true,
    };
    let late = if number.is_multiple_of(2) { LatePolicy::Reacquire } else { LatePolicy::Refuse };
    Open {
        title: format!("coach {number}").into(),
        stops: (0..=LEGS).map(stop).collect(),
        layout: Arc::new(Layout::new(spec).expect("the coach is a valid layout")),
        rules: Rules {
            ttl_min_ms: TTL_MIN_MS,
            ttl_default_ms: TTL_DEFAULT_MS,
            ttl_max_ms: 10_000,
            payment_window_ms: 8_000,
            hold_cap_ms: HOLD_CAP_MS,
            max_seats_per_hold: 8,
            max_seats_per_buyer: if number.is_multiple_of(3) { 6 } else { 0 },
            late,
            ..Rules::default()
        },
    }
}
