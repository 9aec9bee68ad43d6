//! Segments before and after their life: prepared ahead, given back, and given a new life.

use super::error::WalError;
use super::limits::Room;
use super::segment::{Segment, encode_header, numbered, segment_path, spare_path};
use crate::disk::{Disk, DiskFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// A spare file: of a segment's length, with bytes that mean nothing.
#[derive(Debug)]
struct Spare {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

/// Makes segments out of spare files, and spare files out of segments.
#[derive(Debug)]
pub(super) struct Pool {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    owner: u64,
    room: Room,
    most_spares: usize,
    spares: Vec<Spare>,
    next_spare: u64,
    /// Giving a segment back failed, so no later one may be: the sequence would have a hole.
    stuck: bool,
}

impl Pool {
    /// Takes over the spare files of a directory; `names` are all of its files.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        names: &[String],
        owner: u64,
        room: Room,
        most_spares: usize,
    ) -> Result<Self, WalError> {
        let (dir, spares) = (dir.to_path_buf(), Vec::new());
        let mut pool =
            Self { disk, dir, owner, room, most_spares, spares, next_spare: 0, stuck: false };
        for number in names.iter().filter_map(|name| numbered(name, "spare-")) {
            pool.next_spare = pool.next_spare.max(number.wrapping_add(1));
            let path = spare_path(&pool.dir, number);
            let file = pool.disk.open(&path).map_err(WalError::io("open", &path))?;
            let size = file.size().map_err(WalError::io("measure", &path))?;
            // A shorter one is the rest of a preparation that was cut off.
            if size == u64::from(room.segment_bytes) && pool.spares.len() < most_spares {
                pool.spares.push(Spare { path, file });
            } else {
                pool.disk.remove(&path).map_err(WalError::io("remove", &path))?;
            }
        }
        Ok(pool)
    }

    /// A segment with nothing but its header, flushed with its name.
    ///
    /// The header is written under the spare's name: a file that is named as a segment has a good
    /// header, always.
    pub(super) fn prepare(&mut self, sequence: u64) -> Result<Arc<Segment>, WalError> {
        let spare = match self.spares.pop() {
            Some(spare) => spare,
            None => self.create_spare()?,
        };
        let header = encode_header(self.owner, sequence, self.room.segment_bytes);
        let Spare { path: spare_path, file } = spare;
        file.write_at(&header, 0).map_err(WalError::io("write", &spare_path))?;
        file.sync_all().map_err(WalError::io("flush", &spare_path))?;
        let path = segment_path(&self.dir, sequence);
        self.rename(&spare_path, &path)?;
        Ok(Arc::new(Segment::new(self.owner, sequence, path, file)))
    }

    /// A new file, filled with zeros.
    fn create_spare(&mut self) -> Result<Spare, WalError> {
        let path = spare_path(&self.dir, self.next_spare);
        self.next_spare = self.next_spare.wrapping_add(1);
        let file = self.disk.create(&path).map_err(WalError::io("create", &path))?;
        let filled = file.fill_zero(u64::from(self.room.segment_bytes));
        match filled.and_then(|()| file.sync_all()) {
            Ok(()) => Ok(Spare { path, file }),
            Err(error) => {
                // On a full disk the half-filled file takes the last space. If it stays, the next
                // start removes it.
                let _ = self.disk.remove(&path);
                Err(WalError::io("fill", path)(error))
            }
        }
    }

    /// Makes a spare file of a segment that nothing depends on any more.
    ///
    /// Called for one segment after the other from the oldest on; each is flushed before the next,
    /// so that what a power cut leaves has no hole in its sequence.
    pub(super) fn recycle(&mut self, segment: &Segment) -> Result<(), WalError> {
        if self.stuck {
            return Ok(());
        }
        let done = self.give_back(segment);
        self.stuck = done.is_err();
        done
    }

    fn give_back(&mut self, segment: &Segment) -> Result<(), WalError> {
        if self.spares.len() >= self.most_spares {
            let gone = self.disk.remove(&segment.path);
            gone.map_err(WalError::io("remove", &segment.path))?;
            return self.sync_dir();
        }
        let path = spare_path(&self.dir, self.next_spare);
        self.next_spare = self.next_spare.wrapping_add(1);
        self.rename(&segment.path, &path)?;
        self.spares.push(Spare { path, file: segment.file.clone() });
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), WalError> {
        self.disk.rename(from, to).map_err(WalError::io("rename", from))?;
        self.sync_dir()
    }

    fn sync_dir(&self) -> Result<(), WalError> {
        self.disk.sync_dir(&self.dir).map_err(WalError::io("flush", &self.dir))
    }
}

/// A pool that works ahead: on its own thread, or at once on the caller's.
#[derive(Debug)]
pub(super) enum Preparer {
    /// Works at once.
    Here { pool: Pool, ready: Option<Result<Arc<Segment>, WalError>> },
    /// Works on the thread `wal-segments`.
    There {
        jobs: Option<Sender<Job>>,
        ready: Receiver<Result<Arc<Segment>, WalError>>,
        asked: bool,
        thread: Option<JoinHandle<()>>,
    },
}

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    Prepare(u64),
    Recycle(Arc<Segment>),
}

