//! The store of a node: one sled database, a tree of records per shard, one tree of manifests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tracing::{info, warn};

use super::mem::MemSnapshots;
use super::record::{self, Manifest, Tally};
use super::tree::{Db, Tree};
use super::view::SnapshotView;
use super::writer::SnapshotWriter;
use super::{SLED_CACHE_BYTES, SnapshotError};
use crate::mutant::{Mutant, planted};

const MANIFESTS: &str = "manifests";

/// Generations kept: the one in use and the one to fall back on.
const GENERATIONS: usize = 2;

/// How a store was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was none.
    New,
    /// It opened.
    Kept,
    /// It did not open; it lies at this path now, and an empty one took its place.
    MovedAside(PathBuf),
}

/// The snapshot store of a node.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    pub(super) db: Db,
    path: Arc<Path>,
}

impl SnapshotStore {
    /// Opens the store in `path`, or moves what lies there aside and starts an empty one.
    ///
    /// # Errors
    /// When the system fails, for example for want of space or rights: the store may be sound. When not
    /// even an empty store can be opened.
    pub fn open(path: &Path) -> Result<(Self, Opened), SnapshotError> {
        let existed = path.join("db").exists();
        // sled may panic on a damaged file (its issue 1387); that, too, means that it did not open.
        let attempt = std::panic::catch_unwind(|| Self::open_db(path));
        match attempt {
            Ok(Ok(store)) => Ok((store, if existed { Opened::Kept } else { Opened::New })),
            Ok(Err(error)) if error.is_from_the_system() => Err(error),
            failed => {
                let why = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "sled panicked".to_owned(),
                };
                let aside = free_name(path);
                warn!(path = %path.display(), aside = %aside.display(), why, "moving a snapshot store aside");
                fs::rename(path, &aside)
                    .map_err(|source| SnapshotError::Sync { path: path.into(), source })?;
                Ok((Self::open_db(path)?, Opened::MovedAside(aside)))
            }
        }
    }

    fn open_db(path: &Path) -> Result<Self, SnapshotError> {
        let db = sled::Config::default()
            .path(path)
            .cache_capacity(SLED_CACHE_BYTES)
            .flush_every_ms(None)
            .open()
            .map_err(|source| SnapshotError::Store { path: path.into(), source })?;
        Ok(Self { db: Db::Sled(db), path: path.into() })
    }

    /// A simulator's store in memory.
    #[must_use]
    pub fn in_memory(trees: MemSnapshots) -> Self {
        Self { db: Db::Memory(trees), path: Path::new("memory").into() }
    }

    /// The snapshots of one shard, at the newest generation that checks.
    ///
    /// `log_reaches` says whether the log still has every entry after the given index, so that an
    /// older generation may be used.
    ///
    /// # Errors
    /// When sled fails. Damage is not an error: it is told by [`ShardSnapshots::lost`].
    pub fn shard(
        &self,
        group: u32,
        log_reaches: impl Fn(Option<u64>) -> bool,
    ) -> Result<ShardSnapshots, SnapshotError> {
        let records = self.tree(&format!("records-{group}"))?;
        let manifests = self.tree(MANIFESTS)?;
        let mut shard = ShardSnapshots {
            store: self.clone(),
            group,
            records,
            manifests,
            newest: Arc::default(),
            tally: Arc::new(Mutex::new(Tally::ZERO)),
            writing: Arc::default(),
            clean: Arc::new(AtomicBool::new(true)),
            lost: false,
        };
        shard.choose_generation(log_reaches)?;
        Ok(shard)
    }

    fn tree(&self, name: &str) -> Result<Tree, SnapshotError> {
        self.db.open_tree(name).map_err(|source| self.failed(source))
    }

    pub(super) fn failed(&self, source: sled::Error) -> SnapshotError {
        SnapshotError::Store { path: self.path.to_path_buf(), source }
    }

    /// Flushes sled and then syncs its file, which sled itself does not do.
    pub(super) fn sync(&self) -> Result<(), SnapshotError> {
        let db = match &self.db {
            Db::Sled(db) => db,
            Db::Memory(trees) => return trees.sync().map_err(|source| self.failed(source)),
        };
        db.flush().map_err(|source| self.failed(source))?;
        let synced = File::open(self.path.join("db"))
            .and_then(|file| file.sync_all())
            .and_then(|()| File::open(&*self.path)?.sync_all());
        synced.map_err(|source| SnapshotError::Sync { path: self.path.to_path_buf(), source })
    }
}

