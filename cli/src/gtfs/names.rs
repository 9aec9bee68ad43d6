//! Names that leave the import: safe, short, and the same in every run.

use super::limits::{MAX_NAME_BYTES, MAX_TRIP_KEY_BYTES};
use super::time::format_seconds;

/// `@2019-03-25T999:59:59` stands behind the part that comes from the trip's id.
const MAX_KEY_SUFFIX_BYTES: usize = 21;

/// The part of a trip key that comes from the trip's id: different ids give different parts.
///
/// White space, control characters and `%` are written as `%20` and the like. An id that is too
/// long is cut and ends in `%~` and a 128-bit hash of the whole, which no other id can end in.
pub(super) fn key_base(trip_id: &str) -> String {
    let max = MAX_TRIP_KEY_BYTES - MAX_KEY_SUFFIX_BYTES;
    let mut safe = String::with_capacity(trip_id.len());
    for letter in trip_id.chars() {
        if letter.is_whitespace() || letter.is_control() || letter == '%' {
            let mut buffer = [0; 4];
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                safe.push_str(&format!("%{byte:02X}"));
            }
        } else {
            safe.push(letter);
        }
    }
    if safe.len() <= max {
        return safe;
    }
    let hash = format!("%~{:032x}", fnv1a(trip_id.as_bytes()));
    cut(&mut safe, max - hash.len());
    safe + &hash
}

/// The key of one trip on one day; `start` is set where a frequency runs it several times a day.
pub(super) fn trip_key(base: &str, day: jiff::civil::Date, start: Option<i32>) -> String {
    let key = match start {
        None => format!("{base}@{day}"),
        Some(start) => format!("{base}@{day}T{}", format_seconds(start)),
    };
    debug_assert!(key.len() <= MAX_TRIP_KEY_BYTES);
    key
}

/// A name for people: no control characters, at most [`MAX_NAME_BYTES`].
pub(super) fn display_name(name: &str) -> String {
    let mut name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&mut name, MAX_NAME_BYTES);
    name
}

/// `ICE 521 → München Hbf`: the route, the trip's own number if it has one, and where it goes.
pub(super) fn title(route: &str, number: &str, headsign: &str) -> String {
    let mut name = route.to_owned();
    if !number.is_empty() && !route.contains(number) {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(number);
    }
    match (name.is_empty(), headsign.is_empty() || headsign == name) {
        (false, false) => display_name(&format!("{name} → {headsign}")),
        (true, false) => display_name(headsign),
        _ => display_name(&name),
    }
}

/// Shortens to at most `max` bytes, between characters.
fn cut(text: &mut String, max: usize) {
    text.truncate(text.floor_char_boundary(max));
}

/// FNV-1a, 128 bits: part of the keys, so it must never change, as a library's default hash may.
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}
