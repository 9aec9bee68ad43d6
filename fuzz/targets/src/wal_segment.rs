//! Files of the write-ahead log. The first byte says which file of a log the bytes stand for; 3 makes a
//! segment of records whose checksums are right, whatever they say.
//!
//! A log that opens has what was written, up to some flush: never another record. It can be continued, and
//! what was found and what was added is there after the next start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bytes::{Buf as _, Bytes};
use raft::disk::{Disk, DiskFile, MemDisk, PowerCut};
use raft::fuzzing::{self, RawRecord};
use raft::wal::{Drive, GroupId, MIN_SEGMENT_BYTES, Op, Options, Wal, WalError};

use crate::Seed;

const DIR: &str = "/log";

/// Whose log it is.
const OWNER: u64 = 7;

/// Values have the slots below this one.
const SLOTS: u8 = 8;

/// A batch of the log that is made of bytes has at most so many records.
const RECORDS_PER_BATCH: usize = 3;

/// What a group has: its next index, its entries, its values.
type Group = (Option<u64>, Vec<(u64, Bytes)>, Vec<Option<Bytes>>);

/// What a log has.
type Content = BTreeMap<GroupId, Group>;

/// The log whose files are replaced, and what it had after each flush.
static WRITTEN: LazyLock<(MemDisk, Vec<Content>)> = LazyLock::new(written);

/// Opens a log of which one file is made of these bytes.
pub fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let (original, contents) = &*WRITTEN;
    if kind % 4 == 3 {
        let disk = MemDisk::new();
        disk.create_dir_all(Path::new(DIR)).expect("a new disk works");
        put(&disk, &path("FORMAT"), &fuzzing::format(OWNER, MIN_SEGMENT_BYTES));
        put(&disk, &segment_path(1), &framed(rest));
        goes_on(&disk);
        return;
    }
    let disk = original.fork();
    let size = MIN_SEGMENT_BYTES as usize;
    match kind % 4 {
        0 => put(&disk, &path("FORMAT"), rest),
        // A file that is too short is refused for its length, which is no news.
        which => put(&disk, &segment_path(u64::from(which)), &resized(rest, size)),
    }
    if let Some(found) = goes_on(&disk) {
        assert!(contents.contains(&found), "what was not written was read: {found:?}");
    }
}

/// Opens the log, adds to it and opens it again; gives what it had at first, unless it is refused.
fn goes_on(disk: &MemDisk) -> Option<Content> {
    let wal = match open(disk) {
        Ok(wal) => wal,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            return None;
        }
    };
    let found = content(&wal)?;
    let next = wal.next_index(1).unwrap_or(0);
    let op = Op::Entry { index: next, data: Bytes::from_static(b"goes on") };
    let added = wal.submit_wait(1, vec![op]).is_ok();
    let before = content(&wal);
    assert!(added || before.as_ref() == Some(&found), "a refused op changes nothing");
    wal.close();
    let again = open(disk).expect("what was opened opens again");
    assert_eq!(content(&again), before);
    Some(found)
}

fn open(disk: &MemDisk) -> Result<Wal, WalError> {
    let options = Options {
        owner: OWNER,
        segment_bytes: MIN_SEGMENT_BYTES,
        cache_bytes: 0,
        spare_segments: 1,
        drive: Drive::ByHand,
        ..Options::default()
    };
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Wal::open(disk, Path::new(DIR), options).map(|(wal, _)| wal)
}

/// All that a log has; nothing if it cannot be read.
fn content(wal: &Wal) -> Option<Content> {
    let group = |id| {
        let entries = wal.entries(id, 0..u64::MAX, usize::MAX).ok()?;
        let values = (0..SLOTS).map(|slot| wal.meta(id, slot)).collect();
        Some((id, (wal.next_index(id), entries, values)))
    };
    wal.groups().into_iter().map(group).collect()
}

/// Two segments with a few dozen records, and no mark behind the last batch: the power went.
fn written() -> (MemDisk, Vec<Content>) {
    let disk = MemDisk::new();
    let wal = open(&disk).expect("a new log opens");
    let mut contents = vec![Content::new()];
    for ops in history() {
        wal.submit(1, ops, Box::new(|_| {}));
        wal.step();
        contents.extend(content(&wal));
    }
    assert_eq!(wal.stats().segments, 2);
    (disk.power_cut(PowerCut::KeepNothing), contents)
}

fn history() -> Vec<Vec<Op>> {
    let entry = |index| Op::Entry { index, data: Bytes::from(vec![index as u8; 40]) };
    let value = |index| Op::Meta { slot: 1, data: Bytes::from(vec![index as u8; 9]) };
    let mut history: Vec<_> =
        (0..9).map(|n| vec![value(n), entry(2 * n), entry(2 * n + 1)]).collect();
    history.push(vec![Op::TruncateFrom { index: 15 }, entry(15)]);
    history.push(vec![Op::PurgeTo { index: 3 }, entry(16)]);
    history
}

/// A segment of records as the bytes say.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let mut batches: Vec<Vec<RawRecord<'_>>> = vec![Vec::new()];
    while bytes.len() >= 12 {
        let (kind, slot, group) = (bytes.get_u8(), bytes.get_u8(), bytes.get_u8() & 3);
        let (index, length) = (bytes.get_u64_le(), bytes.get_u8());
        let payload = &bytes[..bytes.len().min(length.into())];
        bytes.advance(payload.len());
        let record =
            RawRecord { kind: kind & 7, slot: slot % SLOTS, group: group.into(), index, payload };
        match batches.last_mut() {
            Some(batch) if batch.len() < RECORDS_PER_BATCH => batch.push(record),
            _ => batches.push(vec![record]),
        }
    }
    fuzzing::segment(OWNER, 1, MIN_SEGMENT_BYTES, 1, &batches)
}

fn resized(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(size, 0);
    bytes
}

fn put(disk: &MemDisk, path: &Path, bytes: &[u8]) {
    let file: Arc<dyn DiskFile> = disk.create(path).expect("the disk works");
    file.write_at(bytes, 0).and_then(|()| file.sync_all()).expect("the disk works");
    disk.sync_dir(Path::new(DIR)).expect("the disk works");
}

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

fn segment_path(sequence: u64) -> PathBuf {
    path(&format!("seg-{sequence:016x}.wal"))
}

/// The files of the log, and a small log of records.
pub fn seeds() -> Vec<Seed> {
    let (disk, _) = &*WRITTEN;
    let file = |kind: u8, path: &Path| {
        let mut bytes = disk.contents(path).expect("the log has the file");
        // Zeros at the end are there anyway.
        let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        bytes.truncate(end);
        [vec![kind], bytes].concat()
    };
    let record = |kind: u8, slot: u8, index: u64, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("the payload is short");
        [&[kind, slot, 1][..], &index.to_le_bytes(), &[length], payload].concat()
    };
    let records = [
        vec![3],
        record(6, 0, 4, &7_u64.to_le_bytes()),
        record(4, 2, 0, b"vote"),
        record(7, 0, 2, b""),
        record(3, 0, 6, b""),
        record(1, 0, 7, b"one"),
        record(1, 0, 8, b"two"),
        record(2, 0, 8, b""),
        record(5, 0, 0, b""),
    ];
    let fresh = [vec![3], record(7, 0, 0, b""), record(1, 0, 1, b"one"), record(1, 0, 2, b"two")];
    vec![
        ("format", file(0, &path("FORMAT"))),
        ("first", file(1, &segment_path(1))),
        ("last", file(2, &segment_path(2))),
        ("records", records.concat()),
        ("fresh", fresh.concat()),
    ]
}
