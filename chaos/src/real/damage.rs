//! What can be done to the files of a node that does not run.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// How much of the log's end goes missing, in bytes.
const TRUNCATED_BYTES: u64 = 700;

/// Flips a bit in the middle of the newest segment of the log; says where.
pub(super) fn flip_log_bit(data_dir: &Path) -> io::Result<String> {
    let segment = newest_segment(data_dir)?;
    flip(&segment, used(&segment)? / 2)
}

/// Cuts the end off the newest segment of the log; says where.
pub(super) fn truncate_log(data_dir: &Path) -> io::Result<String> {
    let segment = newest_segment(data_dir)?;
    let length = used(&segment)?.saturating_sub(TRUNCATED_BYTES);
    File::options().write(true).open(&segment)?.set_len(length)?;
    Ok(format!("{} ends at byte {length}", name(&segment)))
}

/// Flips a bit in the middle of the largest file of the snapshots; says where.
pub(super) fn flip_snapshot_bit(data_dir: &Path) -> io::Result<String> {
    let log = data_dir.join("wal");
    let files = files_in(data_dir)?;
    let of_snapshots = files.into_iter().filter(|path| {
        !path.starts_with(&log) && path.extension().is_none_or(|extension| extension != "toml")
    });
    let largest = of_snapshots.max_by_key(|path| used(path).unwrap_or(0));
    let largest = largest.ok_or_else(|| io::Error::other("the node has no snapshot files"))?;
    flip(&largest, used(&largest)? / 2)
}

fn flip(path: &Path, at: u64) -> io::Result<String> {
    let file = File::options().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ 4], at)?;
    Ok(format!("bit 2 of byte {at} of {}", name(path)))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn newest_segment(data_dir: &Path) -> io::Result<PathBuf> {
    let segment = |path: &PathBuf| name(path).starts_with("seg-") && used(path).unwrap_or(0) > 512;
    let newest = files_in(&data_dir.join("wal"))?.into_iter().filter(segment).max();
    newest.ok_or_else(|| io::Error::other("the node's log has no segment with records"))
}

/// Bytes of a file without the zeroes at its end, which are room for what is to come.
fn used(path: &Path) -> io::Result<u64> {
    let bytes = fs::read(path)?;
    Ok(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last as u64 + 1))
}

fn files_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_in(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
