//! The bytes of one file in memory: what a reader sees, and what a power cut would leave.

use super::SECTOR_BYTES;
use std::collections::BTreeMap;
use std::io;

/// Versions of one unflushed sector that are kept. Of more, the newest ones.
const MAX_VERSIONS: usize = 4;

/// A small generator of choices (splitmix64): the same seed makes the same choices for ever.
#[derive(Debug, Clone)]
pub(super) struct Choices(pub(super) u64);

impl Choices {
    /// A number below `bound`, which is not zero.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// What a power cut does to sectors that were written and not flushed.
#[derive(Debug, Clone)]
pub(super) enum Fate {
    Lost,
    Kept,
    /// Each sector becomes any version that it had since the last flush.
    Chosen(Choices),
}

/// A file's bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    /// What reads return: the page cache.
    view: Vec<u8>,
    /// What was flushed.
    flushed: Vec<u8>,
    /// Versions of each unflushed sector, oldest first.
    dirty: BTreeMap<usize, Vec<Vec<u8>>>,
}

impl Pages {
    pub(super) fn len(&self) -> usize {
        self.view.len()
    }

    pub(super) fn view(&self) -> &[u8] {
        &self.view
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: usize) -> io::Result<()> {
        let end = offset.checked_add(buffer.len()).filter(|end| *end <= self.view.len());
        match end {
            Some(end) => buffer.copy_from_slice(&self.view[offset..end]),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if self.view.len() < end {
            self.view.resize(end, 0);
        }
        self.view[offset..end].copy_from_slice(bytes);
        for sector in offset / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES {
            let from = sector * SECTOR_BYTES;
            let to = (from + SECTOR_BYTES).min(self.view.len());
            let versions = self.dirty.entry(sector).or_default();
            if versions.len() == MAX_VERSIONS {
                versions.remove(0);
            }
            versions.push(self.view[from..to].to_vec());
        }
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.view.resize(len, 0);
        self.dirty.retain(|sector, _| sector * SECTOR_BYTES < len);
    }

    /// A sync that succeeds.
    pub(super) fn flush(&mut self) {
        self.flushed.resize(self.view.len(), 0);
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            let from = sector * SECTOR_BYTES;
            let to = (from + SECTOR_BYTES).min(self.view.len());
            self.flushed[from..to].copy_from_slice(&self.view[from..to]);
        }
    }

    /// A sync that fails: nothing is saved and everything counts as clean.
    pub(super) fn forget_dirty(&mut self) {
        self.dirty.clear();
    }

    /// Changes the bytes behind everybody's back, as decay does.
    pub(super) fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.view);
        self.flushed = self.view.clone();
        self.dirty.clear();
    }

    /// What a power cut leaves.
    pub(super) fn after_power_cut(&self, fate: &mut Fate) -> Self {
        let mut left = self.flushed.clone();
        match fate {
            Fate::Lost => {}
            Fate::Kept => {
                left.resize(self.view.len(), 0);
                for (sector, versions) in &self.dirty {
                    put(&mut left, *sector, versions.last());
                }
            }
            Fate::Chosen(choices) => {
                if left.len() != self.view.len() && choices.below(2) == 1 {
                    left.resize(self.view.len(), 0);
                }
                for (sector, versions) in &self.dirty {
                    let chosen = choices.below(versions.len() + 1);
                    put(&mut left, *sector, versions.get(chosen));
                }
            }
        }
        Self { view: left.clone(), flushed: left, dirty: BTreeMap::new() }
    }
}

/// Puts a version of a sector in its place, as far as the file reaches. No version: the sector
/// stays as it was.
fn put(bytes: &mut [u8], sector: usize, version: Option<&Vec<u8>>) {
    let from = sector * SECTOR_BYTES;
    let Some(version) = version else { return };
    if from < bytes.len() {
        let len = version.len().min(bytes.len() - from);
        bytes[from..from + len].copy_from_slice(&version[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unflushed_bytes_are_read_but_lost_with_the_power() {
        let mut pages = Pages::default();
        pages.write(&[1; 600], 0);
        pages.flush();
        pages.write(&[2; 600], 0);
        assert_eq!(pages.view(), [2; 600]);
        assert_eq!(pages.after_power_cut(&mut Fate::Lost).view(), [1; 600]);
        assert_eq!(pages.after_power_cut(&mut Fate::Kept).view(), [2; 600]);
    }

    #[test]
    fn a_cut_can_keep_one_sector_and_lose_its_neighbour() {
        let mut pages = Pages::default();
        pages.write(&[1; 1024], 0);
        pages.flush();
        pages.write(&[2; 1024], 0);
        let torn = |seed| {
            let left = pages.after_power_cut(&mut Fate::Chosen(Choices(seed)));
            (left.view()[0], left.view()[512])
        };
        let seen: std::collections::BTreeSet<_> = (0..64).map(torn).collect();
        assert_eq!(seen.len(), 4, "all four ways to tear two sectors: {seen:?}");
    }

    #[test]
    fn a_failed_flush_leaves_bytes_that_no_later_flush_saves() {
        let mut pages = Pages::default();
        pages.write(&[1; 512], 0);
        pages.flush();
        pages.write(&[2; 512], 0);
        pages.forget_dirty();
        pages.flush();
        assert_eq!(pages.view(), [2; 512]);
        assert_eq!(pages.after_power_cut(&mut Fate::Kept).view(), [1; 512]);
    }
}
