//! Every limit of an import: its name, its unit and its reason.

/// Most bytes that one file of a feed may have when it is unpacked: a small archive can claim to
/// hold terabytes.
pub(crate) const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// Most rows of one file: what the largest national feeds come to.
pub(crate) const MAX_ROWS: u64 = 10_000_000;

/// Most entries that are looked at when a folder or an archive is searched for the feed.
pub(crate) const MAX_ENTRIES: usize = 10_000;

/// How many folders deep the feed may lie in a directory.
pub(crate) const MAX_DEPTH: usize = 3;

/// Longest field in bytes: a longer one is a quote that was never closed.
pub(crate) const MAX_FIELD_BYTES: usize = 16 * 1024;

/// Most stops of one trip: one more than the 1,024 legs that a trip can be sold on.
pub(crate) const MAX_STOPS_PER_TRIP: usize = 1_025;

/// Most departures a day that the frequencies of one trip may stand for: one a minute.
pub(crate) const MAX_DEPARTURES_PER_DAY: usize = 1_440;

/// Latest hour of a time of day; journeys of a week are past 160:00.
pub(crate) const MAX_HOURS: i32 = 999;

/// Furthest that a time may lie before the one ahead of it and still be mended, in seconds: a border
/// between time zones costs an hour or two, a forgotten midnight costs most of a day.
pub(crate) const MAX_BACKSTEP_S: i32 = 12 * 3600;

/// Longest trip key in bytes.
pub(crate) const MAX_TRIP_KEY_BYTES: usize = 128;

/// Longest title and stop name in bytes; the rest is cut off.
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// How many rows are shown for each reason; all of them are counted.
pub(crate) const MAX_EXAMPLES_PER_REASON: usize = 10;
