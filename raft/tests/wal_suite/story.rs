//! What the log does when nothing goes wrong.

use crate::model::{DIR, Model, Told, entry, files, meta, open, small};
use bytes::Bytes;
use seatgrid_raft::disk::{Disk, MemDisk};
use seatgrid_raft::wal::{Drive, FlushFailed, Op, Options, Refusal, Wal, WalError};
use std::path::Path;
use std::sync::Arc;

#[test]
fn what_was_written_is_there_after_a_reopen() {
    let disk = MemDisk::new();
    let (wal, recovery) = open(&disk, small()).unwrap();
    assert!(recovery.created);
    wal.submit_wait(1, vec![meta(0, b"vote"), entry(1, b"one"), entry(2, b"two")]).unwrap();
    wal.submit_wait(2, vec![entry(0, b"zero")]).unwrap();
    wal.submit_wait(1, vec![Op::TruncateFrom { index: 2 }, entry(2, b"zwei")]).unwrap();
    let before = Model::read(&wal).unwrap();
    wal.close();

    let (wal, recovery) = open(&disk, small()).unwrap();
    assert!(!recovery.created);
    assert_eq!(recovery.torn_bytes, 0);
    assert_eq!(Model::read(&wal).unwrap(), before);
    assert_eq!(wal.groups(), [1, 2]);
    assert_eq!(wal.first_last(1), Some((1, 2)));
    assert_eq!(wal.first_last(3), None);
    assert_eq!(wal.entries(1, 2..3, 0).unwrap(), [(2, Bytes::from_static(b"zwei"))]);
    assert_eq!(wal.meta(1, 0).unwrap(), "vote");
}

#[test]
fn what_is_queued_is_readable_before_it_is_durable() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    let told = Told::default();
    wal.submit(1, vec![entry(0, b"a"), meta(1, b"m")], told.done(0));
    assert_eq!(wal.entries(1, 0..1, 99).unwrap(), [(0, Bytes::from_static(b"a"))]);
    assert_eq!(wal.meta(1, 1).unwrap(), "m");
    assert!(told.all().is_empty());
    assert!(wal.queued_bytes() > 0);
    while wal.step() {}
    assert_eq!(told.acknowledged(), 1);
    assert_eq!(wal.queued_bytes(), 0);
}

#[test]
fn one_flush_serves_everything_that_is_queued() {
    let disk = MemDisk::new();
    let options = Options { segment_bytes: 1 << 20, ..small() };
    let (wal, _) = open(&disk, options).unwrap();
    let flushes = wal.stats().flushes;
    let told = Told::default();
    for name in 0..100 {
        wal.submit(name as u32 % 7, vec![meta(0, b"m")], told.done(name));
    }
    while wal.step() {}
    assert_eq!(wal.stats().flushes, flushes + 1);
    assert_eq!(wal.stats().records_per_flush_max, 100);
    let order: Vec<usize> = told.all().iter().map(|(name, _)| *name).collect();
    assert_eq!(order, (0..100).collect::<Vec<_>>(), "told in the order of submits");
}

#[test]
fn a_refused_submit_changes_nothing_and_is_told_in_order() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    let told = Told::default();
    wal.submit(1, vec![entry(1, b"a")], told.done(0));
    wal.submit(1, vec![entry(2, b"b"), entry(4, b"gap")], told.done(1));
    wal.submit(1, vec![entry(2, &[0; 4096])], told.done(2));
    wal.submit(1, vec![Op::PurgeTo { index: 1 }, Op::TruncateFrom { index: 0 }], told.done(3));
    wal.submit(1, vec![entry(2, b"b")], told.done(4));
    while wal.step() {}
    let refusal = |name: usize| match &told.all()[name] {
        (found, Err(FlushFailed::Refused(refusal))) if *found == name => refusal.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told.acknowledged(), 2);
    assert_eq!(refusal(1), Refusal::Gap { expected: 3, found: 4 });
    let limit = wal.record_limit();
    assert_eq!(refusal(2), Refusal::RecordTooLarge { bytes: 4096, limit });
    assert_eq!(refusal(3), Refusal::TruncatesPurged { first: 2, index: 0 });
    assert_eq!(wal.first_last(1), Some((1, 2)));
}

#[test]
fn the_largest_record_fits_beside_the_largest_checkpoint() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    let largest = vec![7; wal.record_limit()];
    let mut slot = 0;
    while wal.submit_wait(1, vec![meta(slot, &[slot; 200])]).is_ok() {
        slot += 1;
    }
    for index in 0..9 {
        wal.submit_wait(1, vec![entry(index, &largest)]).unwrap();
    }
    let before = Model::read(&wal).unwrap();
    drop(wal);
    let (wal, _) = open(&disk, small()).unwrap();
    assert_eq!(Model::read(&wal).unwrap(), before);
}

#[test]
fn a_queue_that_is_full_refuses_more() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, Options { max_queued_bytes: 1000, ..small() }).unwrap();
    let told = Told::default();
    wal.submit(1, vec![entry(0, &[0; 900])], told.done(0));
    wal.submit(1, vec![entry(1, &[0; 900])], told.done(1));
    while wal.step() {}
    assert_eq!(told.acknowledged(), 1);
    let all = told.all();
    assert!(matches!(all[1], (1, Err(FlushFailed::Refused(Refusal::Busy { .. })))), "{all:?}");
    wal.submit_wait(1, vec![entry(1, &[0; 900])]).unwrap();
}

