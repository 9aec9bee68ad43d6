//! A disk in memory, for tests and for the simulator: it fails on request and can lose its power.

use super::fault::{Doing, Fault, SyncGate, Verdict};
use super::names::{Copies, NameChange, Names};
use super::pages::{Choices, Fate, Pages};
use super::{Disk, DiskFile, LockGuard};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A disk in memory. Clones are handles of one disk.
///
/// Writes and names are seen at once and become durable by a sync. [`MemDisk::power_cut`] returns
/// the disk that the machine finds when it starts again; the old one fails every operation from
/// then on, so a log that still holds it is as dead as its machine.
#[derive(Debug, Clone, Default)]
pub struct MemDisk {
    machine: Arc<Machine>,
}

/// What a power cut keeps of everything that was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerCut {
    /// Nothing.
    KeepNothing,
    /// Everything.
    KeepAll,
    /// By sector, as this seed chooses: any version that the sector had since the last flush. Of
    /// the names that were not flushed a prefix is kept, in the order of their changes.
    Seeded(u64),
}

#[derive(Debug, Default)]
struct Machine {
    state: Mutex<State>,
    /// Signalled when the gate opens and when a sync reaches it.
    gate: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The names as seen.
    names: Names,
    /// The names as flushed.
    flushed_names: Names,
    /// Changes of names since, oldest first.
    renaming: Vec<NameChange>,
    dirs: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
    faults: Vec<Fault>,
    /// Most bytes that files may have together.
    capacity: Option<u64>,
    off: bool,
    /// Operations so far. Stands for the clock.
    operations: u64,
    gate_closed: bool,
    hung: usize,
}

impl MemDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Arms a fault.
    pub fn inject(&self, fault: Fault) {
        self.machine.state.lock().faults.push(fault);
    }

    /// Disarms every fault. Power that is off stays off.
    pub fn clear_faults(&self) {
        self.machine.state.lock().faults.clear();
    }

    /// Bounds the bytes of all files together; `None` lifts the bound.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.machine.state.lock().capacity = bytes;
    }

    /// Bytes of all files together.
    pub fn used(&self) -> u64 {
        self.machine.state.lock().used()
    }

    /// Operations so far that change the disk or read it.
    pub fn operations(&self) -> u64 {
        self.machine.state.lock().operations
    }

    /// Makes every sync hang until the gate is dropped.
    pub fn hang_syncs(&self) -> SyncGate {
        self.machine.state.lock().gate_closed = true;
        SyncGate { disk: self.clone() }
    }

    pub(super) fn open_gate(&self) {
        self.machine.state.lock().gate_closed = false;
        self.machine.gate.notify_all();
    }

    pub(super) fn wait_until_hung(&self) {
        let mut state = self.machine.state.lock();
        while state.hung == 0 {
            self.machine.gate.wait(&mut state);
        }
    }

    /// The bytes of a file, or `None` if there is no such file.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.machine.state.lock();
        state.names.get(path).map(|pages| pages.lock().view().to_vec())
    }

    /// Changes the bytes of a file behind the back of whoever has it open, durably. A missing file
    /// stays missing.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let state = self.machine.state.lock();
        if let Some(pages) = state.names.get(path) {
            pages.lock().damage(change);
        }
    }

    /// Ends the process and keeps the machine: nothing is lost, locks are free, the old handles are
    /// dead.
    pub fn kill(&self) -> MemDisk {
        let copy = self.fork();
        self.machine.state.lock().off = true;
        copy
    }

    /// Another disk with the same bytes and names, flushed or not, without locks and faults.
    pub fn fork(&self) -> MemDisk {
        let state = self.machine.state.lock();
        let mut copies = Copies::new(|pages| pages.clone());
        let forked = State {
            names: copies.names(&state.names),
            flushed_names: copies.names(&state.flushed_names),
            renaming: state.renaming.iter().map(|change| copies.change(change)).collect(),
            dirs: state.dirs.clone(),
            capacity: state.capacity,
            operations: state.operations,
            ..State::default()
        };
        MemDisk { machine: Arc::new(Machine { state: Mutex::new(forked), ..Machine::default() }) }
    }

    /// Cuts the power and returns the disk that is found after. May be called again on the dead
    /// disk, to look at another way the same cut could have gone.
    pub fn power_cut(&self, cut: PowerCut) -> MemDisk {
        let mut state = self.machine.state.lock();
        state.off = true;
        let (mut fate, kept) = match cut {
            PowerCut::KeepNothing => (Fate::Lost, 0),
            PowerCut::KeepAll => (Fate::Kept, state.renaming.len()),
            PowerCut::Seeded(seed) => {
                let mut choices = Choices(seed);
                let kept = choices.below(state.renaming.len() + 1);
                (Fate::Chosen(choices), kept)
            }
        };
        let mut names = state.flushed_names.clone();
        state.renaming.iter().take(kept).for_each(|change| change.apply(&mut names));
        let mut copies = Copies::new(|pages: &Pages| pages.after_power_cut(&mut fate));
        let names = copies.names(&names);
        let found = State {
            flushed_names: names.clone(),
            names,
            dirs: state.dirs.clone(),
            capacity: state.capacity,
            operations: state.operations,
            ..State::default()
        };
        MemDisk { machine: Arc::new(Machine { state: Mutex::new(found), ..Machine::default() }) }
    }

    /// Lets one operation through, or fails it.
    fn admit(&self, doing: Doing) -> io::Result<(MutexGuard<'_, State>, Verdict)> {
        let mut state = self.machine.state.lock();
        state.operations += 1;
        if state.off {
            return Err(io::Error::other("the power is off"));
        }
        let mut verdict = Verdict::Go;
        state.faults.retain_mut(|fault| {
            if verdict != Verdict::Go {
                return true;
            }
            verdict = fault.strike(doing);
            verdict == Verdict::Go
        });
        match verdict {
            Verdict::Off => {
                state.off = true;
                Err(io::Error::other("the power went off"))
            }
            Verdict::Fail if doing != Doing::Sync => Err(io::Error::other("injected fault")),
            verdict => Ok((state, verdict)),
        }
    }

    fn change_name(&self, change: NameChange) -> io::Result<()> {
        let (mut state, _) = self.admit(Doing::Naming)?;
        change.apply(&mut state.names);
        state.renaming.push(change);
        Ok(())
    }

    fn file(&self, pages: Arc<Mutex<Pages>>) -> Arc<dyn DiskFile> {
        Arc::new(MemFile { disk: self.clone(), pages })
    }
}

