//! Writing the next generation.

use std::sync::atomic::Ordering;

use tokio::sync::OwnedMutexGuard;

use super::record::{self, Manifest};
use super::store::{Generation, ShardSnapshots};
use super::view::SnapshotView;
use super::{MAX_KEY_BYTES, SnapshotError};
use crate::runtime;

/// What a generation that does not count yet keeps until it does, or is given up.
#[derive(Debug)]
pub(super) struct Staged {
    /// See [`SnapshotWriter`].
    pub(super) superseded: Vec<sled::IVec>,
    /// Nobody else writes meanwhile.
    _turn: OwnedMutexGuard<()>,
}

/// Writes the records of one generation; nothing counts until [`SnapshotWriter::commit`].
#[derive(Debug)]
pub struct SnapshotWriter {
    shard: ShardSnapshots,
    generation: u64,
    /// Versions that nothing needs once this generation is committed.
    superseded: Vec<sled::IVec>,
    written: u64,
    /// Others wait until it is dropped.
    turn: OwnedMutexGuard<()>,
}

impl SnapshotWriter {
    pub(super) fn new(shard: ShardSnapshots, generation: u64, turn: OwnedMutexGuard<()>) -> Self {
        Self { shard, generation, superseded: Vec::new(), written: 0, turn }
    }

    /// Writes the value of a key.
    ///
    /// # Errors
    /// When the key is too long or sled fails.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), SnapshotError> {
        self.write(key, Some(value))
    }

    /// Removes a key from this generation on.
    ///
    /// # Errors
    /// When the key is too long or sled fails.
    pub fn remove(&mut self, key: &[u8]) -> Result<(), SnapshotError> {
        self.write(key, None)
    }

    /// Removes every key that this generation has not written: for a snapshot that came from a peer.
    ///
    /// # Errors
    /// When sled fails.
    pub fn remove_others(&mut self) -> Result<(), SnapshotError> {
        let Some(current) = self.shard.current() else { return Ok(()) };
        for item in current.records() {
            let (key, _) = item?;
            let ours = record::version_key(&key, self.generation);
            let known = self.shard.records.contains(ours);
            if !known.map_err(|e| self.shard.store.failed(e))? {
                self.remove(&key)?;
            }
        }
        Ok(())
    }

    /// How many records were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes the generation count: syncs the records, then writes and syncs the manifest.
    ///
    /// # Errors
    /// When sled or the file system fails; the generation before stays in use.
    pub async fn commit(self, manifest: Manifest) -> Result<SnapshotView, SnapshotError> {
        let commit = runtime::blocking(move || self.commit_blocking(manifest));
        commit.await.expect("committing a snapshot does not panic")
    }

    /// [`SnapshotWriter::commit`] for callers outside a runtime.
    ///
    /// # Errors
    /// As [`SnapshotWriter::commit`].
    pub fn commit_blocking(self, manifest: Manifest) -> Result<SnapshotView, SnapshotError> {
        self.stage_blocking(manifest)?.commit_blocking()
    }

    /// Syncs the records, but does not make them count yet: [`SnapshotView::commit`] does. Unless it is
    /// asked to while the view lives, nothing has changed.
    ///
    /// # Errors
    /// When sled or the file system fails.
    pub async fn stage(self, manifest: Manifest) -> Result<SnapshotView, SnapshotError> {
        let stage = runtime::blocking(move || self.stage_blocking(manifest));
        stage.await.expect("staging a snapshot does not panic")
    }

    fn stage_blocking(self, manifest: Manifest) -> Result<SnapshotView, SnapshotError> {
        let Self { shard, generation, superseded, written: _, turn } = self;
        shard.clean.store(false, Ordering::Release);
        shard.sync()?;
        let tally = *shard.tally.lock();
        let generation = Generation { number: generation, manifest, tally };
        Ok(SnapshotView::staged(shard, generation, Staged { superseded, _turn: turn }))
    }

    fn write(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), SnapshotError> {
        if key.len() > MAX_KEY_BYTES {
            return Err(SnapshotError::KeyTooLong(key.len()));
        }
        let sled_key = record::version_key(key, self.generation);
        let stored = record::encode_value(&sled_key, value);
        let failed = |e| self.shard.store.failed(e);
        // Newest first: ours, the one that the generation before needs, then those nobody needs.
        let older = self.shard.records.heads_from(record::key_prefix(key)).rev();
        let mut tally = *self.shard.tally.lock();
        let (mut newest, mut needed) = (true, true);
        for old in older {
            let (old, value) = old.map_err(failed)?;
            if std::mem::take(&mut newest) {
                tally.subtract(&value);
            }
            let Some((_, generation)) = record::split_version_key(&old) else { continue };
            if generation >= self.generation {
                continue;
            }
            if !std::mem::take(&mut needed) {
                self.superseded.push(old);
            }
        }
        tally.add(&stored);
        self.shard.clean.store(false, Ordering::Release);
        self.shard.records.insert(sled_key, &stored).map_err(failed)?;
        *self.shard.tally.lock() = tally;
        self.written += 1;
        Ok(())
    }
}
