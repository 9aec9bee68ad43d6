//! The trees of a node in memory, for a simulator: they fail on request and can lose their power.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use sled::IVec;

use super::tree::Pair;

/// What stands in place of sled in a simulator. Clones are handles of one store.
///
/// As with sled and our sync after its flush: changes are seen at once, become durable by a sync, and
/// a power cut keeps those of the others that were made first.
#[derive(Clone, Debug, Default)]
pub struct MemSnapshots(Arc<Mutex<State>>);

type Trees = BTreeMap<String, BTreeMap<Vec<u8>, IVec>>;

#[derive(Debug, Default)]
struct State {
    /// What reads find.
    seen: Trees,
    /// What was synced.
    durable: Trees,
    /// Changes since, oldest first.
    unsynced: Vec<Change>,
    /// Syncs that will fail.
    failing_syncs: u32,
    off: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Insert(String, Vec<u8>, IVec),
    Remove(String, Vec<u8>),
    Clear(String),
}

impl Change {
    fn apply(&self, trees: &mut Trees) {
        match self {
            Self::Insert(tree, key, value) => {
                trees.entry(tree.clone()).or_default().insert(key.clone(), value.clone());
            }
            Self::Remove(tree, key) => {
                trees.entry(tree.clone()).or_default().remove(key);
            }
            Self::Clear(tree) => drop(trees.remove(tree)),
        }
    }
}

impl MemSnapshots {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next syncs fail, so many of them.
    pub fn fail_syncs(&self, count: u32) {
        self.0.lock().failing_syncs = count;
    }

    /// Flips a bit of a value that is chosen by `choice`; false when the store is empty.
    pub fn damage(&self, choice: u64) -> bool {
        let mut state = self.0.lock();
        let values: usize = state.seen.values().map(BTreeMap::len).sum();
        let nth = choice.checked_rem(values as u64).unwrap_or(0) as usize;
        let mut pairs = state.seen.iter().flat_map(|(t, pairs)| pairs.iter().map(move |p| (t, p)));
        let Some((tree, (key, value))) = pairs.nth(nth) else { return false };
        let (tree, key, mut bytes) = (tree.clone(), key.clone(), value.to_vec());
        let bit = (choice >> 32) as usize % (bytes.len() * 8).max(1);
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        let decay = Change::Insert(tree, key, bytes.into());
        decay.apply(&mut state.seen);
        decay.apply(&mut state.durable);
        true
    }

    /// Ends the process and keeps the machine: nothing is lost, and the old handles are dead.
    #[must_use]
    pub fn kill(&self) -> Self {
        let mut state = self.0.lock();
        state.off = true;
        let kept = state.unsynced.len();
        Self::found(&state, kept)
    }

    /// Cuts the power and returns the store that is found after: of the changes that were not synced
    /// the first are kept, how many says `choice`. The old handles are dead.
    #[must_use]
    pub fn power_cut(&self, choice: u64) -> Self {
        let mut state = self.0.lock();
        state.off = true;
        let kept = choice % (state.unsynced.len() as u64 + 1);
        Self::found(&state, kept as usize)
    }

    fn found(state: &State, kept: usize) -> Self {
        let mut durable = state.durable.clone();
        state.unsynced[..kept].iter().for_each(|change| change.apply(&mut durable));
        let found = State { seen: durable.clone(), durable, ..State::default() };
        Self(Arc::new(Mutex::new(found)))
    }

    pub(super) fn tree(&self, name: &str) -> MemTree {
        MemTree { store: self.clone(), name: name.to_owned() }
    }

    /// Makes every change durable.
    pub(super) fn sync(&self) -> sled::Result<()> {
        let mut state = self.on()?;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            return Err(sled::Error::Io(io::Error::other("injected fault")));
        }
        let state = &mut *state;
        state.unsynced.drain(..).for_each(|change| change.apply(&mut state.durable));
        Ok(())
    }

    fn on(&self) -> sled::Result<MutexGuard<'_, State>> {
        let state = self.0.lock();
        if state.off {
            return Err(sled::Error::Io(io::Error::other("the power is off")));
        }
        Ok(state)
    }

    fn change(&self, change: Change) -> sled::Result<()> {
        let mut state = self.on()?;
        change.apply(&mut state.seen);
        state.unsynced.push(change);
        Ok(())
    }
}

/// One tree of a [`MemSnapshots`].
#[derive(Clone, Debug)]
pub(super) struct MemTree {
    store: MemSnapshots,
    name: String,
}

impl MemTree {
    pub(super) fn insert(&self, key: &[u8], value: Vec<u8>) -> sled::Result<Option<IVec>> {
        let before = self.get(key)?;
        self.store.change(Change::Insert(self.name.clone(), key.to_vec(), value.into()))?;
        Ok(before)
    }

    pub(super) fn remove(&self, key: &[u8]) -> sled::Result<Option<IVec>> {
        let before = self.get(key)?;
        if before.is_some() {
            self.store.change(Change::Remove(self.name.clone(), key.to_vec()))?;
        }
        Ok(before)
    }

    pub(super) fn get(&self, key: &[u8]) -> sled::Result<Option<IVec>> {
        let state = self.store.on()?;
        Ok(state.seen.get(&self.name).and_then(|pairs| pairs.get(key)).cloned())
    }

    pub(super) fn clear(&self) -> sled::Result<()> {
        self.store.change(Change::Clear(self.name.clone()))
    }

    /// The pairs as they stand now.
    pub(super) fn scan(&self, prefix: &[u8]) -> std::vec::IntoIter<sled::Result<Pair>> {
        let state = match self.store.on() {
            Ok(state) => state,
            Err(error) => return vec![Err(error)].into_iter(),
        };
        let pairs = state.seen.get(&self.name).into_iter();
        let pairs = pairs.flat_map(|pairs| pairs.range(prefix.to_vec()..));
        let pairs = pairs.take_while(|(key, _)| key.starts_with(prefix));
        let pairs = pairs.map(|(key, value)| Ok((key.as_slice().into(), value.clone())));
        pairs.collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(tree: &MemTree) -> Vec<u8> {
        tree.scan(&[]).map(|pair| pair.unwrap().0[0]).collect()
    }

    #[test]
    fn a_power_cut_keeps_what_was_synced_and_the_first_changes_after_it() {
        let store = MemSnapshots::new();
        let tree = store.tree("t");
        tree.insert(b"a", vec![1]).unwrap();
        store.sync().unwrap();
        tree.insert(b"b", vec![1]).unwrap();
        tree.remove(b"a").unwrap();
        assert_eq!(keys(&tree), b"b");
        let left = |choice| keys(&store.power_cut(choice).tree("t"));
        assert_eq!([left(0), left(1), left(2)], [b"a".to_vec(), b"ab".to_vec(), b"b".to_vec()]);
        assert!(tree.insert(b"c", vec![1]).is_err(), "the old handle is dead");
    }

    #[test]
    fn a_sync_that_fails_makes_nothing_durable() {
        let store = MemSnapshots::new();
        store.tree("t").insert(b"a", vec![1]).unwrap();
        store.fail_syncs(1);
        assert!(store.sync().is_err());
        assert_eq!(keys(&store.power_cut(0).tree("t")), b"");
    }
}