fn free_name(path: &Path) -> PathBuf {
    (1_u32..)
        .map(|n| path.with_extension(format!("damaged-{n}")))
        .find(|candidate| !candidate.exists())
        .expect("there are more numbers than damaged stores")
}

/// A generation and its manifest, unless that is damaged.
type Stored = (u64, Option<(Manifest, Tally)>);

/// A committed generation.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    /// Counted up from 1.
    pub(super) number: u64,
    pub(super) manifest: Manifest,
    pub(super) tally: Tally,
}

/// The snapshots of one shard.
#[derive(Clone, Debug)]
pub struct ShardSnapshots {
    pub(super) store: SnapshotStore,
    pub(super) group: u32,
    pub(super) records: Tree,
    pub(super) manifests: Tree,
    /// The newest committed generation.
    pub(super) newest: Arc<Mutex<Option<Generation>>>,
    /// Of every record that is there, committed or not.
    pub(super) tally: Arc<Mutex<Tally>>,
    /// Held by the one writer.
    writing: Arc<tokio::sync::Mutex<()>>,
    /// There are no records but those of committed generations.
    pub(super) clean: Arc<AtomicBool>,
    lost: bool,
}

impl ShardSnapshots {
    /// The newest snapshot, if there is one.
    #[must_use]
    pub fn current(&self) -> Option<SnapshotView> {
        let generation = self.newest.lock().clone()?;
        Some(SnapshotView::new(self.clone(), generation))
    }

    /// The number of the newest committed generation; 0 when there is none.
    fn newest_number(&self) -> u64 {
        self.newest.lock().as_ref().map_or(0, |generation| generation.number)
    }

    /// Whether snapshots were there but none could be used: the replica must be rebuilt from its peers.
    #[must_use]
    pub fn lost(&self) -> bool {
        self.lost
    }

    /// Starts to write the next generation, once nobody else is writing one.
    ///
    /// # Errors
    /// When what an attempt before has left cannot be removed.
    pub async fn begin(&self) -> Result<SnapshotWriter, SnapshotError> {
        let turn = Arc::clone(&self.writing).lock_owned().await;
        let kept = self.newest_number();
        if !self.clean.load(Ordering::Acquire) {
            self.drop_newer_than(kept, &self.stored_manifests()?)?;
            let found = self.current().map_or(Ok(Tally::ZERO), |view| view.verify())?;
            *self.tally.lock() = found;
            self.clean.store(true, Ordering::Release);
        }
        Ok(SnapshotWriter::new(self.clone(), kept + 1, turn))
    }

    /// The view as a committed one of this store: itself, committed if it was staged, or a copy of one of
    /// another store.
    ///
    /// # Errors
    /// When a record is damaged or sled fails.
    pub async fn adopt(&self, view: &SnapshotView) -> Result<SnapshotView, SnapshotError> {
        if view.is_of(self) {
            return view.clone().commit().await;
        }
        let mut writer = self.begin().await?;
        for record in view.records() {
            let (key, value) = record?;
            writer.put(&key, &value)?;
        }
        writer.remove_others()?;
        writer.commit(view.manifest().clone()).await
    }

