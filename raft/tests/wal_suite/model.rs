//! The naive log that the real one is compared with, and what tests share.

use bytes::Bytes;
use seatgrid_raft::disk::{Disk, MemDisk};
use seatgrid_raft::wal::{Drive, FlushFailed, GroupId, Op, Options, Recovery, Wal, WalError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(crate) const DIR: &str = "/log";

/// Tests use the slots below this one.
const SLOTS: u8 = 16;

/// A group as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ModelGroup {
    pub(crate) base: u64,
    pub(crate) next: u64,
    pub(crate) entries: BTreeMap<u64, Bytes>,
    pub(crate) metas: BTreeMap<u8, Bytes>,
}

/// All groups as they should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) groups: BTreeMap<GroupId, ModelGroup>,
}

impl Model {
    pub(crate) fn apply(&mut self, id: GroupId, op: &Op) {
        let group = self.groups.entry(id).or_default();
        match op {
            Op::Entry { index, data } => {
                if (group.base, group.next) == (0, 0) {
                    group.base = *index;
                }
                group.entries.insert(*index, data.clone());
                group.next = index + 1;
            }
            Op::TruncateFrom { index } => {
                group.entries.split_off(index);
                group.next = group.next.min(*index);
            }
            Op::PurgeTo { index } => {
                group.entries = group.entries.split_off(&(index + 1));
                group.base = group.base.max(index + 1);
                group.next = group.next.max(group.base);
            }
            Op::Meta { slot, data } => {
                group.metas.insert(*slot, data.clone());
            }
        }
    }

    /// The whole content of a log, read through its public doors.
    pub(crate) fn read(wal: &Wal) -> Result<Self, WalError> {
        let mut model = Self::default();
        for id in wal.groups() {
            let next = wal.next_index(id).unwrap();
            let base = wal.first_last(id).map_or(next, |(first, _)| first);
            let entries = wal.entries(id, 0..u64::MAX, usize::MAX)?.into_iter().collect();
            let metas = (0..SLOTS).filter_map(|slot| Some((slot, wal.meta(id, slot)?))).collect();
            model.groups.insert(id, ModelGroup { base, next, entries, metas });
        }
        Ok(model)
    }
}

/// Small segments, no cache, driven by hand: everything goes through the files and follows from the
/// calls.
pub(crate) fn small() -> Options {
    Options {
        owner: 7,
        segment_bytes: 4096,
        cache_bytes: 0,
        spare_segments: 1,
        drive: Drive::ByHand,
        ..Options::default()
    }
}

pub(crate) fn open(disk: &MemDisk, options: Options) -> Result<(Wal, Recovery), WalError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Wal::open(disk, Path::new(DIR), options)
}

pub(crate) fn entry(index: u64, data: &[u8]) -> Op {
    Op::Entry { index, data: Bytes::copy_from_slice(data) }
}

pub(crate) fn meta(slot: u8, data: &[u8]) -> Op {
    Op::Meta { slot, data: Bytes::copy_from_slice(data) }
}

/// The name of a submit and what its callback was told.
pub(crate) type News = (usize, Result<(), FlushFailed>);

/// Collects what callbacks were told, in order.
#[derive(Clone, Default)]
pub(crate) struct Told {
    results: Arc<Mutex<Vec<News>>>,
}

impl Told {
    /// A callback that notes its result under a name.
    pub(crate) fn done(&self, name: usize) -> Box<dyn FnOnce(Result<(), FlushFailed>) + Send> {
        let results = self.results.clone();
        Box::new(move |result| results.lock().unwrap().push((name, result)))
    }

    pub(crate) fn all(&self) -> Vec<News> {
        self.results.lock().unwrap().clone()
    }

    /// How many were told that they are durable.
    pub(crate) fn acknowledged(&self) -> usize {
        self.all().iter().filter(|(_, result)| result.is_ok()).count()
    }
}

/// The files of the log, sorted.
pub(crate) fn files(disk: &MemDisk) -> Vec<std::path::PathBuf> {
    let dir = Path::new(DIR);
    disk.list(dir).unwrap().into_iter().map(|name| dir.join(name)).collect()
}
