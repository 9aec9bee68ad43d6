//! The systems that are measured: how each is started, and how its users ask it best.

pub mod etcd;
pub mod null;
pub mod postgres;
pub mod redis;
pub mod seatgrid;
mod server;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a system is not measured.
#[derive(Debug, Error)]
pub enum Missing {
    /// A program of it is not there.
    #[error("{program} is not installed (Debian: apt install {package})")]
    NotInstalled {
        /// The program.
        program: &'static str,
        /// Debian's package that has it.
        package: &'static str,
    },
    /// It could not be started, or did not answer in time.
    #[error("{program} did not start: {why}")]
    NotStarted {
        /// The program.
        program: &'static str,
        /// What it or the system said.
        why: io::Error,
    },
}

/// Finds a program of a Debian package.
fn installed(program: &'static str, package: &'static str) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(program)).find(|path| is_program(path));
    found.ok_or(Missing::NotInstalled { program, package })
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file())
}
