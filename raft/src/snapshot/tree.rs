//! The ordered maps that records lie in: sled's, or a simulator's in memory.

use sled::IVec;

use super::mem::{MemSnapshots, MemTree};

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
        match self {
            Self::Sled(db) => db.open_tree(name).map(Tree::Sled),
            Self::Memory(db) => Ok(Tree::Memory(db.tree(name))),
        }
    }
}

/// One ordered map.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Sled(sled::Tree),
    Memory(MemTree),
}

impl Tree {
    pub(super) fn insert(&self, key: impl AsRef<[u8]>, value: Vec<u8>) -> sled::Result<()> {
        match self {
            Self::Sled(tree) => tree.insert(key, value).map(drop),
            Self::Memory(tree) => tree.insert(key.as_ref(), value),
        }
    }

    pub(super) fn remove(&self, key: impl AsRef<[u8]>) -> sled::Result<Option<IVec>> {
        match self {
            Self::Sled(tree) => tree.remove(key),
            Self::Memory(tree) => tree.remove(key.as_ref()),
        }
    }

    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> sled::Result<Option<IVec>> {
        match self {
            Self::Sled(tree) => tree.get(key),
            Self::Memory(tree) => tree.get(key.as_ref()),
        }
    }

    pub(super) fn clear(&self) -> sled::Result<()> {
        match self {
            Self::Sled(tree) => tree.clear(),
            Self::Memory(tree) => tree.clear(),
        }
    }

    pub(super) fn iter(&self) -> Pairs {
        self.scan_prefix([])
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
