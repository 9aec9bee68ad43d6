//! A wall clock of its own for one node: libfaketime, which the node's process loads before everything else,
//! reads from a file how far the clock is off.

use std::io;
use std::path::{Path, PathBuf};

/// Where Debian's package `libfaketime` has the library, for the machines that it is built for.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// A clock that can be wrong. A node notices within a second.
#[derive(Debug)]
pub struct WallClock {
    library: &'static str,
    file: PathBuf,
}

impl WallClock {
    /// A clock that is right; `file` says so.
    ///
    /// # Errors
    /// Without libfaketime, or when the file cannot be written.
    pub fn create(file: PathBuf) -> io::Result<Self> {
        let library = LIBRARIES.into_iter().find(|library| Path::new(library).exists());
        let library = library.ok_or_else(|| {
            let why = "a clock for each node needs libfaketime (Debian: apt install libfaketime)";
            io::Error::new(io::ErrorKind::NotFound, why)
        })?;
        let clock = Self { library, file };
        clock.set_right()?;
        Ok(clock)
    }

    /// What a process needs in its environment to go by this clock.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", self.library.into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            // It looks into the file again after so many seconds.
            ("FAKETIME_CACHE_DURATION", "1".into()),
            // A jump is a matter of the wall clock.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    /// Sets it ahead, or back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn jump(&self, ms: i64) -> io::Result<()> {
        let (sign, ms) = (if ms < 0 { '-' } else { '+' }, ms.unsigned_abs());
        self.tell(&format!("{sign}{}.{:03}", ms / 1_000, ms % 1_000))
    }

    /// Sets it right.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_right(&self) -> io::Result<()> {
        self.tell("+0")
    }

    /// In one step: a process reads all of it or nothing.
    fn tell(&self, what: &str) -> io::Result<()> {
        let new = self.file.with_extension("new");
        std::fs::write(&new, what)?;
        std::fs::rename(new, &self.file)
    }
}
