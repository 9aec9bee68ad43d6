//! Entries of a shard's log.
//!
//! An entry that reads to its end and whose commands all read is written again as it was read.

use actors::entry::Kind;
use actors::fuzzing;
use actors::ids::TripId;
use actors::seat_map::codec::decode_command;

use crate::command::comes_back;
use crate::{Seed, world};

/// Reads an entry and its commands, and writes it again.
pub fn run(bytes: &[u8]) {
    let Ok((kind, at, proposal, found)) = fuzzing::read_entry(bytes) else { return };
    let mut commands = Vec::new();
    for (trip, command) in found {
        let Ok(command) = decode_command(command, &world::find) else { return };
        comes_back(&command);
        let Ok(trip) = TripId::new(trip) else { return };
        commands.push((trip, command));
    }
    let encoded = match kind {
        Kind::Audit if commands.is_empty() => fuzzing::audit_entry(at, proposal),
        Kind::Audit => return,
        Kind::Commands => fuzzing::entry(at, proposal, &commands),
    };
    let (again, _, _, found) = fuzzing::read_entry(&encoded).expect("what was written reads");
    assert_eq!((again, found.len()), (kind, commands.len()));
    for ((trip, bytes), (expected, command)) in found.into_iter().zip(&commands) {
        assert_eq!(trip, expected.as_str());
        assert_eq!(decode_command(bytes, &world::find).as_ref(), Ok(command));
    }
}

/// Entries of every kind.
pub fn seeds() -> Vec<Seed> {
    let commands = world::commands().into_iter().skip(1);
    let commands: Vec<_> = commands.map(|(_, command)| (world::trip_id(), command)).collect();
    let at = world::at(1_700_000_000_000);
    vec![
        ("audit", fuzzing::audit_entry(at, 7)),
        ("empty", fuzzing::entry(at, 7, &[])),
        ("two", fuzzing::entry(at, 7, &commands[..2])),
        ("every-kind", fuzzing::entry(at, 7, &commands)),
    ]
}
