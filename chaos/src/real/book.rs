//! What a history says about each hold, to be compared with what the cluster has at the end.

use std::collections::BTreeMap;

use client_sdk::ids::HoldId;

use super::history::Record;
use crate::verify::call::{Kind, Outcome};

/// What buyers know of one hold.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The trip.
    pub trip: String,
    /// The hold.
    pub hold: HoldId,
    /// Numbers of its seats.
    pub seats: Vec<u32>,
    /// Its legs, from and to.
    pub legs: (u16, u16),
    /// It was acknowledged.
    pub held: bool,
    /// Its confirm was acknowledged.
    pub confirmed: bool,
    /// Its release was acknowledged.
    pub released: bool,
    /// A confirm or release whose outcome is not known.
    pub open_end: bool,
}

/// All holds of a history that may exist.
#[must_use]
pub fn entries(records: &[Record]) -> Vec<Entry> {
    let mut entries: BTreeMap<HoldId, Entry> = BTreeMap::new();
    for record in records {
        let entry = entries.entry(record.hold).or_insert_with(|| Entry {
            trip: record.trip.clone(),
            hold: record.hold,
            seats: record.seats.clone(),
            legs: record.legs,
            held: false,
            confirmed: false,
            released: false,
            open_end: false,
        });
        match (record.kind, record.outcome) {
            (Kind::Hold, Outcome::Ok) => entry.held = true,
            (Kind::Confirm, Outcome::Ok) => entry.confirmed = true,
            (Kind::Release, Outcome::Ok) => entry.released = true,
            (Kind::Confirm | Kind::Release, Outcome::Unknown) => entry.open_end = true,
            _ => {}
        }
    }
    entries.into_values().collect()
}
