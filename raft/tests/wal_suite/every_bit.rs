//! A log of a few dozen records over two segments whose power went before a mark followed: every bit of it
//! flipped, every file cut at every byte, and its end lost from every byte on.
//!
//! Only the last batch may be cut, for nothing proves that it was flushed. Everything else is refused, or
//! lies in bytes that say nothing.

use crate::model::{DIR, Model, entry, files, meta, open, small};
use seatgrid_raft::disk::{MemDisk, PowerCut};
use seatgrid_raft::wal::{Op, WalError};
use std::ops::Range;
use std::path::{Path, PathBuf};

const SECTOR: usize = 512;

/// A log after its power went.
struct Sample {
    disk: MemDisk,
    /// What it had after each flush.
    states: Vec<Model>,
    records: usize,
}

impl Sample {
    fn new() -> Self {
        let disk = MemDisk::new();
        let (wal, _) = open(&disk, small()).unwrap();
        let mut states = vec![Model::read(&wal).unwrap()];
        let mut records = 0;
        for round in 0..3 {
            let fill = round as u8 + 1;
            let small = |index| entry(index, &[fill; 30]);
            let first = vec![small(3 * round), small(3 * round + 1), meta(0, &[fill; 9])];
            let second = vec![
                small(round + 1),
                entry(round + 2, b""),
                Op::TruncateFrom { index: round + 2 },
            ];
            // More than a sector, at first: a torn write may leave either.
            let third = vec![
                entry(3 * round + 2, &vec![fill; 440 - 190 * (round as usize)]),
                meta(1, &[fill]),
                meta(2, b""),
            ];
            for (group, ops) in [(1, first), (2, second), (1, third)] {
                records += ops.len();
                wal.submit(group, ops, Box::new(|_| {}));
                wal.step();
                states.push(Model::read(&wal).unwrap());
            }
        }
        assert_eq!(wal.stats().segments, 2);
        Self { disk: disk.power_cut(PowerCut::KeepNothing), states, records }
    }

    fn last(&self) -> &Model {
        self.states.last().unwrap()
    }

    /// What it had before the last flush.
    fn before_last(&self) -> &Model {
        &self.states[self.states.len() - 2]
    }

    /// What becomes of a damaged copy.
    fn outcome(&self, damaged: &MemDisk, what: &str) -> Outcome {
        let disk = damaged.fork();
        match open(&disk, small()) {
            Ok((wal, _)) => {
                let found = Model::read(&wal).unwrap();
                let state = self.states.iter().position(|state| *state == found);
                Outcome::Found(state.unwrap_or_else(|| panic!("{what}: read as {found:?}")))
            }
            Err(WalError::Damaged { file, offset, .. }) => Outcome::Refused(file, offset),
            Err(error) => panic!("{what}: {error}"),
        }
    }

    /// What is cut never comes back, and the log goes on where it was cut.
    fn goes_on(&self, damaged: &MemDisk) {
        let disk = damaged.fork();
        let (wal, _) = open(&disk, small()).unwrap();
        let op = entry(wal.next_index(1).unwrap(), b"after the damage");
        wal.submit_wait(1, vec![op]).unwrap();
        let expected = Model::read(&wal).unwrap();
        wal.close();
        let (wal, _) = open(&disk.power_cut(PowerCut::KeepNothing), small()).unwrap();
        assert_eq!(Model::read(&wal).unwrap(), expected);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It opens with what it had after this flush.
    Found(usize),
    /// It is refused by file and offset.
    Refused(PathBuf, u64),
}

/// What a byte of a file is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It was flushed, and what follows proves it.
    Proven,
    /// Of the last batch.
    Last,
    /// It says nothing.
    None,
}

/// The batches of a segment, without the padding behind them.
fn batches(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = SECTOR;
    while bytes[at..].starts_with(b"SGBT") && bytes[at + 40] == 1 {
        let body = u32::from_le_bytes(bytes[at + 28..at + 32].try_into().unwrap()) as usize;
        found.push(at..at + 48 + body);
        at = (at + 48 + body).next_multiple_of(SECTOR);
    }
    found
}

fn segment(sequence: u64) -> PathBuf {
    Path::new(DIR).join(format!("seg-{sequence:016x}.wal"))
}

