//! Every limit of the seat map: a name, a unit and a reason each.

/// Most seats of a layout, in seats: the largest stadiums hold about 130,000.
pub const MAX_SEATS: usize = 200_000;

/// Most zones of a layout, in zones: a stadium has a few hundred blocks.
pub const MAX_ZONES: usize = 1024;

/// Most rows of a layout, in rows: never more than one a seat.
pub const MAX_ROWS: usize = MAX_SEATS;

/// Most places of all rows together, in places (seats and gaps): leaves room for an aisle a seat.
pub const MAX_PLACES: usize = 2 * MAX_SEATS;

/// Most legs of a trip, in legs: the longest train runs known to us have 118.
pub const MAX_LEGS: usize = 1024;

/// Most zones times legs of a trip, in counters: 16 bytes each, so at most 1 MiB a trip.
pub const MAX_ZONE_LEGS: usize = 65_536;

/// Most mask words of a trip, in words of 64 legs: 8 bytes each, so at most 8 MiB a trip.
pub const MAX_MASK_WORDS: usize = 1 << 20;

/// Largest general-admission zone, in places: a festival field.
pub const MAX_ZONE_CAPACITY: u32 = 1_000_000;

/// Longest seat name, in bytes: it is printed on a ticket.
pub const MAX_SEAT_NAME_BYTES: usize = 32;

/// Longest zone name, in bytes: it is a line of a price list.
pub const MAX_ZONE_NAME_BYTES: usize = 64;

/// Longest stop name, in bytes: station names with their town.
pub const MAX_STOP_NAME_BYTES: usize = 128;

/// Longest title of a trip, in bytes: one line of a page.
pub const MAX_TITLE_BYTES: usize = 256;

/// Longest note on a block, in bytes: one sentence; it is kept in memory while the block lasts.
pub const MAX_NOTE_BYTES: usize = 256;

/// Most seats (or places of a zone) of one hold, in seats: a chartered train; more is a contract.
pub const MAX_SEATS_PER_HOLD: u32 = 1000;

/// Most seats that one command may name, in seats: a stand that is blocked at once.
pub const MAX_SEATS_PER_COMMAND: usize = 10_000;

/// Most seats that the seat map chooses for one hold, in seats: bounds the search for pieces.
pub const MAX_BEST_QUANTITY: u32 = 100;

/// Most commands of a batch, in commands: a batch copies the trip's state to be able to step back.
pub const MAX_BATCH: usize = 64;

/// Shortest time to live that a trip may allow, in milliseconds: shorter than a round trip is useless.
pub const MIN_TTL_MS: u64 = 1000;

/// Longest time to live, payment window and life of a hold that a trip may allow, in milliseconds: a
/// day. Longer is a reservation, not a hold.
pub const MAX_TTL_MS: u64 = 24 * HOUR_MS;

/// Time to live of a hold when neither the caller nor the trip says otherwise, in milliseconds.
pub const DEFAULT_TTL_MS: u64 = 10 * MINUTE_MS;

/// Longest time to live of a hold when the trip does not say otherwise, in milliseconds.
pub const DEFAULT_MAX_TTL_MS: u64 = HOUR_MS;

/// Payment window when the trip does not say otherwise, in milliseconds: a bank's challenge fits.
pub const DEFAULT_PAYMENT_WINDOW_MS: u64 = 15 * MINUTE_MS;

/// Life of a hold from its grant over all extensions and payments when the trip does not say
/// otherwise, in milliseconds: nobody keeps seats from others for longer without paying.
pub const DEFAULT_HOLD_CAP_MS: u64 = 2 * HOUR_MS;

/// How long a finished id is remembered, in milliseconds of log time: no client retries for a day.
pub const REMEMBER_MS: u64 = 24 * HOUR_MS;

/// Most finished ids that a trip remembers, in ids: about 12 MB at the very most.
pub const MAX_REMEMBERED: usize = 65_536;

/// Changes in a trip's own journal. A shard's trips share one.
pub const MAX_CHANGES: usize = 128;

/// Most blocking seats that a refusal lists, in entries: enough to draw a group's conflict.
pub const MAX_BLOCKING: usize = 16;

/// Most winners that a late confirm is told, in fences.
pub const MAX_WINNERS: usize = 16;

/// Free seats that a refusal offers instead, in seats.
pub const ALTERNATIVES: usize = 4;

/// How far from the first taken seat alternatives are looked for, in seat numbers to either side.
pub const ALTERNATIVES_REACH: u32 = 64;

/// A minute in milliseconds.
const MINUTE_MS: u64 = 60_000;

/// An hour in milliseconds.
const HOUR_MS: u64 = 60 * MINUTE_MS;

const _: () = {
    assert!(MIN_TTL_MS <= DEFAULT_TTL_MS && DEFAULT_TTL_MS <= DEFAULT_MAX_TTL_MS);
    assert!(DEFAULT_MAX_TTL_MS <= DEFAULT_HOLD_CAP_MS && DEFAULT_HOLD_CAP_MS <= MAX_TTL_MS);
    assert!(MIN_TTL_MS <= DEFAULT_PAYMENT_WINDOW_MS && DEFAULT_PAYMENT_WINDOW_MS <= MAX_TTL_MS);
    assert!(MAX_TTL_MS <= u32::MAX as u64, "a time to live is stored in 32 bits");
    assert!(MAX_TTL_MS <= REMEMBER_MS, "a hold is remembered for as long as it may have lived");
    assert!(MAX_LEGS <= u16::MAX as usize && MAX_ZONES <= u16::MAX as usize);
    assert!(MAX_SEATS_PER_HOLD as usize <= MAX_SEATS_PER_COMMAND);
    assert!(MAX_BEST_QUANTITY <= MAX_SEATS_PER_HOLD);
    assert!(MAX_SEATS.div_ceil(1) <= MAX_MASK_WORDS, "the largest layout fits a one-leg trip");
    assert!(MAX_SEATS as u64 * MAX_LEGS as u64 <= u32::MAX as u64);
};