    /// The newest committed version of one record, checked.
    ///
    /// # Errors
    /// When sled fails or the record is damaged.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SnapshotError> {
        loop {
            let generation = self.newest_number();
            let value = self.get_as_of(generation, key);
            // What a generation needs stays until two newer ones have come.
            if self.newest_number() < generation + 2 {
                return value;
            }
        }
    }

    fn get_as_of(&self, newest: u64, key: &[u8]) -> Result<Option<Vec<u8>>, SnapshotError> {
        for version in self.records.heads_from(record::key_prefix(key)).rev() {
            let (sled_key, head) = version.map_err(|e| self.store.failed(e))?;
            if record::split_version_key(&sled_key).is_some_and(|(_, g)| g <= newest) {
                let stored = self.records.whole(&sled_key, head);
                let stored = stored.map_err(|e| self.store.failed(e))?;
                return Ok(self.check(&sled_key, &stored)?.map(<[u8]>::to_vec));
            }
        }
        Ok(None)
    }

    /// Forgets every record and manifest of the shard.
    ///
    /// # Errors
    /// When sled fails.
    pub fn clear(&self) -> Result<(), SnapshotError> {
        *self.newest.lock() = None;
        for (generation, _) in self.stored_manifests()? {
            self.remove_manifest(generation)?;
        }
        self.records.clear().map_err(|e| self.store.failed(e))?;
        *self.tally.lock() = Tally::ZERO;
        self.store.sync()
    }

    /// See [`SnapshotStore::sync`].
    pub(super) fn sync(&self) -> Result<(), SnapshotError> {
        match planted(Mutant::CommitsSnapshotsUnflushed) {
            true => Ok(()),
            false => self.store.sync(),
        }
    }

    pub(super) fn check<'a>(
        &self,
        sled_key: &[u8],
        stored: &'a [u8],
    ) -> Result<Option<&'a [u8]>, SnapshotError> {
        record::decode_value(sled_key, stored).map_err(|()| {
            let (key, generation) = record::split_version_key(sled_key).unwrap_or((sled_key, 0));
            let key = String::from_utf8_lossy(key).into_owned();
            SnapshotError::Damaged { group: self.group, key, generation }
        })
    }

    pub(super) fn manifest_key(&self, generation: u64) -> Vec<u8> {
        record::version_key(&self.group.to_be_bytes(), generation)
    }

    pub(super) fn remove_manifest(&self, generation: u64) -> Result<(), SnapshotError> {
        self.manifests
            .remove(self.manifest_key(generation))
            .map_err(|e| self.store.failed(e))
            .map(drop)
    }

    /// Generations of the shard that have a manifest, newest first, damaged manifests as `None`.
    fn stored_manifests(&self) -> Result<Vec<Stored>, SnapshotError> {
        let mut found = Vec::new();
        let ours = record::key_prefix(&self.group.to_be_bytes());
        for item in self.manifests.heads_from(ours).rev() {
            let (key, head) = item.map_err(|e| self.store.failed(e))?;
            let Some((_, generation)) = record::split_version_key(&key) else { continue };
            let value = self.manifests.whole(&key, head).map_err(|e| self.store.failed(e))?;
            let manifest =
                record::decode_value(&key, &value).ok().flatten().and_then(record::decode_manifest);
            found.push((generation, manifest));
        }
        Ok(found)
    }

    fn choose_generation(
        &mut self,
        log_reaches: impl Fn(Option<u64>) -> bool,
    ) -> Result<(), SnapshotError> {
        let stored = self.stored_manifests()?;
        let mut chosen = None;
        for (generation, manifest) in &stored {
            let Some((manifest, tally)) = manifest else {
                warn!(shard = self.group, generation, "a snapshot manifest is damaged");
                continue;
            };
            let last = manifest.last.map(|id| id.index);
            let (manifest, tally) = (manifest.clone(), *tally);
            let candidate = Generation { number: *generation, manifest, tally };
            match SnapshotView::new(self.clone(), candidate.clone()).verify() {
                Ok(tally) if log_reaches(last) => {
                    chosen = Some(Generation { tally, ..candidate });
                    *self.tally.lock() = tally;
                    break;
                }
                Ok(_) => warn!(shard = self.group, generation, "the log begins after a snapshot"),
                Err(error) => {
                    warn!(shard = self.group, generation, %error, "a snapshot is damaged")
                }
            }
        }
        self.lost = chosen.is_none() && !stored.is_empty();
        *self.newest.lock() = chosen;
        let kept = self.newest_number();
        self.drop_newer_than(kept, &stored)?;
        info!(shard = self.group, generation = kept, lost = self.lost, "opened snapshots");
        Ok(())
    }

    /// Removes what a generation that was never committed, or is damaged, has left behind.
    fn drop_newer_than(&self, kept: u64, stored: &[Stored]) -> Result<(), SnapshotError> {
        for (generation, _) in stored.iter().filter(|(generation, _)| *generation > kept) {
            self.remove_manifest(*generation)?;
        }
        let is_kept = |key: &[u8]| record::split_version_key(key).is_some_and(|(_, g)| g <= kept);
        for item in self.records.heads() {
            let (key, _) = item.map_err(|e| self.store.failed(e))?;
            if !is_kept(&key) {
                self.records.remove(key).map_err(|e| self.store.failed(e))?;
            }
        }
        self.records.keep_parts(is_kept).map_err(|e| self.store.failed(e))
    }

    /// Removes manifests beyond the generations that are kept.
    pub(super) fn drop_old_manifests(&self) -> Result<(), SnapshotError> {
        for (generation, _) in self.stored_manifests()?.into_iter().skip(GENERATIONS) {
            self.remove_manifest(generation)?;
        }
        Ok(())
    }
}
