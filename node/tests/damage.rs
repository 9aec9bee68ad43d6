//! Bytes on the disk of one node go bad: the others serve on, nothing bad is ever used, and in the end all
//! three replicas are equal and have every booking.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use proto::pb::SeatState;
use raft::disk::RealDisk;
use raft::wal::{Op, Options, Wal};
use support::Cluster;

/// The node whose disk is damaged.
const BROKEN: u64 = 3;

/// Trips, each with two booked seats: one from before the snapshots and one from after them.
const TRIPS: u128 = 6;

/// Where in a sector a torn write stops: behind the header of the batch, in its first record.
const TORN_AT: usize = 80;

/// A cluster with bookings, two snapshots of everything, and more bookings; one node is stopped.
async fn cluster() -> Cluster {
    let mut cluster = Cluster::with_settings("[storage]\nsegment_mib = 1\n").await;
    for n in 0..TRIPS {
        cluster.open(&format!("trip-{n}"), 12).await;
        book(&cluster, n, n + 1, "1A").await;
    }
    cluster.snapshot(&[1, 2, 3]).await;
    for n in 0..TRIPS {
        book(&cluster, n, 100 + n, "1B").await;
    }
    cluster.snapshot(&[1, 2, 3]).await;
    for n in 0..TRIPS {
        book(&cluster, n, 200 + n, "2A").await;
    }
    cluster.audit().await;
    cluster.stop_node(BROKEN).await;
    cluster.wait_until_led().await;
    cluster
}

async fn book(cluster: &Cluster, trip: u128, hold: u128, seat: &str) {
    let trip = format!("trip-{trip}");
    cluster.hold(&trip, hold, seat).await.unwrap();
    cluster.confirm(&trip, hold).await.unwrap();
}

/// All three replicas are equal, and every booking is there, the one of `last` too.
async fn everything_is_there(cluster: &Cluster, last: &[&str]) {
    assert_eq!(cluster.running(), [1, 2, 3]);
    cluster.wait_until_led().await;
    cluster.audit().await;
    for n in 0..TRIPS {
        let trip = cluster.trip(&format!("trip-{n}")).await;
        let sold: Vec<&str> = trip
            .seats
            .iter()
            .filter(|seat| seat.state() == SeatState::Sold)
            .map(|seat| seat.name.as_str())
            .collect();
        let expected: Vec<&str> =
            ["1A", "1B", "2A"].into_iter().chain(last.iter().copied().filter(|_| n == 0)).collect();
        assert_eq!(sold, expected, "trip-{n}");
    }
}

fn wal_dir(cluster: &Cluster) -> PathBuf {
    cluster.data_dir(BROKEN).join("wal")
}

/// The newest segment of the log that has records.
fn last_segment(cluster: &Cluster) -> PathBuf {
    let names = fs::read_dir(wal_dir(cluster)).unwrap().map(|entry| entry.unwrap().path());
    let segments = names.filter(|path| path.extension().is_some_and(|e| e == "wal"));
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("seg-");
    segments.filter(named).filter(|path| !places(path, b"trip-").is_empty()).max().unwrap()
}

/// Where bytes occur in a file.
fn places(path: &Path, what: &[u8]) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    bytes.windows(what.len()).enumerate().filter(|(_, w)| *w == what).map(|(at, _)| at).collect()
}

fn flip_a_bit(path: &Path, at: usize) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at as u64).unwrap();
}