impl Preparer {
    /// Works at once, on the caller's thread. `ready` is a segment that was prepared by an earlier
    /// process.
    pub(super) fn here(pool: Pool, ready: Option<Arc<Segment>>) -> Self {
        Self::Here { pool, ready: ready.map(Ok) }
    }

    /// Works on a thread of its own.
    pub(super) fn there(pool: Pool, ready: Option<Arc<Segment>>) -> io::Result<Self> {
        let (jobs, inbox) = channel();
        let (outbox, prepared) = channel();
        let asked = ready.is_some();
        if let Some(segment) = ready {
            // The receiver is in this function: it cannot have hung up.
            let _ = outbox.send(Ok(segment));
        }
        let work = move || run(pool, &inbox, &outbox);
        let thread = std::thread::Builder::new().name("wal-segments".to_owned()).spawn(work)?;
        Ok(Self::There { jobs: Some(jobs), ready: prepared, asked, thread: Some(thread) })
    }

    /// Asks for the next segment ahead of time, once.
    pub(super) fn ask(&mut self, sequence: u64) {
        match self {
            Self::Here { pool, ready } => {
                if ready.is_none() {
                    *ready = Some(pool.prepare(sequence));
                }
            }
            Self::There { jobs, asked, .. } => {
                if !*asked {
                    *asked = true;
                    send(jobs, Job::Prepare(sequence));
                }
            }
        }
    }

    /// The next segment. Waits for it if it is not ready. If there was no space for it, there may
    /// be some by now: that is tried once more, with a new file. Nothing else is.
    pub(super) fn take(&mut self, sequence: u64) -> Result<Arc<Segment>, WalError> {
        self.ask(sequence);
        match self.wait() {
            Err(WalError::Io { source, file, .. })
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                let file = file.display();
                tracing::warn!(%file, "no space for a log segment, trying once more");
                self.ask(sequence);
                self.wait()
            }
            result => result,
        }
    }

    fn wait(&mut self) -> Result<Arc<Segment>, WalError> {
        match self {
            Self::Here { ready, .. } => ready.take().unwrap_or(Err(WalError::Closed)),
            Self::There { ready, asked, .. } => {
                *asked = false;
                ready.recv().unwrap_or(Err(WalError::Panicked))
            }
        }
    }

    /// Gives a segment back. If that fails it stays where it is: harmless, the next start finds it
    /// again.
    pub(super) fn recycle(&mut self, segment: Arc<Segment>) {
        match self {
            Self::Here { pool, .. } => recycle_or_warn(pool, &segment),
            Self::There { jobs, .. } => send(jobs, Job::Recycle(segment)),
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        if let Self::There { jobs, thread, .. } = self {
            drop(jobs.take());
            if let Some(thread) = thread.take() {
                // A panic there was reported where it happened.
                let _ = thread.join();
            }
        }
    }
}

fn send(jobs: &Option<Sender<Job>>, job: Job) {
    // If the thread is gone, the next `wait` says so.
    let _ = jobs.as_ref().map(|jobs| jobs.send(job));
}

fn run(mut pool: Pool, inbox: &Receiver<Job>, outbox: &Sender<Result<Arc<Segment>, WalError>>) {
    for job in inbox {
        match job {
            Job::Prepare(sequence) => {
                let _ = outbox.send(pool.prepare(sequence));
            }
            Job::Recycle(segment) => recycle_or_warn(&mut pool, &segment),
        }
    }
}

fn recycle_or_warn(pool: &mut Pool, segment: &Segment) {
    if let Err(error) = pool.recycle(segment) {
        let sequence = segment.sequence;
        tracing::warn!(%error, sequence, "no log segment is recycled until the next start");
    }
}
