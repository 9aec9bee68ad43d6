//! A segment's file: its name and its header.

use super::error::{Damage, WalError};
use super::limits::{FORMAT_VERSION, SEGMENT_HEADER_BYTES};
use crate::disk::DiskFile;
use bytes::{Buf, BufMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// First bytes of a segment.
const MAGIC: &[u8; 8] = b"SEATGWAL";

/// A file that holds one stretch of the log.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its place in the log, and the generation of its bytes: a recycled file gets a new one.
    pub(super) sequence: u64,
    owner: u64,
    /// Checksums of batches and records start from here, so that bytes of another life or log never
    /// match.
    pub(super) seed: u32,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
}

impl Segment {
    pub(super) fn new(owner: u64, sequence: u64, path: PathBuf, file: Arc<dyn DiskFile>) -> Self {
        Self { sequence, owner, seed: seed(owner, sequence), path, file }
    }

    /// What checksums start from in another segment of this log.
    pub(super) fn seed_in(&self, sequence: u64) -> u32 {
        seed(self.owner, sequence)
    }

    /// What the checksums of a segment start from.
    #[cfg(feature = "fuzzing")]
    pub(super) fn seed_of(owner: u64, sequence: u64) -> u32 {
        seed(owner, sequence)
    }

    /// Bytes at `offset` are not what was written.
    pub(super) fn damaged(&self, offset: usize, damage: Damage) -> WalError {
        WalError::Damaged { file: self.path.clone(), offset: offset as u64, damage }
    }
}

/// What checksums of a segment start from. Two segments of one log never share it, as long as the
/// log has fewer than 2^32 segments: a CRC-32 tells all values of four bytes apart.
fn seed(owner: u64, sequence: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&owner.to_le_bytes());
    hasher.update(&sequence.to_le_bytes());
    hasher.finalize()
}

/// The file name of a segment.
pub(super) fn segment_path(dir: &Path, sequence: u64) -> PathBuf {
    dir.join(format!("seg-{sequence:016x}.wal"))
}

/// The file name of a spare segment. The number only tells spares apart.
pub(super) fn spare_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("spare-{number:016x}.wal"))
}

/// The number in a name like `seg-000000000000002a.wal`.
pub(super) fn numbered(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(".wal")?;
    let canonical =
        digits.len() == 16 && !digits.bytes().any(|b| b.is_ascii_uppercase() || b == b'+');
    if canonical { u64::from_str_radix(digits, 16).ok() } else { None }
}

/// A segment's header; fills its sector.
pub(super) fn encode_header(owner: u64, sequence: u64, segment_bytes: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    header.put_slice(MAGIC);
    header.put_u32_le(FORMAT_VERSION);
    header.put_u32_le(0);
    header.put_u64_le(sequence);
    header.put_u64_le(owner);
    header.put_u32_le(segment_bytes);
    header.resize(SEGMENT_HEADER_BYTES, 0);
    let crc = header_crc(&header);
    header[12..16].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Checks the header of a segment whose name says `sequence`.
pub(super) fn check_header(
    bytes: &[u8],
    path: &Path,
    owner: u64,
    sequence: u64,
    segment_bytes: u32,
) -> Result<(), WalError> {
    let damaged = |damage| WalError::Damaged { file: path.to_path_buf(), offset: 0, damage };
    let mut fields = &bytes[..SEGMENT_HEADER_BYTES];
    let magic_matches = fields.starts_with(MAGIC);
    fields.advance(MAGIC.len());
    let version = fields.get_u32_le();
    let crc = fields.get_u32_le();
    let found_sequence = fields.get_u64_le();
    let found_owner = fields.get_u64_le();
    let found_bytes = fields.get_u32_le();
    if !magic_matches || crc != header_crc(bytes) {
        return Err(damaged(Damage::SegmentHeader { sequence }));
    }
    let file = path.to_path_buf();
    if version != FORMAT_VERSION {
        let expected = FORMAT_VERSION;
        return Err(WalError::UnsupportedFormat { file, found: version, expected });
    }
    if found_owner != owner {
        return Err(WalError::WrongOwner { file, found: found_owner, expected: owner });
    }
    if found_sequence != sequence {
        return Err(damaged(Damage::WrongSegment { expected: sequence, found: found_sequence }));
    }
    if found_bytes != segment_bytes {
        let (expected, found) = (u64::from(segment_bytes), u64::from(found_bytes));
        return Err(damaged(Damage::Length { expected, found }));
    }
    Ok(())
}

/// Checksum of everything in the header but itself.
fn header_crc(header: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..12]);
    hasher.update(&header[16..SEGMENT_HEADER_BYTES]);
    hasher.finalize()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let path = segment_path(Path::new("d"), 42);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(name, "seg-000000000000002a.wal");
        assert_eq!(numbered(name, "seg-"), Some(42));
        for other in ["seg-2a.wal", "seg-000000000000002A.wal", "spare-000000000000002a.wal", "x"] {
            assert_eq!(numbered(other, "seg-"), None, "{other}");
        }
    }

    #[test]
    fn a_header_is_refused_for_any_flipped_bit() {
        let good = encode_header(7, 42, 4096);
        let path = Path::new("seg");
        assert!(check_header(&good, path, 7, 42, 4096).is_ok());
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(check_header(&bad, path, 7, 42, 4096).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_header_says_whose_and_which_segment_it_is() {
        let header = encode_header(7, 42, 4096);
        let path = Path::new("seg");
        let other = check_header(&header, path, 8, 42, 4096);
        assert!(matches!(other, Err(WalError::WrongOwner { found: 7, expected: 8, .. })));
        let other = check_header(&header, path, 7, 43, 4096);
        let damage = Damage::WrongSegment { expected: 43, found: 42 };
        assert!(matches!(other, Err(WalError::Damaged { damage: d, .. }) if d == damage));
    }
}
