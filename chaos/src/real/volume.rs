//! A file system of its own for one node: ext4 in a file, mounted over a loop device. Needs root.
//!
//! Its power can be cut. The kernel's shutdown call stops the file system as it is: nothing more is written,
//! and what was not flushed is gone when it is mounted again.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The file that fills a file system up.
const FILLER: &str = "filler";

/// Bytes that are written at a time to fill a file system up.
const FILLER_CHUNK: usize = 64 * 1024;

/// A mounted file system. It is unmounted when this is dropped.
#[derive(Debug)]
pub struct Volume {
    image: PathBuf,
    mount: PathBuf,
}

impl Volume {
    /// Makes a file system of `mib` MiB in the file `image` and mounts it at the folder `mount`.
    ///
    /// # Errors
    /// Without root, or where one of the programs `mkfs.ext4`, `mount`, `umount`, `fsfreeze` and `xfs_io` is
    /// missing.
    pub fn create(image: PathBuf, mount: PathBuf, mib: u64) -> io::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            let why = "a file system for each node needs root: this plan mounts them";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        // It is needed only later; whether it is there is to be known before the first buyer arrives.
        call("xfs_io", ["-V"])?;
        File::create_new(&image)?.set_len(mib * 1024 * 1024)?;
        std::fs::create_dir_all(&mount)?;
        call("mkfs.ext4", [OsStr::new("-q"), OsStr::new("-F"), image.as_os_str()])?;
        let volume = Self { image, mount };
        volume.mount()?;
        Ok(volume)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.mount
    }

    /// Cuts the power: from now on every write fails, and what was not flushed is lost.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn cut_power(&self) -> io::Result<()> {
        // Without a flag of its own it does not write the file system's journal first.
        let command = [OsStr::new("-x"), OsStr::new("-c"), OsStr::new("shutdown")];
        call("xfs_io", command.into_iter().chain([self.mount.as_os_str()]))
    }

    /// Gives it its power back, as after a start of the machine. Nobody may use it at this moment.
    ///
    /// # Errors
    /// When somebody does, or the file system cannot be read any more.
    pub fn restore_power(&self) -> io::Result<()> {
        call("umount", [&self.mount])?;
        self.mount()
    }

    /// From now on nothing that writes comes back.
    ///
    /// # Errors
    /// When it is frozen already.
    pub fn freeze(&self) -> io::Result<()> {
        call("fsfreeze", [OsStr::new("-f"), self.mount.as_os_str()])
    }

    /// Everything goes on.
    ///
    /// # Errors
    /// When it is not frozen.
    pub fn thaw(&self) -> io::Result<()> {
        call("fsfreeze", [OsStr::new("-u"), self.mount.as_os_str()])
    }

    /// Takes all the room that is left.
    ///
    /// # Errors
    /// When something else goes wrong before it is full.
    pub fn fill(&self) -> io::Result<()> {
        let filler = self.mount.join(FILLER);
        let direct = i32::try_from(rustix::fs::OFlags::DSYNC.bits()).unwrap_or(0);
        // Small pieces at last: a large one may not fit where a small one does.
        for size in [FILLER_CHUNK, 4_096, 512] {
            let mut options = File::options();
            let mut file = options.create(true).append(true).custom_flags(direct).open(&filler)?;
            let chunk = vec![0x5A; size];
            loop {
                match io::Write::write(&mut file, &chunk) {
                    Ok(_) => {}
                    Err(full) if full.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Gives back what [`Volume::fill`] took.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn free(&self) -> io::Result<()> {
        std::fs::remove_file(self.mount.join(FILLER))
    }

    fn mount(&self) -> io::Result<()> {
        let options = ["-o", "loop"].map(OsStr::new);
        call("mount", options.into_iter().chain([self.image.as_os_str(), self.mount.as_os_str()]))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // It may be frozen or not; whoever still writes is about to end.
        let _ = self.thaw();
        let _ = call("umount", [OsStr::new("-l"), self.mount.as_os_str()]);
    }
}

/// Has a program of the system do something.
fn call<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> io::Result<()> {
    let missing = |error: io::Error| {
        let why = format!("{program} cannot be started: {error}");
        io::Error::new(error.kind(), why)
    };
    let Output { status, stderr, .. } =
        Command::new(program).args(arguments).output().map_err(missing)?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&stderr);
    Err(io::Error::other(format!("{program}: {status}: {}", said.trim())))
}
