use proto::pb;

use super::*;

fn begin(shard: &ShardSnapshots) -> SnapshotWriter {
    futures::executor::block_on(shard.begin()).unwrap()
}

fn manifest(index: u64) -> Manifest {
    let last = Some(pb::LogId { term: 1, node_id: 1, index });
    Manifest { last, membership_at: None, membership: Vec::new().into() }
}

fn records(view: &SnapshotView) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    view.records().map(|r| r.map(|(k, v)| (text(k), text(v))).unwrap()).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn write(shard: &ShardSnapshots, index: u64, puts: &[(&str, &str)], removes: &[&str]) {
    let mut writer = begin(shard);
    for (key, value) in puts {
        writer.put(key.as_bytes(), value.as_bytes()).unwrap();
    }
    for key in removes {
        writer.remove(key.as_bytes()).unwrap();
    }
    writer.commit_blocking(manifest(index)).unwrap();
}

#[test]
fn a_view_sees_every_key_as_of_its_generation() {
    let dir = tempfile::tempdir().unwrap();
    let (store, opened) = SnapshotStore::open(dir.path()).unwrap();
    assert_eq!(opened, Opened::New);
    let shard = store.shard(7, |_| true).unwrap();
    // "a" is a prefix of "ab": their versions must not mix.
    write(&shard, 10, &[("a", "1"), ("ab", "1"), ("c", "1")], &[]);
    let first = shard.current().unwrap();
    write(&shard, 20, &[("a", "2")], &["c"]);
    assert_eq!(records(&first), pairs(&[("a", "1"), ("c", "1"), ("ab", "1")]));
    assert_eq!(records(&shard.current().unwrap()), pairs(&[("a", "2"), ("ab", "1")]));
    assert_eq!(shard.get(b"a").unwrap().unwrap(), b"2");
    assert_eq!(shard.get(b"c").unwrap(), None);
}

#[test]
fn what_was_not_committed_is_gone_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (store, _) = SnapshotStore::open(dir.path()).unwrap();
        let shard = store.shard(1, |_| true).unwrap();
        write(&shard, 10, &[("a", "1")], &[]);
        let mut writer = begin(&shard);
        writer.put(b"a", b"half").unwrap();
        writer.put(b"b", b"half").unwrap();
        store.sync().unwrap();
    }
    let (store, opened) = SnapshotStore::open(dir.path()).unwrap();
    assert_eq!(opened, Opened::Kept);
    let shard = store.shard(1, |_| true).unwrap();
    assert_eq!(records(&shard.current().unwrap()), pairs(&[("a", "1")]));
    assert_eq!(shard.get(b"b").unwrap(), None);
}

#[test]
fn old_versions_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let shard = store.shard(1, |_| true).unwrap();
    for n in 0..50 {
        write(&shard, n, &[("a", &n.to_string())], &[]);
    }
    assert!(shard.records.heads().count() <= 2, "{} versions kept", shard.records.heads().count());
    assert!(shard.manifests.heads().count() <= 2);
    assert_eq!(records(&shard.current().unwrap()), pairs(&[("a", "49")]));
}

fn flip(tree: &tree::Tree, key: Vec<u8>) {
    let (_, head) = tree.heads_from(&key).next().unwrap().unwrap();
    let mut value = tree.whole(&key, head).unwrap().to_vec();
    *value.last_mut().unwrap() ^= 0x40;
    tree.insert(key, &value).unwrap();
}

#[test]
fn a_damaged_record_makes_the_generation_before_it_count() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let shard = store.shard(1, |_| true).unwrap();
    write(&shard, 10, &[("a", "1"), ("b", "1")], &[]);
    write(&shard, 20, &[("a", "2")], &[]);
    flip(&shard.records, record::version_key(b"a", 2));
    let again = store.shard(1, |_| true).unwrap();
    assert!(!again.lost());
    let view = again.current().unwrap();
    assert_eq!(view.manifest().last.unwrap().index, 10);
    assert_eq!(records(&view), pairs(&[("a", "1"), ("b", "1")]));
}

#[test]
fn a_record_that_has_vanished_makes_the_generation_before_it_count() {
    // Else an older version of "a" would come to light, "b" would be back, and "c" missing.
    for vanished in [b"a", b"b", b"c"] {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = SnapshotStore::open(dir.path()).unwrap();
        let shard = store.shard(1, |_| true).unwrap();
        write(&shard, 10, &[("a", "1"), ("b", "1")], &[]);
        write(&shard, 20, &[("a", "2"), ("c", "1")], &["b"]);
        assert!(shard.records.remove(record::version_key(vanished, 2)).unwrap());
        let again = store.shard(1, |_| true).unwrap();
        assert!(!again.lost());
        let view = again.current().unwrap();
        assert_eq!(view.manifest().last.unwrap().index, 10);
        assert_eq!(records(&view), pairs(&[("a", "1"), ("b", "1")]));
    }
}

