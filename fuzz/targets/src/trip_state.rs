//! The state of a trip in a snapshot.
//!
//! What is read is sound, whatever the bytes: damage cannot sell a seat twice. It is written as one
//! encoding, which reads as the same state; and it goes on.

use actors::ids::Timestamp;
use actors::seat_map::codec::{decode_state, encode_state, layout_of_state};
use actors::seat_map::{CommandBody, SeatMap, invariants};

use crate::{Seed, world};

/// Reads a state, checks it, writes it and lets time go on.
pub fn run(bytes: &[u8]) {
    let Ok(map) = decode_state(bytes, &world::find) else { return };
    assert!(layout_of_state(bytes).is_ok());
    is_sound(&map);
}

/// A state that was read is sound and stays so.
pub(crate) fn is_sound(map: &SeatMap) {
    invariants::check(map).expect("what is decoded is sound");
    let encoded = encode_state(map);
    let again = decode_state(&encoded, &|_| Some(map.trip().layout.clone()));
    let again = again.expect("what was encoded decodes");
    assert_eq!(encode_state(&again), encoded, "a state has one encoding");
    assert_eq!(again.digest(), map.digest());
    let mut map = again;
    let next = world::position(u64::from(u32::MAX));
    if map.position() < next {
        let expire = world::command(999, CommandBody::Expire);
        // Everything that can expire does.
        let _ = map.apply(Timestamp::from_unix_ms(u64::MAX), next, &expire);
        invariants::check(&map).expect("it stays sound");
    }
}

/// A busy trip.
pub fn seeds() -> Vec<Seed> {
    vec![("busy", encode_state(&world::busy()))]
}
