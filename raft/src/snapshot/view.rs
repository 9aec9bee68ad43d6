//! A snapshot as one generation sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sled::IVec;

use super::SnapshotError;
use super::record::{self, Manifest, Tally};
use super::store::{Generation, ShardSnapshots};
use super::tree::{Pair, Pairs};
use super::writer::Staged;
use crate::runtime;

/// A snapshot: a manifest, and the records as they stood in its generation.
#[derive(Clone, Debug)]
pub struct SnapshotView {
    shard: ShardSnapshots,
    generation: Generation,
    /// Of one that does not count yet.
    staged: Option<Arc<Staged>>,
}

impl SnapshotView {
    pub(super) fn new(shard: ShardSnapshots, generation: Generation) -> Self {
        Self { shard, generation, staged: None }
    }

    /// A view of records whose manifest is not written yet.
    pub(super) fn staged(shard: ShardSnapshots, generation: Generation, staged: Staged) -> Self {
        Self { shard, generation, staged: Some(Arc::new(staged)) }
    }

    /// Makes a staged snapshot count: writes and syncs its manifest. Does nothing to one that counts.
    ///
    /// # Errors
    /// When sled or the file system fails; the generation before stays in use.
    pub async fn commit(self) -> Result<Self, SnapshotError> {
        let commit = runtime::blocking(move || self.commit_blocking());
        commit.await.expect("committing a snapshot does not panic")
    }

    pub(super) fn commit_blocking(self) -> Result<Self, SnapshotError> {
        let Self { shard, generation, staged } = self;
        let Some(staged) = staged else { return Ok(Self::new(shard, generation)) };
        let key = shard.manifest_key(generation.number);
        let manifest = record::encode_manifest(&generation.manifest, generation.tally);
        let value = record::encode_value(&key, Some(&manifest));
        shard.manifests.insert(key, &value).map_err(|e| shard.store.failed(e))?;
        shard.sync()?;
        *shard.newest.lock() = Some(generation.clone());
        shard.clean.store(true, Ordering::Release);
        for old in &staged.superseded {
            shard.records.remove(old).map_err(|e| shard.store.failed(e))?;
        }
        shard.drop_old_manifests()?;
        Ok(Self::new(shard, generation))
    }

    /// Whether the snapshot lies in this store.
    pub(super) fn is_of(&self, shard: &ShardSnapshots) -> bool {
        Arc::ptr_eq(&self.shard.newest, &shard.newest)
    }

    /// What the snapshot contains.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.generation.manifest
    }

    /// The generation, counted up from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.number
    }

    /// Every record, checked, in the order of length and key. The last item is an error when they are
    /// not all that were written, for example because two newer generations came meanwhile.
    #[must_use]
    pub fn records(&self) -> ViewIter {
        ViewIter {
            inner: self.shard.records.heads(),
            shard: self.shard.clone(),
            generation: self.generation.number,
            pending: None,
            tally: Tally::ZERO,
            expected: Some(self.generation.tally),
        }
    }

    /// Reads every record once, and tells what they add up to.
    pub(super) fn verify(&self) -> Result<Tally, SnapshotError> {
        let mut records = self.records();
        records.try_for_each(|record| record.map(drop))?;
        Ok(records.tally)
    }
}

/// A record: its key and its value.
type Record = (Vec<u8>, Vec<u8>);

/// The records of a [`SnapshotView`].
pub struct ViewIter {
    inner: Pairs,
    shard: ShardSnapshots,
    generation: u64,
    /// The newest version so far of the key being read, and its head.
    pending: Option<Pair>,
    /// Of what was read so far.
    tally: Tally,
    /// What it must be at the end; `None` after the end.
    expected: Option<Tally>,
}

impl ViewIter {
    fn finish(&mut self, sled_key: &[u8], head: IVec) -> Result<Option<Record>, SnapshotError> {
        let stored = self.shard.records.whole(sled_key, head);
        let stored = stored.map_err(|e| self.shard.store.failed(e))?;
        let value = self.shard.check(sled_key, &stored)?;
        self.tally.add(&stored);
        let key = record::split_version_key(sled_key).map_or(sled_key, |(key, _)| key);
        Ok(value.map(|value| (key.to_vec(), value.to_vec())))
    }

    /// Whether the records add up, asked once.
    fn end(&mut self) -> Option<<Self as Iterator>::Item> {
        let (found, expected) = (self.tally, self.expected.take()?);
        if expected.keys.is_none() || found == expected {
            return None;
        }
        let (group, generation) = (self.shard.group, self.generation);
        let (found, expected) = (found.keys.unwrap_or(0), expected.keys.unwrap_or(0));
        Some(Err(SnapshotError::Incomplete { group, generation, expected, found }))
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
            if let Some((key, head)) = next {
                match record::split_version_key(&key) {
                    Some((_, generation)) if generation <= self.generation => {
                        self.pending = Some((key, head));
                    }
                    Some(_) => {}
                    None => return self.finish(&key, IVec::default()).transpose(),
                }
            }
            match done.map(|(key, head)| self.finish(&key, head)) {
                Some(Ok(None)) | None if ended => return self.end(),
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