fn cut(path: &Path, length: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// What a kill leaves in the middle of a write: a batch whose first bytes reached the disk.
fn tear_the_next_batch(dir: &Path, segment: &Path) {
    let before = fs::read(segment).unwrap();
    let (wal, _) = Wal::open(Arc::new(RealDisk::new()), dir, Options::default()).unwrap();
    let op = Op::Meta { slot: 9, data: Bytes::from_static(&[7; 64]) };
    wal.submit_wait(999, vec![op]).unwrap();
    wal.close();
    let mut torn = fs::read(segment).unwrap();
    let at = torn.iter().zip(&before).position(|(a, b)| a != b).unwrap() / 512 * 512;
    torn[at + TORN_AT..].copy_from_slice(&before[at + TORN_AT..]);
    fs::write(segment, torn).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_end_of_the_log_is_cut_and_the_node_serves() {
    let mut cluster = cluster().await;
    let (dir, segment) = (wal_dir(&cluster), last_segment(&cluster));
    tear_the_next_batch(&dir, &segment);
    // What was made is what it should be: looked at on a copy, for opening the log repairs it.
    let copy = tempfile::tempdir().unwrap();
    copy_dir(&dir, copy.path());
    let opened = Wal::open(Arc::new(RealDisk::new()), copy.path(), Options::default());
    let (wal, recovery) = opened.unwrap();
    assert!(recovery.torn_bytes > 0, "{recovery:?}");
    wal.close();

    book(&cluster, 0, 1_000, "2B").await;
    cluster.try_start_node(BROKEN).await.unwrap();
    everything_is_there(&cluster, &["2B"]).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_the_log_is_refused_until_the_operator_acts() {
    let mut cluster = cluster().await;
    let (dir, segment) = (wal_dir(&cluster), last_segment(&cluster));
    let kept = tempfile::tempdir().unwrap();
    copy_dir(&dir, kept.path());
    let records = places(&segment, b"trip-");
    let middle = records[records.len() / 2];
    let length = fs::metadata(&segment).unwrap().len();
    type Damage = Box<dyn Fn(&Path)>;
    let damages: [(&str, Damage); 4] = [
        ("a bit of a record", Box::new(move |path| flip_a_bit(path, middle))),
        ("a bit of the header", Box::new(|path| flip_a_bit(path, 16))),
        ("a file cut in half", Box::new(move |path| cut(path, length / 2))),
        ("a file that is gone", Box::new(|path| fs::remove_file(path).unwrap())),
    ];
    for (n, (what, damage)) in (0..).zip(&damages) {
        damage(&segment);
        let refused = cluster.try_start_node(BROKEN).await.unwrap_err();
        let message = refused.to_string();
        assert!(message.contains("wal") && message.contains(" at offset "), "{what}: {message}");
        assert!(message.contains(&dir.display().to_string()), "{what}: {message}");
        let hint = refused.hint().unwrap();
        assert!(hint.contains("empty directory"), "{what}: {hint}");
        // Whatever was refused was not touched, and the others serve.
        if segment.exists() && what.starts_with("a bit") {
            let bytes = (fs::read(&segment).unwrap(), fs::read(kept_of(&kept, &segment)).unwrap());
            let changed = bytes.0.iter().zip(&bytes.1).filter(|(a, b)| a != b).count();
            assert_eq!((changed, bytes.0.len()), (1, bytes.1.len()), "{what}");
        }
        book(&cluster, 0, 2_000 + n, ["2B", "2C", "2D", "3A"][n as usize]).await;
        // One way out: the file as it was.
        fs::copy(kept_of(&kept, &segment), &segment).unwrap();
    }
    cluster.try_start_node(BROKEN).await.unwrap();
    everything_is_there(&cluster, &["2B", "2C", "2D", "3A"]).await;
    cluster.stop_node(BROKEN).await;
    cluster.wait_until_led().await;

    // The other one, which the hint names: the directory is put aside, and an empty one takes its place.
    flip_a_bit(&segment, middle);
    cluster.try_start_node(BROKEN).await.unwrap_err();
    let data = cluster.data_dir(BROKEN);
    fs::rename(&data, data.with_extension("kept")).unwrap();
    cluster.start_node(BROKEN).await;
    book(&cluster, 0, 3_000, "3B").await;
    everything_is_there(&cluster, &["2B", "2C", "2D", "3A", "3B"]).await;
    cluster.stop().await;
}

fn kept_of(kept: &tempfile::TempDir, segment: &Path) -> PathBuf {
    kept.path().join(segment.file_name().unwrap())
}

/// Damages the snapshot store of the stopped node, and starts it.
async fn a_damaged_store_is_never_used(damage: impl FnOnce(&Path)) {
    let mut cluster = cluster().await;
    damage(&cluster.data_dir(BROKEN).join("snapshots"));
    book(&cluster, 0, 1_000, "2B").await;
    cluster.start_node(BROKEN).await;
    everything_is_there(&cluster, &["2B"]).await;
    // Its snapshots are good again: it can stand on them without the others' help.
    cluster.snapshot(&[1, 2, 3]).await;
    cluster.stop_node(BROKEN).await;
    cluster.try_start_node(BROKEN).await.unwrap();
    everything_is_there(&cluster, &["2B"]).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_store_that_breaks_off_is_rebuilt() {
    a_damaged_store_is_never_used(|store| {
        let db = store.join("db");
        let used = places(&db, b"trip-").pop().unwrap() as u64;
        cut(&db, used / 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_store_without_content_is_rebuilt() {
    a_damaged_store_is_never_used(|store| cut(&store.join("db"), 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_store_of_garbage_is_rebuilt() {
    a_damaged_store_is_never_used(|store| {
        let noise = |at: usize| (at.wrapping_mul(2_654_435_761) >> 24) as u8;
        for name in ["db", "conf"] {
            let length = fs::metadata(store.join(name)).unwrap().len() as usize;
            fs::write(store.join(name), (0..length).map(noise).collect::<Vec<u8>>()).unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bits_in_the_newest_records_of_a_snapshot_are_noticed() {
    a_damaged_store_is_never_used(|store| {
        let db = store.join("db");
        flip_a_bit(&db, places(&db, b"trip-").pop().unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_the_oldest_record_of_a_snapshot_is_noticed() {
    a_damaged_store_is_never_used(|store| {
        let db = store.join("db");
        flip_a_bit(&db, places(&db, b"trip-")[0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bits_in_every_record_of_a_snapshot_are_noticed() {
    a_damaged_store_is_never_used(|store| {
        let db = store.join("db");
        let records = places(&db, b"trip-");
        assert!(records.len() >= TRIPS as usize, "{records:?}");
        records.into_iter().for_each(|at| flip_a_bit(&db, at));
    })
    .await;
}
