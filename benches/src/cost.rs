//! What processes cost: processor time and memory, as Linux counts them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// Ticks of a second in `/proc`: it is 100 on every Linux that Debian builds for.
const TICKS_PER_SECOND: u64 = 100;

/// A block of stat(2), whatever the file system's are.
const BLOCK_BYTES: u64 = 512;

/// What some processes have cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Processor time, of the kernel on their behalf, too.
    pub processor: Duration,
    /// Memory that they have now, in bytes.
    pub resident_bytes: u64,
}

/// The processes and all that they have started. The time of processes that have ended is their parents'.
#[must_use]
pub fn of_trees(roots: &[u32]) -> Cost {
    let all: Vec<(u32, u32)> = processes();
    let mut tree: BTreeSet<u32> = roots.iter().copied().collect();
    loop {
        let before = tree.len();
        tree.extend(
            all.iter()
                .filter(|(_, parent)| tree.contains(parent))
                .map(|(id, _)| *id)
                .collect::<Vec<_>>(),
        );
        if tree.len() == before {
            break;
        }
    }
    tree.into_iter().filter_map(of).fold(Cost::default(), |sum, one| Cost {
        processor: sum.processor + one.processor,
        resident_bytes: sum.resident_bytes + one.resident_bytes,
    })
}

/// This process.
#[must_use]
pub fn own() -> Cost {
    of(std::process::id()).unwrap_or_default()
}

/// What the files of a folder take on the disk, in bytes. One that goes while it is looked at counts nothing.
#[must_use]
pub fn disk_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of_entry = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.blocks() * BLOCK_BYTES,
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}

/// Every process with its parent.
fn processes() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: u32| Some((id, field(&stat(id)?, 4)? as u32))).collect()
}

fn of(id: u32) -> Option<Cost> {
    let stat = stat(id)?;
    // Its own time and the kernel's for it; then the same of its children that have ended.
    let ticks: u64 = (14..=17).filter_map(|number| field(&stat, number)).sum();
    let processor = Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND);
    let pages = fs::read_to_string(format!("/proc/{id}/statm")).ok()?;
    let resident: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(Cost { processor, resident_bytes: resident * 4_096 })
}

fn stat(id: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{id}/stat")).ok()
}

/// A field by its number in proc(5). The second, the name in brackets, may have spaces.
fn field(stat: &str, number: usize) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_costs_time_and_memory() {
        let before = own();
        let mut sum = 0_u64;
        while own().processor < before.processor + Duration::from_millis(50) {
            sum = (0..1_000_000).fold(sum, |sum, n| sum ^ (sum << 1) ^ n);
        }
        assert!(own().resident_bytes > 100_000, "{sum}");
    }

    #[test]
    fn what_a_process_has_started_is_counted_with_it() {
        let mut child = std::process::Command::new("sleep").arg("10").spawn().expect("a sleep");
        let (alone, tree) = (own().resident_bytes, of_trees(&[std::process::id()]).resident_bytes);
        child.kill().and_then(|()| child.wait()).expect("it ends");
        assert!(tree > alone, "{tree} {alone}");
    }
}
