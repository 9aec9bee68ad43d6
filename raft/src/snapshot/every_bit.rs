//! Two generations of a few records, one of them in parts: every bit of every key and value flipped, every
//! value cut at every byte, everything removed in turn.
//!
//! What is used is the newest generation as it was written, or the one before it as it was written, or
//! nothing, which is told.

use futures::executor::block_on;
use proto::pb;

use super::tree::{Db, Map, PART_BYTES, parts_of};
use super::*;

const GROUP: u32 = 1;

/// A tree's name, a key and its value.
type Item = (String, Vec<u8>, Vec<u8>);

/// What a generation has.
type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// What is found where something was damaged.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Newest,
    Before,
    /// The replica is rebuilt from its peers.
    Lost,
}

struct Sample {
    items: Vec<Item>,
    newest: Records,
    before: Records,
}

impl Sample {
    fn new() -> Self {
        let trees = MemSnapshots::new();
        let shard = shard_of(&trees);
        write(&shard, 10, &["a", "b", "ab", "long"], &[]);
        let before = records(&shard.current().unwrap());
        write(&shard, 20, &["a", "new"], &["b"]);
        let newest = records(&shard.current().unwrap());
        let records = format!("records-{GROUP}");
        let names = [parts_of(&records), records, "manifests".to_owned()];
        let pairs = names.iter().flat_map(|name| {
            let pairs = map(&trees, name).scan_prefix([]).map(Result::unwrap);
            pairs.map(|(key, value)| (name.clone(), key.to_vec(), value.to_vec()))
        });
        Self { items: pairs.collect(), newest, before }
    }

    /// Looks at a store in which one item is another one, or missing.
    fn check(&self, at: usize, item: Option<Item>, what: &str) -> Found {
        let trees = MemSnapshots::new();
        let others = self.items.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, item)| item);
        for (name, key, value) in others.chain(&item) {
            map(&trees, name).insert(key, value.clone()).unwrap();
        }
        let shard = shard_of(&trees);
        let Some(view) = shard.current() else {
            assert!(shard.lost(), "{what}: nothing is there, and nothing is told");
            return Found::Lost;
        };
        let found = records(&view);
        let (index, expected, outcome) = match view.generation() {
            2 => (20, &self.newest, Found::Newest),
            1 => (10, &self.before, Found::Before),
            other => panic!("{what}: generation {other}"),
        };
        assert_eq!(found, *expected, "{what}");
        assert_eq!(view.manifest(), &manifest(index), "{what}");
        goes_on(&shard, &found);
        outcome
    }
}

/// The next generation is right, too.
fn goes_on(shard: &ShardSnapshots, found: &Records) {
    write(shard, 30, &["zz"], &[]);
    let again = shard.store.shard(GROUP, |_| true).unwrap();
    let view = again.current().unwrap();
    assert_eq!(view.manifest().last.unwrap().index, 30);
    let mut records = records(&view);
    records.retain(|(key, _)| key != b"zz");
    assert_eq!(records, *found);
}

fn map(trees: &MemSnapshots, name: &str) -> Map {
    Db::Memory(trees.clone()).open_map(name).unwrap()
}

fn shard_of(trees: &MemSnapshots) -> ShardSnapshots {
    SnapshotStore::in_memory(trees.clone()).shard(GROUP, |_| true).unwrap()
}

fn manifest(index: u64) -> Manifest {
    let at = |index| Some(pb::LogId { term: 1, node_id: 1, index });
    Manifest { last: at(index), membership_at: at(1), membership: b"voters".to_vec().into() }
}

fn write(shard: &ShardSnapshots, index: u64, puts: &[&str], removes: &[&str]) {
    let mut writer = block_on(shard.begin()).unwrap();
    for key in puts {
        let mut value = format!("{key} as of {index}").into_bytes();
        if *key == "long" {
            value.resize(PART_BYTES + 20, b'+');
        }
        writer.put(key.as_bytes(), &value).unwrap();
    }
    for key in removes {
        writer.remove(key.as_bytes()).unwrap();
    }
    writer.commit_blocking(manifest(index)).unwrap();
}

fn records(view: &SnapshotView) -> Records {
    view.records().map(Result::unwrap).collect()
}

/// Whether the newest generation needs an item: all of its own, and older versions of keys that it has not
/// written.
fn is_needed(name: &str, key: &[u8]) -> bool {
    let key = if name.ends_with("-parts") { &key[..key.len() - 4] } else { key };
    let (key, generation) = record::split_version_key(key).unwrap();
    generation == 2 || name != "manifests" && [b"ab".as_slice(), b"long"].contains(&key)
}

#[test]
fn every_bit_flipped_leaves_a_generation_as_it_was_written_or_none() {
    let sample = Sample::new();
    let mut counted = [0; 3];
    for (at, (name, key, value)) in sample.items.iter().enumerate() {
        for bit in 0..(key.len() + value.len()) * 8 {
            let (mut key, mut value) = (key.clone(), value.clone());
            match bit.checked_sub(key.len() * 8) {
                None => key[bit / 8] ^= 1 << (bit % 8),
                Some(bit) => value[bit / 8] ^= 1 << (bit % 8),
            }
            let what = format!("{name}, item {at}, bit {bit}");
            let found = sample.check(at, Some((name.clone(), key, value)), &what);
            let unnoticed = found == Found::Newest;
            assert!(!unnoticed || !is_needed(name, &sample.items[at].1), "{what}: used unnoticed");
            counted[found as usize] += 1;
        }
    }
    let [_, before, lost] = counted;
    assert!(before > 500 && lost > 500, "{counted:?}");
}

#[test]
fn every_cut_and_every_missing_item_leaves_a_generation_as_it_was_written_or_none() {
    let sample = Sample::new();
    for (at, (name, key, value)) in sample.items.iter().enumerate() {
        sample.check(at, None, &format!("{name}, item {at} is missing"));
        for length in 0..value.len() {
            let item = (name.clone(), key.clone(), value[..length].to_vec());
            sample.check(at, Some(item), &format!("{name}, item {at}, cut at {length}"));
        }
    }
}