#[test]
fn a_removed_group_is_gone_and_may_begin_anew() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(1, vec![entry(1, b"old"), meta(0, b"old")]).unwrap();
    let told = Told::default();
    wal.remove_group(1, told.done(0));
    wal.submit(1, vec![entry(0, b"new")], told.done(1));
    while wal.step() {}
    assert_eq!(told.acknowledged(), 2);
    drop(wal);
    let (wal, _) = open(&disk, small()).unwrap();
    assert_eq!(wal.first_last(1), Some((0, 0)));
    assert_eq!(wal.meta(1, 0), None);
}

#[test]
fn an_empty_submit_is_a_barrier() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(9, vec![]).unwrap();
    assert!(wal.groups().is_empty(), "and creates no group");
}

#[test]
fn evicted_entries_are_read_back() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, Options { cache_bytes: 300, ..small() }).unwrap();
    for index in 0..100 {
        wal.submit_wait(1, vec![entry(index, &[index as u8; 100])]).unwrap();
    }
    assert_eq!(wal.stats().cached_bytes, 300);
    let entries = wal.entries(1, 0..100, usize::MAX).unwrap();
    assert_eq!(wal.stats().entries_read_back, 97);
    for (at, (index, data)) in entries.iter().enumerate() {
        assert_eq!((*index, &data[..]), (at as u64, &[at as u8; 100][..]));
    }
    drop(wal);
    let (wal, _) = open(&disk, Options { cache_bytes: 300, ..small() }).unwrap();
    assert_eq!(wal.stats().cached_bytes, 300);
    assert_eq!(wal.entries(1, 0..100, usize::MAX).unwrap(), entries);
}

#[test]
fn two_openers_are_refused_and_so_is_another_owner() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    assert!(matches!(open(&disk, small()), Err(WalError::Locked { .. })));
    wal.close();
    let other = open(&disk, Options { owner: 8, ..small() });
    assert!(matches!(other, Err(WalError::WrongOwner { found: 7, expected: 8, .. })));
    open(&disk, small()).unwrap();
}

#[test]
fn a_log_keeps_the_segment_size_that_it_was_created_with() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    let limit = wal.record_limit();
    wal.close();
    let (wal, _) = open(&disk, Options { segment_bytes: 1 << 20, ..small() }).unwrap();
    assert_eq!(wal.record_limit(), limit);
    let bad = Options { segment_bytes: 5000, ..small() };
    assert!(matches!(open(&MemDisk::new(), bad), Err(WalError::BadSegmentBytes { .. })));
}

#[test]
fn a_closed_log_refuses_and_a_clone_of_it_too() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    let clone = wal.clone();
    let told = Told::default();
    clone.submit(1, vec![entry(0, b"queued before")], told.done(0));
    wal.close();
    assert_eq!(told.acknowledged(), 1);
    assert!(matches!(clone.submit_wait(1, vec![entry(1, b"x")]), Err(FlushFailed::Closed)));
    assert!(matches!(clone.entries(1, 0..9, 99), Err(WalError::Closed)));
}

#[test]
fn with_threads_every_writer_gets_its_own_order() {
    let disk = MemDisk::new();
    let options = Options { drive: Drive::Threads, segment_bytes: 1 << 16, ..small() };
    let (wal, _) = open(&disk, options.clone()).unwrap();
    std::thread::scope(|scope| {
        for group in 0..4 {
            let wal = wal.clone();
            scope.spawn(move || {
                for index in 0..200 {
                    wal.submit_wait(group, vec![entry(index, &[group as u8; 64])]).unwrap();
                }
            });
        }
    });
    let before = Model::read(&wal).unwrap();
    assert_eq!(before.groups.values().map(|group| group.entries.len()).sum::<usize>(), 800);
    drop(wal);
    let (wal, _) = open(&disk, options).unwrap();
    assert_eq!(Model::read(&wal).unwrap(), before);
}

#[test]
fn a_callback_may_submit_and_may_hold_the_last_handle() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let options = Options { drive: Drive::Threads, ..small() };
    let (wal, _) = Wal::open(disk.clone(), Path::new(DIR), options.clone()).unwrap();
    let (send, told) = std::sync::mpsc::channel();
    let last = wal.clone();
    let done = move |_| {
        let inner = send.clone();
        last.submit(1, vec![entry(1, b"b")], Box::new(move |result| inner.send(result).unwrap()));
        drop(last);
    };
    wal.submit(1, vec![entry(0, b"a")], Box::new(done));
    drop(wal);
    told.recv().unwrap().unwrap();
}

#[test]
fn the_directory_holds_nothing_unexpected() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(1, vec![entry(0, b"a")]).unwrap();
    let names = files(&disk);
    let names: Vec<_> = names.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["FORMAT", "seg-0000000000000001.wal", "seg-0000000000000002.wal"]);
}
