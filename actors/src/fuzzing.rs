//! Doors to this crate's private decoders. They are there for the fuzz targets alone.

use crate::entry::{BadEntry, EntryReader, EntryWriter, Kind, audit_mark};
use crate::ids::{Timestamp, TripId};
use crate::record::{self, TripRecord};
use crate::seat_map::codec::{Layouts, Resolver};
use crate::seat_map::{Command, Layout, SeatMap};

/// A snapshot record: its key and its value.
pub type Record = (Vec<u8>, Vec<u8>);

/// The records that a shard of one trip writes.
#[must_use]
pub fn records(trip: &TripId, map: &SeatMap, newest: Timestamp) -> [Record; 3] {
    let layout = &map.trip().layout;
    [
        (record::trip_key(trip), record::encode_trip(map)),
        (record::layout_key(layout.digest()), record::encode_layout(layout)),
        (record::SHARD_KEY.to_vec(), record::encode_shard(newest)),
    ]
}

/// The record of a fenced trip.
#[must_use]
pub fn fenced(trip: &TripId, why: &str) -> Record {
    (record::trip_key(trip), record::encode_fenced(why))
}

/// What a record says.
pub enum Read<'a> {
    /// A trip and whether its record agrees with its seat map.
    Trip {
        /// The seat map.
        map: Box<SeatMap>,
        /// What the record says before the seat map is what the seat map says.
        agrees: bool,
    },
    /// Why a trip is fenced.
    Fenced(&'a str),
    /// A layout.
    Layout(Box<Layout>),
    /// The log time of a shard.
    Shard(Timestamp),
}

/// Reads a record as its key says.
///
/// # Errors
/// Why it cannot be read.
pub fn read_record<'a>(
    key: &[u8],
    value: &'a [u8],
    layouts: Resolver<'_>,
) -> Result<Read<'a>, String> {
    match key.first() {
        Some(b't') => match record::decode_trip(value).map_err(|bad| bad.0)? {
            TripRecord::Fenced(why) => Ok(Read::Fenced(why)),
            TripRecord::Map { passive, idle, map } => {
                let map = Box::new(record::decode_map(map, layouts).map_err(|bad| bad.0)?);
                let agrees = passive == record::Passive::of(&map) && idle == map.is_idle();
                Ok(Read::Trip { map, agrees })
            }
        },
        Some(b'l') => {
            record::decode_layout(value).map(Box::new).map(Read::Layout).map_err(|bad| bad.0)
        }
        _ => record::decode_shard(value).map(Read::Shard).map_err(|bad| bad.0),
    }
}

/// Writes a record again from what was read.
#[must_use]
pub fn write_record(read: &Read<'_>) -> Vec<u8> {
    match read {
        Read::Trip { map, .. } => record::encode_trip(map),
        Read::Fenced(why) => record::encode_fenced(why),
        Read::Layout(layout) => record::encode_layout(layout),
        Read::Shard(newest) => record::encode_shard(*newest),
    }
}

/// A log entry as a leader writes it.
#[must_use]
pub fn entry(at: Timestamp, proposal: u64, commands: &[(TripId, Command)]) -> Vec<u8> {
    let mut writer = EntryWriter::new();
    for (trip, command) in commands {
        writer.push(trip, command, Layouts::Inline);
    }
    writer.seal(at, proposal).into()
}

/// An audit mark as a leader writes it.
#[must_use]
pub fn audit_entry(at: Timestamp, proposal: u64) -> Vec<u8> {
    audit_mark(at, proposal).into()
}

/// The commands of an entry as they stand in it.
pub type Commands<'a> = Vec<(&'a str, &'a [u8])>;

/// Reads an entry to its end: its kind, log time, proposal and commands.
///
/// # Errors
/// Why it cannot be read.
pub fn read_entry(bytes: &[u8]) -> Result<(Kind, Timestamp, u64, Commands<'_>), &'static str> {
    let why = |bad: BadEntry| bad.0;
    let mut reader = EntryReader::new(bytes).map_err(why)?;
    let (kind, at, proposal) = (reader.kind, reader.at, reader.proposal);
    let mut commands = Vec::new();
    while let Some(command) = reader.next().map_err(why)? {
        commands.push(command);
    }
    Ok((kind, at, proposal, commands))
}
