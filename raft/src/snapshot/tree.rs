//! The ordered maps that records lie in: sled's, or a simulator's in memory.
//!
//! A long value lies in parts. sled writes a value that is longer than a fourth of its segments to a file
//! of its own, and syncs each such file; and up to sixteen values are one page, which is written as one. With
//! parts of [`PART_BYTES`] neither a value nor a page is ever so long.

use sled::IVec;

use super::mem::{MemSnapshots, MemTree};

/// Bytes of a value that lie together.
pub(super) const PART_BYTES: usize = 6 << 10;

/// Bytes after the first part of a long value: how many parts follow.
const COUNT_BYTES: usize = 4;

/// A key and its value.
pub(super) type Pair = (IVec, IVec);

/// All trees of a node.
#[derive(Clone, Debug)]
pub(super) enum Db {
    Sled(sled::Db),
    Memory(MemSnapshots),
}

impl Db {
    pub(super) fn open_tree(&self, name: &str) -> sled::Result<Tree> {
        Ok(Tree { heads: self.open_map(name)?, parts: self.open_map(&parts_of(name))? })
    }

    pub(super) fn open_map(&self, name: &str) -> sled::Result<Map> {
        match self {
            Self::Sled(db) => db.open_tree(name).map(Map::Sled),
            Self::Memory(db) => Ok(Map::Memory(db.tree(name))),
        }
    }
}

/// The name of the map in which the further parts of a tree's values lie.
pub(super) fn parts_of(tree: &str) -> String {
    format!("{tree}-parts")
}

/// An ordered map of values of any length.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Values as they are, or the first part of a long one and how many follow.
    heads: Map,
    /// Further parts, under the key and the number of the part.
    parts: Map,
}

impl Tree {
    /// Writes a value: the head first, so that there is never a part without one.
    pub(super) fn insert(&self, key: impl AsRef<[u8]>, value: &[u8]) -> sled::Result<()> {
        let key = key.as_ref();
        let (first, rest) = value.split_at(value.len().min(PART_BYTES));
        let parts = u32::try_from(rest.len().div_ceil(PART_BYTES)).expect("records are bounded");
        let mut head = first.to_vec();
        if parts > 0 {
            head.extend_from_slice(&parts.to_le_bytes());
        }
        let before = self.heads.insert(key, head)?;
        for (number, part) in (0..).zip(rest.chunks(PART_BYTES)) {
            self.parts.insert(&part_key(key, number), part.to_vec())?;
        }
        self.remove_parts(key, parts..before.map_or(0, |head| further(&head)))
    }

    /// Removes a value: the head last. Whether there was one.
    pub(super) fn remove(&self, key: impl AsRef<[u8]>) -> sled::Result<bool> {
        let key = key.as_ref();
        if let Some(head) = self.heads.get(key)? {
            self.remove_parts(key, 0..further(&head))?;
        }
        Ok(self.heads.remove(key)?.is_some())
    }

    pub(super) fn contains(&self, key: impl AsRef<[u8]>) -> sled::Result<bool> {
        Ok(self.heads.get(key.as_ref())?.is_some())
    }

    /// The value whose head was found under a key. It is too short when parts have gone.
    pub(super) fn whole(&self, key: &[u8], head: IVec) -> sled::Result<IVec> {
        let parts = further(&head);
        if parts == 0 {
            return Ok(head);
        }
        let mut value = head[..PART_BYTES].to_vec();
        for number in 0..parts {
            match self.parts.get(&part_key(key, number))? {
                Some(part) => value.extend_from_slice(&part),
                None => return Ok(value[..PART_BYTES].into()),
            }
        }
        Ok(value.into())
    }

    pub(super) fn clear(&self) -> sled::Result<()> {
        self.parts.clear()?;
        self.heads.clear()
    }

    /// The keys with the heads of their values: whole values, or what [`Tree::whole`] takes.
    pub(super) fn heads(&self) -> Pairs {
        self.heads_from([])
    }

    /// [`Tree::heads`] of the keys that begin with a prefix.
    pub(super) fn heads_from(&self, prefix: impl AsRef<[u8]>) -> Pairs {
        self.heads.scan_prefix(prefix)
    }

    /// Removes the parts under keys that are not kept, whether or not they have a head.
    pub(super) fn keep_parts(&self, kept: impl Fn(&[u8]) -> bool) -> sled::Result<()> {
        for pair in self.parts.scan_prefix([]) {
            let (part, _) = pair?;
            if !part.split_last_chunk::<4>().is_some_and(|(key, _)| kept(key)) {
                self.parts.remove(&part)?;
            }
        }
        Ok(())
    }

