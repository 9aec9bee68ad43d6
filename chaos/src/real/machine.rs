//! What a node's process runs on, where it has something of its own.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::fault::Need;
use super::volume::Volume;
use super::wall_clock::WallClock;

/// The machine of one node, as far as it is not everybody's.
#[derive(Debug)]
pub struct Machine {
    data_dir: PathBuf,
    volume: Option<Volume>,
    clock: Option<WallClock>,
}

impl Machine {
    /// A machine with what a plan needs; its files lie in `dir` under the node's `name`. A file system of its
    /// own has `disk_mib` MiB.
    ///
    /// # Errors
    /// Without the privileges or programs for it.
    pub fn create(
        needs: &BTreeSet<Need>,
        disk_mib: u64,
        dir: &Path,
        name: &str,
    ) -> io::Result<Self> {
        let (mut data_dir, mut volume, mut clock) = (dir.join(name), None, None);
        if needs.contains(&Need::Volumes) {
            let mounted = Volume::create(dir.join(format!("{name}.ext4")), data_dir, disk_mib)?;
            data_dir = mounted.folder().join("data");
            volume = Some(mounted);
        }
        if needs.contains(&Need::Clocks) {
            clock = Some(WallClock::create(dir.join(format!("{name}.clock")))?);
        }
        Ok(Self { data_dir, volume, clock })
    }

    /// Where the node's data lies.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its file system.
    ///
    /// # Errors
    /// When it has none of its own.
    pub fn volume(&self) -> io::Result<&Volume> {
        self.volume.as_ref().ok_or_else(|| missing("file system"))
    }

    /// Its clock.
    ///
    /// # Errors
    /// When it has none of its own.
    pub fn clock(&self) -> io::Result<&WallClock> {
        self.clock.as_ref().ok_or_else(|| missing("clock"))
    }

    /// What its processes need in their environment.
    pub(super) fn environment(&self) -> impl Iterator<Item = (&'static str, PathBuf)> + use<> {
        self.clock.as_ref().map(WallClock::environment).into_iter().flatten()
    }
}

fn missing(what: &str) -> io::Error {
    io::Error::other(format!("the node has no {what} of its own"))
}
