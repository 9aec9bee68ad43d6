//! The file `FORMAT`: what kind of log a directory holds, and whose.
//!
//! It is written last when a log is created. So where it is, the first segment was flushed before,
//! and a directory without segments beside it has lost them.

use super::error::{Damage, WalError};
use super::limits::{FORMAT_VERSION, Room};
use crate::disk::Disk;
use std::path::{Path, PathBuf};

/// Longest description that is read.
const MAX_BYTES: u64 = 4096;

/// Where the description is.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("FORMAT")
}

/// Writes the description, durably.
pub(super) fn write(disk: &dyn Disk, dir: &Path, owner: u64, room: Room) -> Result<(), WalError> {
    let (path, draft) = (path(dir), dir.join("FORMAT.new"));
    let text = text(FORMAT_VERSION, owner, room);
    let file = disk.create(&draft).map_err(WalError::io("create", &draft))?;
    file.write_at(text.as_bytes(), 0).map_err(WalError::io("write", &draft))?;
    file.sync_all().map_err(WalError::io("flush", &draft))?;
    disk.rename(&draft, &path).map_err(WalError::io("rename", &draft))?;
    disk.sync_dir(dir).map_err(WalError::io("flush", dir))
}

/// Reads and checks the description: the log must be ours. Returns the size of its segments.
pub(super) fn read(disk: &dyn Disk, dir: &Path, owner: u64) -> Result<Room, WalError> {
    let path = path(dir);
    let file = disk.open(&path).map_err(WalError::io("open", &path))?;
    let size = file.size().map_err(WalError::io("measure", &path))?;
    let mut bytes = vec![0; size.min(MAX_BYTES) as usize];
    file.read_at(&mut bytes, 0).map_err(WalError::io("read", &path))?;
    let Some((version, found_owner, room)) = parse(&bytes) else {
        return Err(WalError::Damaged { file: path, offset: 0, damage: Damage::Format });
    };
    if version != FORMAT_VERSION {
        let (file, expected) = (path, FORMAT_VERSION);
        return Err(WalError::UnsupportedFormat { file, found: version, expected });
    }
    if found_owner != owner {
        return Err(WalError::WrongOwner { file: path, found: found_owner, expected: owner });
    }
    if !room.is_valid() {
        return Err(WalError::BadSegmentBytes { segment_bytes: room.segment_bytes });
    }
    Ok(room)
}

pub(super) fn text(version: u32, owner: u64, room: Room) -> String {
    let body = format!(
        "seatgrid write-ahead log\nformat {version}\nowner {owner}\nsegment_bytes {}\n",
        room.segment_bytes
    );
    let crc = crc32fast::hash(body.as_bytes());
    format!("{body}crc32 {crc:08x}\n")
}

/// The fields of a description that is exactly as it would be written.
fn parse(bytes: &[u8]) -> Option<(u32, u64, Room)> {
    let found = std::str::from_utf8(bytes).ok()?;
    let mut fields = found.lines().skip(1).map(|line| line.split_once(' '));
    let mut field = |name| match fields.next() {
        Some(Some((found, value))) if found == name => Some(value),
        _ => None,
    };
    let version = field("format")?.parse().ok()?;
    let owner = field("owner")?.parse().ok()?;
    let room = Room { segment_bytes: field("segment_bytes")?.parse().ok()? };
    (text(version, owner, room) == found).then_some((version, owner, room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_refused_for_any_flipped_bit_or_missing_end() {
        let room = Room { segment_bytes: 4096 };
        let good = text(1, 7, room).into_bytes();
        assert_eq!(parse(&good), Some((1, 7, room)));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&bad), None, "bit {bit}");
        }
        for len in 0..good.len() {
            assert_eq!(parse(&good[..len]), None, "{len} bytes");
        }
    }
}
