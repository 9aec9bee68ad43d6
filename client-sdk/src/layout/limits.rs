//! Every limit of a layout: its name, its unit and its reason.

/// Largest layout file that is read, in bytes: a hall of 200,000 seats written out seat by seat fits.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Most numbered seats of one layout: twice the largest stadium.
pub const MAX_SEATS: usize = 200_000;

/// Most places (seats and gaps together): bounds what a pattern of gaps can make us allocate.
pub const MAX_PLACES: usize = 2 * MAX_SEATS;

/// Most rows: a layout of one seat a row is legal.
pub const MAX_ROWS: usize = MAX_SEATS;

/// Most places of one row, gaps included.
pub const MAX_PLACES_PER_ROW: usize = 4_096;

/// Most zones of one layout: a zone is a fare class, not a seat.
pub const MAX_ZONES: usize = 1_024;

/// Most people that one general-admission zone can admit.
pub const MAX_CAPACITY: u32 = 1_000_000;

/// Longest seat name in bytes; the shortest is one byte.
pub const MAX_SEAT_NAME_BYTES: usize = 32;

/// Longest zone name in bytes.
pub const MAX_ZONE_NAME_BYTES: usize = 64;

/// Longest name of a row, or of a deck, coach or section, in bytes.
pub const MAX_ROW_NAME_BYTES: usize = 64;

/// Longest name of a layout in bytes.
pub const MAX_LAYOUT_NAME_BYTES: usize = 128;

// A zone is named by a `u16` in every seat.
const _: () = assert!(MAX_ZONES <= u16::MAX as usize);
const _: () = assert!(MAX_SEATS <= MAX_PLACES && MAX_PLACES_PER_ROW <= MAX_PLACES);
