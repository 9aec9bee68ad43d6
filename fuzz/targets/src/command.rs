//! Commands of the log.
//!
//! A command that is read has one encoding, and reading that gives the same command. Applied to a trip it
//! leaves the trip sound, and the trip as it is restored from its snapshot comes to the same answer.

use actors::seat_map::codec::{
    Layouts, decode_command, decode_state, encode_command, encode_state,
};
use actors::seat_map::{Command, invariants};

use crate::{Seed, world};

/// Reads a command, writes it, and applies it.
pub fn run(bytes: &[u8]) {
    let Ok(command) = decode_command(bytes, &world::find) else { return };
    comes_back(&command);
    apply(&command);
}

/// What replicas read is what the leader had.
pub(crate) fn comes_back(command: &Command) {
    let encoded = encode_command(command, Layouts::Inline);
    let again = decode_command(&encoded, &world::find);
    assert_eq!(again.as_ref(), Ok(command), "a command does not come back");
}

fn apply(command: &Command) {
    let mut map = world::busy();
    let (at, position) = (map.next_deadline().unwrap_or_default(), world::position(1_000));
    let restored = decode_state(&encode_state(&map), &world::find);
    let mut restored = restored.expect("what was encoded decodes");
    let outcome = map.apply(at, position, command);
    invariants::check(&map).expect("the trip is sound after any command");
    assert_eq!(restored.apply(at, position, command), outcome, "a restored trip decides alike");
    assert_eq!(restored.digest(), map.digest());
}

/// A command of every kind.
pub fn seeds() -> Vec<Seed> {
    let commands = world::commands().into_iter();
    commands.map(|(name, command)| (name, encode_command(&command, Layouts::Inline))).collect()
}
