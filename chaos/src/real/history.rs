//! What buyers asked and were answered: one record for each call, a JSON object a line.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use client_sdk::ids::HoldId;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use crate::verify;
use crate::verify::call::{Kind, Outcome};
use crate::verify::history::{FORMAT, Header, Line, Seat};

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Its number, in the order of answers.
    pub number: u64,
    /// What was asked.
    pub kind: Kind,
    /// The trip.
    pub trip: String,
    /// The hold.
    #[serde(serialize_with = "as_text")]
    pub hold: HoldId,
    /// Numbers of the seats.
    pub seats: Vec<u32>,
    /// The legs, from and to.
    pub legs: (u16, u16),
    /// The life that was asked for, in milliseconds.
    pub ttl_ms: u64,
    /// The same request had been sent before.
    pub again: bool,
    /// When it was asked, in microseconds after the run began.
    pub invoked_us: u64,
    /// When the answer came.
    pub completed_us: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The code of an answer that is not OK.
    pub code: String,
    /// The shard that decided.
    pub shard: u32,
    /// Where in its log.
    pub position: u64,
    /// The fencing number.
    pub fence: u64,
    /// Log time at which a hold ends, in Unix milliseconds.
    pub expires_at_ms: u64,
    /// A confirm took the seats back after the hold had expired.
    pub reacquired: bool,
}

fn as_text<S: serde::Serializer>(hold: &HoldId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hold)
}

/// Collects records.
#[derive(Debug)]
pub struct History {
    began: Instant,
    records: Mutex<Vec<Record>>,
}

impl History {
    /// An empty history that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: Instant::now(), records: Mutex::default() }
    }

    /// Microseconds since it began.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The moment of a time after the beginning, in milliseconds.
    #[must_use]
    pub fn at_ms(&self, ms: u64) -> Instant {
        self.began + std::time::Duration::from_millis(ms)
    }

    /// Adds a record, whose answer has just come.
    pub fn add(&self, mut record: Record) {
        let mut records = self.records.lock();
        record.number = records.len() as u64;
        record.completed_us = self.now_us();
        records.push(record);
    }

    /// Acknowledged holds of each shard in the last `ms`.
    #[must_use]
    pub fn holds_lately(&self, ms: u64) -> BTreeMap<u32, u64> {
        let since = self.now_us().saturating_sub(ms * 1_000);
        let mut counts = BTreeMap::new();
        let records = self.records.lock();
        for record in records.iter().rev().take_while(|record| record.completed_us >= since) {
            if record.kind == Kind::Hold && record.outcome == Outcome::Ok {
                *counts.entry(record.shard).or_default() += 1;
            }
        }
        counts
    }

    /// All records, in the order of answers.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().clone()
    }
}

/// What the first line of a file says: nobody but the buyers touched the trips.
const HEADER: Header = Header { history: FORMAT, complete: true };

/// Writes records to a file, a line each, behind a line about all of them.
///
/// # Errors
/// When the file cannot be written.
pub fn write(records: &[Record], path: &Path) -> io::Result<()> {
    let mut file = io::BufWriter::new(std::fs::File::create(path)?);
    serde_json::to_writer(&mut file, &HEADER)?;
    file.write_all(b"\n")?;
    for record in records {
        serde_json::to_writer(&mut file, record)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

/// The records as they are verified. The lines are those of the file.
#[must_use]
pub fn recorded(records: &[Record]) -> verify::History {
    let mut history = verify::History::new(HEADER.complete);
    for (line, record) in (2..).zip(records) {
        let hold = record.hold.to_string();
        history.add(
            line,
            &Line {
                kind: record.kind,
                outcome: record.outcome,
                trip: &record.trip,
                hold: &hold,
                seats: record.seats.iter().map(|&seat| Seat::Number(seat)).collect(),
                legs: Some(record.legs),
                invoked_us: record.invoked_us,
                completed_us: record.completed_us,
                again: record.again,
                reacquired: record.reacquired,
                code: &record.code,
                shard: record.shard,
                ttl_ms: record.ttl_ms,
                position: record.position,
                fence: record.fence,
                expires_at_ms: record.expires_at_ms,
                at_ms: 0,
            },
        );
    }
    history
}