impl State {
    fn used(&self) -> u64 {
        self.names.values().map(|pages| pages.lock().len() as u64).sum()
    }

    fn has_room(&self, growth: u64) -> io::Result<()> {
        match self.capacity {
            Some(capacity) if growth > 0 && self.used() + growth > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl Disk for MemDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let (state, _) = self.admit(Doing::Read)?;
        let pages = state.names.get(path).cloned();
        drop(state);
        pages.map(|pages| self.file(pages)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let pages = Arc::new(Mutex::new(Pages::default()));
        self.change_name(NameChange::Link(path.to_path_buf(), pages.clone()))?;
        Ok(self.file(pages))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.machine.state.lock().names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change_name(NameChange::Rename(from.to_path_buf(), to.to_path_buf()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if !self.machine.state.lock().names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change_name(NameChange::Unlink(path.to_path_buf()))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let (state, _) = self.admit(Doing::Read)?;
        if !state.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let (mut state, verdict) = self.admit(Doing::Sync)?;
        if verdict != Verdict::Go {
            return Err(io::Error::other("injected fault"));
        }
        let (here, elsewhere): (Vec<_>, Vec<_>) = std::mem::take(&mut state.renaming)
            .into_iter()
            .partition(|change| change.dir() == Some(dir));
        here.iter().for_each(|change| change.apply(&mut state.flushed_names));
        state.renaming = elsewhere;
        Ok(())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let (mut state, _) = self.admit(Doing::Naming)?;
        state.dirs.extend(dir.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<LockGuard>> {
        let (mut state, _) = self.admit(Doing::Read)?;
        if !state.locks.insert(path.to_path_buf()) {
            return Ok(None);
        }
        Ok(Some(LockGuard::new(MemLock { disk: self.clone(), path: path.to_path_buf() })))
    }

    /// A microsecond for each operation so far: the same run measures the same.
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.operations())
    }
}

#[derive(Debug)]
struct MemLock {
    disk: MemDisk,
    path: PathBuf,
}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.disk.machine.state.lock().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct MemFile {
    disk: MemDisk,
    pages: Arc<Mutex<Pages>>,
}

impl DiskFile for MemFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let _state = self.disk.admit(Doing::Read)?;
        self.pages.lock().read(buffer, offset as usize)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (state, verdict) = self.disk.admit(Doing::Write)?;
        let growth = (offset + bytes.len() as u64).saturating_sub(self.pages.lock().len() as u64);
        state.has_room(growth)?;
        let mut pages = self.pages.lock();
        if let Verdict::Keep(keep) = verdict {
            pages.write(&bytes[..keep.min(bytes.len())], offset as usize);
            return Err(io::ErrorKind::WriteZero.into());
        }
        pages.write(bytes, offset as usize);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let (mut state, verdict) = self.disk.admit(Doing::Sync)?;
        while state.gate_closed && !state.off {
            state.hung += 1;
            self.disk.machine.gate.notify_all();
            self.disk.machine.gate.wait(&mut state);
            state.hung -= 1;
        }
        if state.off {
            return Err(io::Error::other("the power went off"));
        }
        if verdict != Verdict::Go {
            self.pages.lock().forget_dirty();
            return Err(io::Error::other("injected fault"));
        }
        self.pages.lock().flush();
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        let _state = self.disk.admit(Doing::Read)?;
        Ok(self.pages.lock().len() as u64)
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        let (state, _) = self.disk.admit(Doing::Write)?;
        let growth = bytes.saturating_sub(self.pages.lock().len() as u64);
        state.has_room(growth)?;
        self.pages.lock().set_len(bytes as usize);
        Ok(())
    }
}
