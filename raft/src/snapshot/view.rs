//! A snapshot as one generation sees it.

use std::sync::Arc;

use super::SnapshotError;
use super::record::{self, Manifest, Tally};
use super::store::ShardSnapshots;
use super::tree::{Pair, Pairs};

/// A committed snapshot: a manifest, and the records as they stood in its generation.
#[derive(Clone, Debug)]
pub struct SnapshotView {
    shard: ShardSnapshots,
    generation: u64,
    manifest: Manifest,
}

impl SnapshotView {
    pub(super) fn new(shard: ShardSnapshots, generation: u64, manifest: Manifest) -> Self {
        Self { shard, generation, manifest }
    }

    /// Whether the snapshot lies in this store.
    pub(super) fn is_of(&self, shard: &ShardSnapshots) -> bool {
        Arc::ptr_eq(&self.shard.newest, &shard.newest)
    }

    /// What the snapshot contains.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The generation, counted up from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Every record, checked, in the order of length and key.
    #[must_use]
    pub fn records(&self) -> ViewIter {
        ViewIter {
            inner: self.shard.records.iter(),
            shard: self.shard.clone(),
            generation: self.generation,
            pending: None,
            tally: Tally::ZERO,
        }
    }

    /// Reads every record once, and tells what they add up to: what the manifest says.
    pub(super) fn verify(&self, expected: Tally) -> Result<Tally, SnapshotError> {
        let mut records = self.records();
        records.try_for_each(|record| record.map(drop))?;
        let found = records.tally;
        if expected.keys.is_some() && found != expected {
            let (group, generation) = (self.shard.group, self.generation);
            let (found, expected) = (found.keys.unwrap_or(0), expected.keys.unwrap_or(0));
            return Err(SnapshotError::Incomplete { group, generation, expected, found });
        }
        Ok(found)
    }
}

/// A record: its key and its value.
type Record = (Vec<u8>, Vec<u8>);

/// The records of a [`SnapshotView`].
pub struct ViewIter {
    inner: Pairs,
    shard: ShardSnapshots,
    generation: u64,
    /// The newest version so far of the key being read.
    pending: Option<Pair>,
    /// Of what was read so far.
    tally: Tally,
}

impl ViewIter {
    fn finish(&mut self, sled_key: &[u8], stored: &[u8]) -> Result<Option<Record>, SnapshotError> {
        let value = self.shard.check(sled_key, stored)?;
        self.tally.add(stored);
        let key = record::split_version_key(sled_key).map_or(sled_key, |(key, _)| key);
        Ok(value.map(|value| (key.to_vec(), value.to_vec())))
    }
}

impl Iterator for ViewIter {
    type Item = Result<Record, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = match self.inner.next() {
                Some(Ok(pair)) => Some(pair),
                Some(Err(e)) => return Some(Err(self.shard.store.failed(e))),
                None => None,
            };
            let done = match (&self.pending, &next) {
                (Some((old, _)), Some((new, _))) if same_key(old, new) => None,
                _ => self.pending.take(),
            };
            let ended = next.is_none();
            if let Some((key, value)) = next {
                match record::split_version_key(&key) {
                    Some((_, generation)) if generation <= self.generation => {
                        self.pending = Some((key, value));
                    }
                    Some(_) => {}
                    None => return self.finish(&key, &[]).transpose(),
                }
            }
            match done.map(|(key, value)| self.finish(&key, &value)) {
                Some(Ok(None)) | None if ended => return None,
                Some(Ok(None)) | None => {}
                Some(Ok(Some(record))) => return Some(Ok(record)),
                Some(Err(error)) => return Some(Err(error)),
            }
        }
    }
}

fn same_key(a: &[u8], b: &[u8]) -> bool {
    let key = |k: &[u8]| k.len().saturating_sub(8);
    a.get(..key(a)) == b.get(..key(b))
}
