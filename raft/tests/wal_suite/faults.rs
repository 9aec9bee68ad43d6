//! Disks that fail, fill up or hang: the log stops for ever or goes on, and never lies.

use crate::model::{Model, Told, entry, meta, open, small};
use seatgrid_raft::disk::{Fault, MemDisk, PowerCut};
use seatgrid_raft::wal::{Drive, FlushFailed, Op, Options, WalError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The log stops with a fault in its first write or flush after the first entry.
fn stops_for_ever(fault: Fault) {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(1, vec![entry(0, b"good")]).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    wal.on_failure(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let told = Told::default();
    disk.inject(fault);
    wal.submit(1, vec![entry(1, b"bad")], told.done(0));
    wal.submit(2, vec![entry(0, b"bad")], told.done(1));
    while wal.step() {}
    let failure = wal.failed().expect("the log has stopped");
    assert!(matches!(*failure, WalError::Io { .. }), "{failure}");

    disk.clear_faults();
    let operations = disk.operations();
    wal.submit(1, vec![entry(2, b"later")], told.done(2));
    while wal.step() {}
    wal.submit(1, vec![], told.done(3));
    while wal.step() {}
    assert_eq!(disk.operations(), operations, "nothing is ever written again, not even a mark");
    let results = told.all();
    assert_eq!(results.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [0, 1, 2, 3]);
    for (_, result) in results {
        let Err(FlushFailed::Stopped(stopped)) = result else { panic!("{result:?}") };
        assert!(Arc::ptr_eq(&stopped, &failure));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(wal.queued_bytes(), 0);
    let late = Arc::new(AtomicUsize::new(0));
    let counter = late.clone();
    wal.on_failure(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(late.load(Ordering::Relaxed), 1, "who asks late is told at once");
    wal.close();

    // The process starts again on the same machine, and then the power goes.
    let disk = disk.kill();
    let (wal, _) = open(&disk, small()).unwrap();
    let found = Model::read(&wal).unwrap();
    assert_eq!(wal.entries(1, 0..1, 99).unwrap()[0].1, "good");
    let (wal, _) = open(&disk.power_cut(PowerCut::KeepAll), small()).unwrap();
    assert_eq!(Model::read(&wal).unwrap(), found, "what a start has shown stays");
}

#[test]
fn a_failed_flush_stops_the_log() {
    stops_for_ever(Fault::FailSync { after: 0 });
}

#[test]
fn a_failed_write_stops_the_log() {
    stops_for_ever(Fault::FailWrite { after: 0 });
}

#[test]
fn a_short_write_stops_the_log() {
    stops_for_ever(Fault::ShortWrite { after: 0, keep: 60 });
}

#[test]
fn a_full_disk_stops_the_log_and_space_lets_it_start_again() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    disk.set_capacity(Some(disk.used() + 2 * 4096));
    let mut index = 0;
    let failed = loop {
        match wal.submit_wait(1, vec![entry(index, &[1; 500])]) {
            Ok(()) => index += 1,
            Err(failed) => break failed,
        }
    };
    assert!(index >= 11, "what was prepared before is used: {index}");
    let FlushFailed::Stopped(error) = failed else { panic!("{failed:?}") };
    assert!(error.hint().contains("free space"), "{}", error.hint());
    drop(wal);

    // Still full: the log opens and shows everything; the next segment is missing when it is
    // needed.
    let disk = disk.power_cut(PowerCut::KeepNothing);
    let (wal, _) = open(&disk, small()).unwrap();
    assert_eq!(wal.first_last(1), Some((0, index - 1)));
    // There is space again: no start is needed.
    disk.set_capacity(None);
    wal.submit_wait(1, vec![entry(index, &[1; 500])]).unwrap();
    wal.submit_wait(1, vec![entry(index + 1, &[1; 1400])]).unwrap();
}

#[test]
fn space_that_comes_back_in_time_is_used() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    disk.set_capacity(Some(disk.used()));
    for index in 0..5 {
        wal.submit_wait(1, vec![entry(index, &[1; 500])]).unwrap();
    }
    disk.set_capacity(None);
    for index in 5..30 {
        wal.submit_wait(1, vec![entry(index, &[1; 500])]).unwrap();
    }
}

#[test]
fn a_hung_disk_blocks_neither_submits_nor_reads() {
    let disk = MemDisk::new();
    let options = Options { drive: Drive::Threads, segment_bytes: 1 << 16, ..small() };
    let (wal, _) = open(&disk, options).unwrap();
    let gate = disk.hang_syncs();
    let told = Told::default();
    wal.submit(1, vec![entry(0, b"a")], told.done(0));
    gate.wait_until_hung();
    for index in 1..100 {
        wal.submit(1, vec![entry(index, b"b"), meta(0, b"m")], told.done(index as usize));
    }
    assert_eq!(wal.first_last(1), Some((0, 99)));
    assert_eq!(wal.entries(1, 0..100, 1 << 20).unwrap().len(), 100);
    assert!(wal.queued_bytes() > 0);
    assert!(told.all().is_empty());
    drop(gate);
    wal.submit_wait(1, vec![]).unwrap();
    assert_eq!(told.acknowledged(), 100);
    assert!(wal.stats().flushes <= 4, "what waited was flushed together");
}

#[test]
fn a_callback_that_panics_stops_the_log_and_the_others_are_told() {
    let disk = MemDisk::new();
    let options = Options { drive: Drive::Threads, segment_bytes: 1 << 16, ..small() };
    let (wal, _) = open(&disk, options).unwrap();
    let gate = disk.hang_syncs();
    let told = Told::default();
    wal.submit(1, vec![entry(0, b"a")], told.done(0));
    gate.wait_until_hung();
    wal.submit(1, vec![entry(1, b"b")], Box::new(|_| panic!("a bad callback, on purpose")));
    wal.submit(1, vec![entry(2, b"c")], told.done(1));
    drop(gate);
    while wal.failed().is_none() {
        std::thread::yield_now();
    }
    let failed = wal.submit_wait(1, vec![entry(3, b"d")]);
    let Err(FlushFailed::Stopped(error)) = failed else { panic!("{failed:?}") };
    assert!(matches!(*error, WalError::Panicked));
    assert_eq!(told.acknowledged(), 2, "their flush had succeeded");
}

#[test]
fn a_read_that_fails_is_an_error_of_that_read() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(1, vec![entry(0, b"a")]).unwrap();
    disk.inject(Fault::FailRead { after: 0 });
    assert!(matches!(wal.entries(1, 0..1, 99), Err(WalError::Io { action: "read", .. })));
    assert_eq!(wal.entries(1, 0..1, 99).unwrap().len(), 1);
    wal.submit_wait(1, vec![entry(1, b"b")]).unwrap();
}

#[test]
fn an_open_that_fails_can_be_tried_again() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    for index in 0..20 {
        wal.submit_wait(1, vec![entry(index, &[1; 500])]).unwrap();
    }
    wal.submit_wait(1, vec![Op::PurgeTo { index: 3 }]).unwrap();
    let before = Model::read(&wal).unwrap();
    drop(wal);
    for after in 0..40 {
        for fault in
            [Fault::FailRead { after }, Fault::FailWrite { after }, Fault::FailSync { after }]
        {
            let disk = disk.fork();
            disk.inject(fault);
            let _ = open(&disk, small());
            disk.clear_faults();
            let (wal, _) = open(&disk, small()).unwrap();
            assert_eq!(Model::read(&wal).unwrap(), before, "{fault:?}");
        }
    }
}
