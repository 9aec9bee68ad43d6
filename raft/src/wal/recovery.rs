//! Opens the files of a log: finds its end, and tells a torn tail from damage.

use super::batch;
use super::error::{Damage, WalError};
use super::format;
use super::index::Index;
use super::ledger::Ledger;
use super::limits::{Options, Room, SEGMENT_HEADER_BYTES};
use super::pool::Pool;
use super::replay::{Extent, Replay, Stop};
use super::segment::{Segment, check_header, numbered, segment_path};
use crate::disk::{Disk, SECTOR_BYTES};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A log that is ready to be continued.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) ledger: Ledger,
    pub(super) index: Index,
    /// Records replayed.
    pub(super) records: u64,
    /// The number of the next batch.
    pub(super) next_batch: u64,
    /// The segments that hold records, oldest first; the last one is written next. None: the log is
    /// new.
    pub(super) segments: Vec<Arc<Segment>>,
    /// A segment that has been prepared and not begun.
    pub(super) prepared: Option<Arc<Segment>>,
    /// Where in the last segment the next batch begins.
    pub(super) end: usize,
    pub(super) room: Room,
    pub(super) torn_bytes: u64,
}

impl Opened {
    /// A log without segments so far.
    fn new(replay: Replay, room: Room, end: usize) -> Self {
        Self {
            ledger: replay.ledger,
            index: replay.index,
            records: replay.records,
            next_batch: replay.next_batch.unwrap_or(1),
            segments: Vec::new(),
            prepared: None,
            end,
            room,
            torn_bytes: 0,
        }
    }

    fn with(
        self,
        segments: Vec<Arc<Segment>>,
        prepared: Option<Arc<Segment>>,
        torn_bytes: u64,
    ) -> Self {
        Self { segments, prepared, torn_bytes, ..self }
    }
}

/// The end of the log while it is looked for: the last segment that has a good batch.
#[derive(Debug)]
struct Tail {
    segment: Arc<Segment>,
    extent: Extent,
    /// The bytes of the last good batch.
    last_batch: Vec<u8>,
}

/// Reads a log. Its directory exists and is locked.
pub(super) fn open(disk: &dyn Disk, dir: &Path, options: &Options) -> Result<Opened, WalError> {
    // The names may be those of a process that was killed before it had flushed them.
    disk.sync_dir(dir).map_err(WalError::io("flush", dir))?;
    let names = disk.list(dir).map_err(WalError::io("list", dir))?;
    let mut sequences: Vec<u64> = names.iter().filter_map(|name| numbered(name, "seg-")).collect();
    sequences.sort_unstable();
    if !names.iter().any(|name| name == "FORMAT") {
        return open_new(disk, dir, options, &sequences);
    }
    let room = format::read(disk, dir, options.owner)?;
    check_sequence(dir, &sequences)?;
    let mut replay = Replay::new(options.cache_bytes);
    let mut segments = Vec::new();
    let mut prepared = None;
    let mut tail: Option<Tail> = None;
    let mut torn = None;
    let mut bytes = Vec::new();
    for sequence in &sequences {
        let segment = read_segment(disk, dir, options.owner, *sequence, room, &mut bytes)?;
        if prepared.is_some() {
            // A segment is prepared after the first batch of the one before has been flushed.
            return Err(missing_first(&segment_path(dir, sequence - 1), sequence - 1));
        }
        let before = tail.as_ref().map(|tail| (&*tail.segment, tail.extent.stop, tail.extent.end));
        let extent = replay.segment(&segment, &bytes).map_err(|e| blame(before, &segment, e))?;
        match &extent.last_batch {
            Some(last) => {
                if let Some((segment, Stop::BadBody { number, bad, .. }, _)) = before {
                    return Err(segment.damaged(bad, Damage::BadRecord { batch: number }));
                }
                let last_batch = bytes[last.clone()].to_vec();
                segments.push(segment.clone());
                tail = Some(Tail { segment, extent, last_batch });
            }
            None => {
                if let Stop::BadBody { end, .. } = extent.stop {
                    torn = Some(end - SEGMENT_HEADER_BYTES);
                }
                prepared = Some(segment);
            }
        }
    }
    let Some(tail) = tail else {
        // The first segment was begun before `FORMAT` was written.
        let first = sequences.first().copied().unwrap_or(1);
        return Err(missing_first(&segment_path(dir, first), first));
    };
    if let Some(damage) = replay.ledger.missing() {
        return Err(segments[0].damaged(0, damage));
    }
    let cut_tail = settle(&tail, prepared.as_deref().filter(|_| torn.is_some()), &replay)?;
    let torn_bytes = (torn.unwrap_or(0) + cut_tail) as u64;
    Ok(Opened::new(replay, room, tail.extent.end).with(segments, prepared, torn_bytes))
}

