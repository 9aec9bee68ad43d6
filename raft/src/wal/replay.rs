//! Reads the batches of one segment after the other into a ledger and an index.

use super::batch::{BatchHeader, BatchKind};
use super::error::{Damage, WalError};
use super::index::{Flushed, Index};
use super::ledger::Ledger;
use super::limits::{BATCH_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use super::record::{Kind, Record};
use super::segment::Segment;
use crate::disk::SECTOR_BYTES;
use crate::mutant::{Mutant, planted};
use std::ops::Range;

/// The log as far as it has been read.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) ledger: Ledger,
    pub(super) index: Index,
    /// Records so far.
    pub(super) records: u64,
    /// The number of the next batch, once the first has been read.
    pub(super) next_batch: Option<u64>,
    /// The checkpoint that is being read, at the start of a segment.
    checkpoint: Option<Ledger>,
    /// Whether a checkpoint has been read: the first one is believed, later ones must agree.
    begun: bool,
}

/// How far the good batches of a segment go.
#[derive(Debug)]
pub(super) struct Extent {
    /// The last good batch. `None`: the segment has none.
    pub(super) last_batch: Option<Range<usize>>,
    /// Where the next batch would begin.
    pub(super) end: usize,
    /// What is there.
    pub(super) stop: Stop,
}

/// What ends the good batches of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// A mark: everything before has been flushed.
    Mark,
    /// No header of a batch.
    NoBatch,
    /// A header whose batch ends at `end`, and the record at `bad` is not what it promises.
    BadBody { number: u64, bad: usize, end: usize },
}

/// The batch header at `at`, if it is one of this segment.
fn header_at(segment: &Segment, bytes: &[u8], at: usize) -> Option<BatchHeader> {
    BatchHeader::decode(segment.seed, segment.sequence, bytes.get(at..)?)
}

/// What earlier uses of a segment's file left behind the end stands where it was written. A batch of an
/// earlier segment that does not was written to the wrong place since, and nobody knows over what.
fn refuse_stray_batch(segment: &Segment, bytes: &[u8], from: usize) -> Result<(), WalError> {
    for at in (from..bytes.len()).step_by(SECTOR_BYTES) {
        let header = BatchHeader::read(&bytes[at..], |sequence| segment.seed_in(sequence));
        if let Some(header) = header.filter(|header| header.offset as usize != at) {
            return Err(segment.damaged(at, Damage::StrayBatch { number: header.number }));
        }
    }
    Ok(())
}

impl Replay {
    pub(super) fn new(cache_bytes: usize) -> Self {
        Self {
            ledger: Ledger::default(),
            index: Index::new(cache_bytes),
            records: 0,
            next_batch: None,
            checkpoint: None,
            begun: false,
        }
    }

    /// Reads the batches of the next segment.
    pub(super) fn segment(&mut self, segment: &Segment, bytes: &[u8]) -> Result<Extent, WalError> {
        self.checkpoint = Some(Ledger::default());
        let mut extent =
            Extent { last_batch: None, end: SEGMENT_HEADER_BYTES, stop: Stop::NoBatch };
        while let Some(header) = header_at(segment, bytes, extent.end) {
            if header.offset as usize != extent.end {
                break;
            }
            let number = header.number;
            if let Some(expected) = self.next_batch.filter(|expected| *expected != number) {
                let damage = Damage::MissingBatch { expected, later: number };
                return Err(segment.damaged(extent.end, damage));
            }
            if header.kind == BatchKind::Mark {
                extent.stop = Stop::Mark;
                break;
            }
            match header.body(segment.seed, bytes) {
                Ok(body) => self.batch(segment, &header, body)?,
                Err(bad) => {
                    extent.stop = Stop::BadBody { number, bad, end: header.end() };
                    break;
                }
            }
            self.next_batch = Some(number + 1);
            extent.last_batch = Some(extent.end..header.end());
            extent.end = header.end();
        }
        self.refuse_later_batch(segment, bytes, &extent)?;
        Ok(extent)
    }

