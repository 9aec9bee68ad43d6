//! What buyers asked and were answered: one record for each call, a JSON object a line.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

use client_sdk::ids::HoldId;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To hold seats.
    Hold,
    /// To confirm a hold.
    Confirm,
    /// To release a hold.
    Release,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Acknowledged.
    Ok,
    /// Refused by the seat map.
    Refused,
    /// It did not happen: nobody could carry it out.
    Failed,
    /// The answer was lost, or the buyer went away: it may or may not have happened.
    Unknown,
    /// A defect: valid input that was answered as if it were not.
    Defect,
}

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

/// Writes records to a file.
///
/// # Errors
/// When the file cannot be written.
pub fn write(records: &[Record], path: &Path) -> io::Result<()> {
    let mut file = io::BufWriter::new(std::fs::File::create(path)?);
    for record in records {
        serde_json::to_writer(&mut file, record)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}