    /// Removes parts up to the first that is not there: a damaged head may count any number.
    fn remove_parts(&self, key: &[u8], numbers: std::ops::Range<u32>) -> sled::Result<()> {
        for number in numbers {
            if self.parts.remove(&part_key(key, number))?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// How many parts follow a head. Only a long value's is longer than a part, and by just the count.
fn further(head: &[u8]) -> u32 {
    match head.split_last_chunk::<COUNT_BYTES>() {
        Some((first, count)) if first.len() == PART_BYTES => u32::from_le_bytes(*count),
        _ => 0,
    }
}

fn part_key(key: &[u8], number: u32) -> Vec<u8> {
    [key, &number.to_be_bytes()].concat()
}

/// One ordered map of short values.
#[derive(Clone, Debug)]
pub(super) enum Map {
    Sled(sled::Tree),
    Memory(MemTree),
}

impl Map {
    /// Writes a value, and returns the one before it.
    pub(super) fn insert(&self, key: &[u8], value: Vec<u8>) -> sled::Result<Option<IVec>> {
        match self {
            Self::Sled(tree) => tree.insert(key, value),
            Self::Memory(tree) => tree.insert(key, value),
        }
    }

    pub(super) fn remove(&self, key: &[u8]) -> sled::Result<Option<IVec>> {
        match self {
            Self::Sled(tree) => tree.remove(key),
            Self::Memory(tree) => tree.remove(key),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> sled::Result<Option<IVec>> {
        match self {
            Self::Sled(tree) => tree.get(key),
            Self::Memory(tree) => tree.get(key),
        }
    }

    fn clear(&self) -> sled::Result<()> {
        match self {
            Self::Sled(tree) => tree.clear(),
            Self::Memory(tree) => tree.clear(),
        }
    }

    pub(super) fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> Pairs {
        match self {
            Self::Sled(tree) => Pairs::Sled(tree.scan_prefix(prefix)),
            Self::Memory(tree) => Pairs::Memory(tree.scan(prefix.as_ref())),
        }
    }
}

/// Pairs in the order of their keys.
#[expect(clippy::large_enum_variant, reason = "production has the large one, and never moves it")]
pub(super) enum Pairs {
    Sled(sled::Iter),
    Memory(std::vec::IntoIter<sled::Result<Pair>>),
}

impl Iterator for Pairs {
    type Item = sled::Result<Pair>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Sled(pairs) => pairs.next(),
            Self::Memory(pairs) => pairs.next(),
        }
    }
}

impl DoubleEndedIterator for Pairs {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::Sled(pairs) => pairs.next_back(),
            Self::Memory(pairs) => pairs.next_back(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(tree: &Tree) -> (usize, usize) {
        (tree.heads().count(), tree.parts.scan_prefix([]).count())
    }

    fn get(tree: &Tree, key: &[u8]) -> Option<Vec<u8>> {
        let head = tree.heads.get(key).unwrap()?;
        Some(tree.whole(key, head).unwrap().to_vec())
    }

    #[test]
    fn values_of_every_length_come_back_and_leave_no_part_behind() {
        let dir = tempfile::tempdir().unwrap();
        let sled = sled::Config::default().path(dir.path()).open().unwrap();
        for db in [Db::Memory(MemSnapshots::new()), Db::Sled(sled)] {
            let tree = db.open_tree("t").unwrap();
            tree.insert(b"other", &[7; PART_BYTES + 1]).unwrap();
            let around = [0, 1, PART_BYTES, 2 * PART_BYTES, 5 * PART_BYTES];
            let lengths =
                around.iter().flat_map(|n| [n.saturating_sub(1), *n, n + 1, n + COUNT_BYTES]);
            for (first, length) in
                [3, 0, 12].iter().flat_map(|f| lengths.clone().map(move |l| (f, l)))
            {
                tree.insert(b"key", &vec![1; first * PART_BYTES]).unwrap();
                let value: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
                tree.insert(b"key", &value).unwrap();
                assert_eq!(get(&tree, b"key").unwrap(), value);
                let parts = length.saturating_sub(PART_BYTES).div_ceil(PART_BYTES);
                assert_eq!(stored(&tree), (2, 1 + parts), "{first} parts, then {length} bytes");
            }
            assert!(tree.remove(b"key").unwrap());
            assert!(!tree.remove(b"key").unwrap());
            assert_eq!(
                (stored(&tree), get(&tree, b"other").unwrap().len()),
                ((1, 1), PART_BYTES + 1)
            );
        }
    }

    #[test]
    fn a_value_that_lacks_a_part_is_too_short() {
        let tree = Db::Memory(MemSnapshots::new()).open_tree("t").unwrap();
        tree.insert(b"key", &[1; 3 * PART_BYTES]).unwrap();
        tree.parts.remove(&part_key(b"key", 0)).unwrap().unwrap();
        assert_eq!(get(&tree, b"key").unwrap().len(), PART_BYTES);
        tree.keep_parts(|key| key != b"key").unwrap();
        assert_eq!(stored(&tree), (1, 0));
    }
}