    /// A header behind the end proves that what is bad at the end had been flushed. So does one at
    /// the end that belongs elsewhere: it was written to the wrong place, over something or instead
    /// of it.
    fn refuse_later_batch(
        &self,
        segment: &Segment,
        bytes: &[u8],
        extent: &Extent,
    ) -> Result<(), WalError> {
        let from = match extent.stop {
            Stop::NoBatch => extent.end,
            Stop::Mark | Stop::BadBody { .. } => extent.end + SECTOR_BYTES,
        };
        if planted(Mutant::CutsTheLogAtDamage) {
            return Ok(());
        }
        let mut places = (from..bytes.len()).step_by(SECTOR_BYTES);
        let later = places.find_map(|at| header_at(segment, bytes, at));
        let Some(BatchHeader { number: later, .. }) = later else {
            return refuse_stray_batch(segment, bytes, from);
        };
        let expected = self.next_batch.unwrap_or(1);
        Err(match extent.stop {
            Stop::BadBody { number, bad, .. } => {
                segment.damaged(bad, Damage::BadRecord { batch: number })
            }
            Stop::Mark | Stop::NoBatch if extent.last_batch.is_none() => {
                let damage = Damage::MissingFirstBatch { sequence: segment.sequence };
                segment.damaged(extent.end, damage)
            }
            Stop::Mark | Stop::NoBatch => {
                segment.damaged(extent.end, Damage::MissingBatch { expected, later })
            }
        })
    }

    /// Reads the records of a good batch.
    fn batch(
        &mut self,
        segment: &Segment,
        header: &BatchHeader,
        body: &[u8],
    ) -> Result<(), WalError> {
        let first = header.offset as usize + BATCH_HEADER_BYTES;
        let mut at = 0;
        for _ in 0..header.records {
            let Some(record) = Record::decode(segment.seed, body.get(at..).unwrap_or_default())
            else {
                let damage = Damage::BadRecord { batch: header.number };
                return Err(segment.damaged(first + at, damage));
            };
            self.record(segment, &record, first + at)?;
            at += record.disk_bytes();
        }
        if self.checkpoint.is_some() {
            return Err(segment.damaged(first + at, Damage::UnendedCheckpoint));
        }
        self.records += u64::from(header.records);
        Ok(())
    }

    fn record(
        &mut self,
        segment: &Segment,
        record: &Record<'_>,
        offset: usize,
    ) -> Result<(), WalError> {
        let damaged = |damage| segment.damaged(offset, damage);
        if let Some(checkpoint) = &mut self.checkpoint {
            if record.kind != Kind::CheckpointEnd {
                return checkpoint.read_checkpoint(record).map_err(damaged);
            }
            return self.end_checkpoint().map_err(damaged);
        }
        let group = record.group;
        match (record.kind, record.op()) {
            (_, Some(op)) => {
                let noted = self.ledger.apply(group, &op, segment.sequence);
                noted.map_err(|refusal| damaged(Damage::OutOfOrder { group, refusal }))?;
                let serial = self.index.apply(group, std::slice::from_ref(&op));
                if record.kind == Kind::Entry {
                    let (index, offset) = (record.index, offset as u32);
                    let place = Flushed { group, index, serial, offset };
                    self.index.flushed(segment.sequence, &[place]);
                }
            }
            (Kind::Remove, None) => {
                self.ledger.remove(group);
                self.index.remove(group);
            }
            (Kind::Unknown(kind), None) => return Err(damaged(Damage::UnknownKind { kind })),
            (_, None) => return Err(damaged(Damage::Checkpoint { group })),
        }
        Ok(())
    }

    fn end_checkpoint(&mut self) -> Result<(), Damage> {
        let Some(checkpoint) = self.checkpoint.take() else { return Ok(()) };
        if self.begun {
            let difference = self.ledger.difference(&checkpoint);
            return difference.map_or(Ok(()), |group| Err(Damage::Checkpoint { group }));
        }
        self.begun = true;
        for (id, bounds, metas) in checkpoint.groups() {
            self.index.restore(id, bounds, metas);
        }
        self.ledger = checkpoint;
        Ok(())
    }
}