/// A directory without `FORMAT`: nothing was ever acknowledged in it, or the file is lost.
fn open_new(
    disk: &dyn Disk,
    dir: &Path,
    options: &Options,
    sequences: &[u64],
) -> Result<Opened, WalError> {
    let room = Room { segment_bytes: options.segment_bytes };
    if !room.is_valid() {
        return Err(WalError::BadSegmentBytes { segment_bytes: options.segment_bytes });
    }
    // The creation of a log may have been cut off when it had made its first segments.
    for sequence in sequences {
        let mut bytes = Vec::new();
        let segment = read_segment(disk, dir, options.owner, *sequence, room, &mut bytes);
        let extent = segment.and_then(|segment| Replay::new(0).segment(&segment, &bytes));
        let unused = extent.is_ok_and(|extent| extent.end <= SEGMENT_HEADER_BYTES + SECTOR_BYTES);
        if !unused || *sequence > 2 {
            let file = format::path(dir);
            return Err(WalError::Damaged { file, offset: 0, damage: Damage::Format });
        }
    }
    for sequence in sequences.iter().rev() {
        let path = segment_path(dir, *sequence);
        disk.remove(&path).map_err(WalError::io("remove", &path))?;
    }
    Ok(Opened::new(Replay::new(options.cache_bytes), room, SEGMENT_HEADER_BYTES))
}

/// Segments are numbered without a gap.
fn check_sequence(dir: &Path, sequences: &[u64]) -> Result<(), WalError> {
    let first = sequences.first().copied().unwrap_or(1);
    let count = sequences.len().max(1) as u64;
    for (expected, at) in (first..first.saturating_add(count)).zip(0..) {
        if sequences.get(at) != Some(&expected) {
            let damage = Damage::MissingSegment { sequence: expected };
            return Err(WalError::Damaged { file: segment_path(dir, expected), offset: 0, damage });
        }
    }
    Ok(())
}

/// Reads a segment into `bytes` and checks its header.
fn read_segment(
    disk: &dyn Disk,
    dir: &Path,
    owner: u64,
    sequence: u64,
    room: Room,
    bytes: &mut Vec<u8>,
) -> Result<Arc<Segment>, WalError> {
    let path = segment_path(dir, sequence);
    let file = disk.open(&path).map_err(WalError::io("open", &path))?;
    let found = file.size().map_err(WalError::io("measure", &path))?;
    let expected = u64::from(room.segment_bytes);
    if found != expected {
        let (damage, offset) = (Damage::Length { expected, found }, found.min(expected));
        return Err(WalError::Damaged { file: path, offset, damage });
    }
    bytes.resize(room.segment_bytes as usize, 0);
    file.read_at(bytes, 0).map_err(WalError::io("read", &path))?;
    check_header(bytes, &path, owner, sequence, room.segment_bytes)?;
    Ok(Arc::new(Segment::new(owner, sequence, path, file)))
}

fn missing_first(path: &Path, sequence: u64) -> WalError {
    let (file, offset) = (PathBuf::from(path), SEGMENT_HEADER_BYTES as u64);
    WalError::Damaged { file, offset, damage: Damage::MissingFirstBatch { sequence } }
}

/// If a segment begins with a later batch than expected, the missing one was at the end of the
/// segment before.
fn blame(before: Option<(&Segment, Stop, usize)>, at: &Segment, error: WalError) -> WalError {
    let WalError::Damaged { ref file, offset, damage: Damage::MissingBatch { expected, later } } =
        error
    else {
        return error;
    };
    match before {
        Some((segment, stop, end)) if *file == at.path && offset == SEGMENT_HEADER_BYTES as u64 => {
            match stop {
                Stop::BadBody { number, bad, .. } => {
                    segment.damaged(bad, Damage::BadRecord { batch: number })
                }
                Stop::Mark | Stop::NoBatch => {
                    segment.damaged(end, Damage::MissingBatch { expected, later })
                }
            }
        }
        _ => error,
    }
}

/// Makes the end that was found the end for good; returns the bytes that were cut.
///
/// What was read may be in the cache of the operating system only, left there by a flush that
/// failed: so the last batch is written and flushed once more, unless a mark proves that it was.
/// And the header of a torn batch is overwritten, so that its remains never become a batch again.
fn settle(tail: &Tail, torn_first: Option<&Segment>, replay: &Replay) -> Result<usize, WalError> {
    let Tail { segment, extent, last_batch } = tail;
    if let Some(torn) = torn_first {
        let zeros = [0; SECTOR_BYTES];
        let cut = torn.file.write_at(&zeros, SEGMENT_HEADER_BYTES as u64);
        cut.map_err(WalError::io("write", &torn.path))?;
        torn.file.sync_data().map_err(WalError::io("flush", &torn.path))?;
    }
    if extent.stop == Stop::Mark {
        return Ok(0);
    }
    let from = (extent.end - last_batch.len()) as u64;
    let written = segment.file.write_at(last_batch, from);
    written.map_err(WalError::io("write", &segment.path))?;
    segment.file.sync_data().map_err(WalError::io("flush", &segment.path))?;
    let number = replay.next_batch.unwrap_or(1);
    let mark = batch::mark(segment.seed, segment.sequence, number, extent.end as u32);
    let written = segment.file.write_at(&mark, extent.end as u64);
    written.map_err(WalError::io("write", &segment.path))?;
    segment.file.sync_data().map_err(WalError::io("flush", &segment.path))?;
    match extent.stop {
        Stop::BadBody { end, .. } => Ok(end - extent.end),
        Stop::Mark | Stop::NoBatch => Ok(0),
    }
}

/// The spare segments of a directory.
pub(super) fn pool(
    disk: Arc<dyn Disk>,
    dir: &Path,
    options: &Options,
    room: Room,
) -> Result<Pool, WalError> {
    let names = disk.list(dir).map_err(WalError::io("list", dir))?;
    Pool::open(disk, dir, &names, options.owner, room, options.spare_segments)
}