#[test]
fn generations_add_up_after_any_history() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let mut shard = store.shard(1, |_| true).unwrap();
    for n in 0..20 {
        // What an attempt that is given up has written is not there for the next one.
        let mut given_up = begin(&shard);
        given_up.put(format!("half-{}", n % 7).as_bytes(), b"1").unwrap();
        drop(given_up);
        let (same, value) = (format!("key-{}", n % 3), n.to_string());
        write(&shard, n, &[(&same, "1"), (&same, &value)], &[&format!("half-{}", n % 5)]);
        shard = store.shard(1, |_| true).unwrap();
        assert_eq!(shard.current().unwrap().manifest().last.unwrap().index, n);
    }
    shard.clear().unwrap();
    write(&shard, 99, &[("a", "1")], &[]);
    let again = store.shard(1, |_| true).unwrap();
    assert_eq!(records(&again.current().unwrap()), pairs(&[("a", "1")]));
}

#[test]
fn nothing_reads_what_is_not_committed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let shard = store.shard(1, |_| true).unwrap();
    write(&shard, 10, &[("a", "1")], &[]);
    let mut given_up = begin(&shard);
    given_up.put(b"a", b"half").unwrap();
    given_up.put(b"b", b"half").unwrap();
    assert_eq!(shard.get(b"a").unwrap().unwrap(), b"1");
    assert_eq!(shard.get(b"b").unwrap(), None);
    drop(given_up);
    // A peer's snapshot that knows no "b" has the same number.
    write(&shard, 20, &[("a", "2")], &[]);
    assert_eq!(records(&shard.current().unwrap()), pairs(&[("a", "2")]));
    assert_eq!(shard.get(b"b").unwrap(), None);
}

#[test]
fn a_view_says_when_its_records_are_no_longer_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let shard = store.shard(1, |_| true).unwrap();
    write(&shard, 10, &[("a", "1"), ("b", "1")], &[]);
    let oldest = shard.current().unwrap();
    write(&shard, 20, &[("a", "2")], &[]);
    assert!(oldest.records().all(|record| record.is_ok()));
    write(&shard, 30, &[("a", "3")], &[]);
    let read: Vec<_> = oldest.records().collect();
    assert!(matches!(&read[..], [Ok(_), Err(SnapshotError::Incomplete { .. })]), "{read:?}");
}

#[test]
fn a_manifest_of_an_earlier_version_counts_without_a_tally() {
    use prost::Message as _;
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let shard = store.shard(1, |_| true).unwrap();
    write(&shard, 10, &[("a", "1")], &[]);
    let key = shard.manifest_key(1);
    let value = record::encode_value(&key, Some(&manifest(10).encode_to_vec()));
    shard.manifests.insert(key, &value).unwrap();
    let again = store.shard(1, |_| true).unwrap();
    assert_eq!(records(&again.current().unwrap()), pairs(&[("a", "1")]));
}

#[test]
fn a_generation_that_the_log_no_longer_follows_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let shard = store.shard(1, |_| true).unwrap();
    write(&shard, 10, &[("a", "1")], &[]);
    write(&shard, 20, &[("a", "2")], &[]);
    flip(&shard.manifests, shard.manifest_key(2));
    // The log begins after entry 15, so generation 1 cannot be brought up to date.
    let again = store.shard(1, |last| last >= Some(15)).unwrap();
    assert!(again.lost());
    assert!(again.current().is_none());
}

#[test]
fn a_snapshot_from_a_peer_replaces_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = SnapshotStore::open(dir.path()).unwrap();
    let shard = store.shard(1, |_| true).unwrap();
    write(&shard, 10, &[("a", "1"), ("b", "1")], &[]);
    let mut writer = begin(&shard);
    writer.put(b"a", b"peer").unwrap();
    writer.remove_others().unwrap();
    writer.commit_blocking(manifest(30)).unwrap();
    assert_eq!(records(&shard.current().unwrap()), pairs(&[("a", "peer")]));
}

#[test]
fn a_store_that_does_not_open_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshots");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("conf"), b"not a sled configuration").unwrap();
    std::fs::write(path.join("db"), vec![0xAB; 4096]).unwrap();
    let (store, opened) = SnapshotStore::open(&path).unwrap();
    assert!(matches!(opened, Opened::MovedAside(aside) if aside.join("db").exists()));
    assert!(store.shard(1, |_| true).unwrap().current().is_none());
}

/// Moving a sound store aside would throw it away for a passing fault.
#[test]
fn a_store_that_the_system_does_not_open_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshots");
    {
        let (store, _) = SnapshotStore::open(&path).unwrap();
        write(&store.shard(1, |_| true).unwrap(), 10, &[("a", "1")], &[]);
    }
    // Opening a directory as a file fails with an error of the system, whoever asks.
    let (db, kept) = (path.join("db"), dir.path().join("kept"));
    std::fs::rename(&db, &kept).unwrap();
    std::fs::create_dir(&db).unwrap();
    let error = SnapshotStore::open(&path).unwrap_err();
    assert!(error.is_from_the_system(), "{error}");
    std::fs::remove_dir(&db).unwrap();
    std::fs::rename(&kept, &db).unwrap();
    let (store, opened) = SnapshotStore::open(&path).unwrap();
    assert_eq!(opened, Opened::Kept);
    let shard = store.shard(1, |_| true).unwrap();
    assert_eq!(records(&shard.current().unwrap()), pairs(&[("a", "1")]));
}
