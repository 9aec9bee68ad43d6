//! Snapshot records of a shard: trips, layouts, and the shard itself. The bytes are the length of the
//! key, the key, and the value.
//!
//! What is read is written as one encoding, and a seat map in a record is sound.

use actors::fuzzing::{self, Read, Record};

use crate::{Seed, trip_state, world};

/// Reads a record and writes it again.
pub fn run(bytes: &[u8]) {
    let Some((&length, rest)) = bytes.split_first() else { return };
    let Some((key, value)) = rest.split_at_checked(length.into()) else { return };
    let Ok(read) = fuzzing::read_record(key, value, &world::find) else { return };
    if let Read::Trip { map, .. } = &read {
        trip_state::is_sound(map);
    }
    let encoded = fuzzing::write_record(&read);
    let again = fuzzing::read_record(key, &encoded, &world::find);
    let again = again.expect("what was written reads");
    assert!(!matches!(again, Read::Trip { agrees: false, .. }), "a record agrees with its map");
    assert_eq!(fuzzing::write_record(&again), encoded, "a record has one encoding");
}

/// Records of every kind.
pub fn seeds() -> Vec<Seed> {
    let trip = world::trip_id();
    let [map, layout, shard] = fuzzing::records(&trip, &world::busy(), world::at(4_000));
    let fenced = fuzzing::fenced(&trip, "a panic without a message");
    [("trip", map), ("layout", layout), ("shard", shard), ("fenced", fenced)]
        .map(|(name, record)| (name, joined(record)))
        .into()
}

fn joined((key, value): Record) -> Vec<u8> {
    let length = u8::try_from(key.len()).expect("the keys are short");
    [&[length], key.as_slice(), &value].concat()
}