fn use_of(path: &Path, bytes: &[u8], byte: usize) -> Use {
    if path.ends_with("FORMAT") || byte < SECTOR {
        return Use::Proven;
    }
    let batches = batches(bytes);
    let within = batches.iter().position(|batch| batch.contains(&byte));
    match within {
        None => Use::None,
        Some(at) if path == segment(2) && at + 1 == batches.len() => Use::Last,
        Some(_) => Use::Proven,
    }
}

#[test]
fn every_bit_flipped_is_refused_or_cut_as_the_rule_says_or_says_nothing() {
    let sample = Sample::new();
    assert!(sample.records >= 24, "{}", sample.records);
    let newest = sample.states.len() - 1;
    let mut counted = [0; 3];
    for path in files(&sample.disk) {
        let original = sample.disk.contents(&path).unwrap();
        for bit in 0..original.len() * 8 {
            let (byte, mask) = (bit / 8, 1 << (bit % 8));
            let what = format!("{} byte {byte} bit {}", path.display(), bit % 8);
            sample.disk.damage(&path, |bytes| bytes[byte] ^= mask);
            let outcome = sample.outcome(&sample.disk, &what);
            let used = use_of(&path, &original, byte);
            match (&outcome, used) {
                (Outcome::Found(state), Use::None) => assert_eq!(*state, newest, "{what}"),
                (Outcome::Found(state), Use::Last) => {
                    assert_eq!(sample.states[*state], *sample.before_last(), "{what}");
                    if bit % 8 == byte % 8 {
                        sample.goes_on(&sample.disk);
                    }
                }
                (Outcome::Refused(file, offset), Use::Proven) => {
                    assert_eq!(*file, path, "{what}");
                    assert!(*offset as usize <= byte, "{what}: {offset}");
                }
                _ => panic!("{what}, {used:?}: {outcome:?}"),
            }
            counted[used as usize] += 1;
            sample.disk.damage(&path, |bytes| bytes[byte] ^= mask);
        }
    }
    assert_eq!(
        Model::read(&open(&sample.disk.fork(), small()).unwrap().0).unwrap(),
        *sample.last()
    );
    let [proven, last, unused] = counted;
    assert!(proven > 20_000 && last > 8 * 48 && unused > 20_000, "{counted:?}");
}

#[test]
fn every_file_cut_at_every_byte_is_refused() {
    let sample = Sample::new();
    for path in files(&sample.disk) {
        for length in 0..sample.disk.contents(&path).unwrap().len() {
            let disk = sample.disk.fork();
            disk.damage(&path, |bytes| bytes.truncate(length));
            let what = format!("{} cut at {length}", path.display());
            match sample.outcome(&disk, &what) {
                Outcome::Refused(file, _) => assert_eq!(file, path, "{what}"),
                outcome => panic!("{what}: {outcome:?}"),
            }
        }
    }
}

#[test]
fn an_end_that_is_lost_from_any_byte_on_is_refused_while_anything_proves_it() {
    let sample = Sample::new();
    let newest = sample.states.len() - 1;
    for path in [segment(1), segment(2)] {
        let original = sample.disk.contents(&path).unwrap();
        let batches = batches(&original);
        for from in 0..original.len() {
            if original[from..].iter().all(|&byte| byte == 0) {
                break;
            }
            let disk = sample.disk.fork();
            disk.damage(&path, |bytes| bytes[from..].fill(0));
            let what = format!("{} lost from {from}", path.display());
            let outcome = sample.outcome(&disk, &what);
            let lost = |batch: &&Range<usize>| {
                original[from.min(batch.end)..batch.end].iter().any(|b| *b != 0)
            };
            let whole = batches.len() - batches.iter().filter(lost).count();
            // The next segment, which waits for its first batch, proves the first one of this.
            if path == segment(1) || whole == 0 {
                assert!(matches!(&outcome, Outcome::Refused(file, _) if *file == path), "{what}");
                continue;
            }
            // Nothing is left that could prove what was lost.
            let lost = batches.len() - whole;
            assert_eq!(outcome, Outcome::Found(newest - lost), "{what}");
        }
    }
}
