//! Segments that are given back: when, how many, and what is left of their old bytes.

use crate::model::{Model, entry, files, meta, open, small};
use seatgrid_raft::disk::{MemDisk, PowerCut};
use seatgrid_raft::wal::{Op, Options, Pinned};

#[test]
fn a_log_that_is_purged_keeps_its_disk_use() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    let mut most = 0;
    for index in 0..500 {
        let mut ops = vec![entry(index, &[1; 400]), meta(0, &index.to_le_bytes())];
        if index >= 10 {
            ops.push(Op::PurgeTo { index: index - 10 });
        }
        wal.submit_wait(1, ops).unwrap();
        most = most.max(disk.used());
    }
    // Ten entries, one to a kilobyte with its batch: four segments, one prepared, one spare, and
    // one between.
    assert!(most <= 7 * 4096 + 512, "{most}");
    assert!(wal.stats().segments_recycled > 90);
    let before = Model::read(&wal).unwrap();
    drop(wal);
    let (wal, _) = open(&disk.power_cut(PowerCut::KeepNothing), small()).unwrap();
    assert_eq!(Model::read(&wal).unwrap(), before);
}

#[test]
fn no_more_spares_are_kept_than_asked_for() {
    for spare_segments in [0, 1, 3] {
        let disk = MemDisk::new();
        let (wal, _) = open(&disk, Options { spare_segments, ..small() }).unwrap();
        for index in 0..60 {
            wal.submit_wait(1, vec![entry(index, &[1; 400])]).unwrap();
        }
        wal.submit_wait(1, vec![Op::PurgeTo { index: 59 }]).unwrap();
        let names = files(&disk);
        let spares = names.iter().filter(|path| path.to_str().unwrap().contains("spare"));
        // The next segment may have taken one.
        let expected = spare_segments.saturating_sub(1)..=spare_segments;
        assert!(expected.contains(&spares.count()));
        assert_eq!(wal.stats().segments, 1);
    }
}

#[test]
fn recycled_segments_never_resurrect_old_records() {
    let disk = MemDisk::new();
    let options = Options { spare_segments: 3, ..small() };
    let (mut wal, _) = open(&disk, options.clone()).unwrap();
    let mut disk = disk;
    // Records of one size: in each life they lie exactly where they lay in the life before.
    for index in 0..300 {
        let mut ops = vec![entry(index, &[index as u8; 464])];
        if index % 20 == 19 {
            ops.push(Op::PurgeTo { index });
        }
        wal.submit(1, ops, Box::new(|_| {}));
        wal.step();
        if index % 3 == 0 {
            let before = Model::read(&wal).unwrap();
            disk = disk.power_cut(PowerCut::KeepNothing);
            let (opened, recovery) = open(&disk, options.clone()).unwrap();
            assert_eq!(Model::read(&opened).unwrap(), before, "after entry {index}");
            assert_eq!(recovery.torn_bytes, 0);
            wal = opened;
        }
    }
}

#[test]
fn an_idle_group_pins_the_log_and_is_named() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(5, vec![entry(0, b"idle"), entry(1, b"idle")]).unwrap();
    for index in 0..50 {
        wal.submit_wait(1, vec![entry(index, &[1; 400]), Op::PurgeTo { index }]).unwrap();
    }
    let pinned = wal.pinned().unwrap();
    let segments = wal.stats().segments;
    assert_eq!(pinned, Pinned { group: 5, index: 0, segments });
    assert!(segments > 5);
    wal.submit_wait(5, vec![Op::PurgeTo { index: 1 }]).unwrap();
    assert_eq!(wal.pinned(), None);
    assert_eq!(wal.stats().segments, 1);
}

#[test]
fn values_outlive_the_segments_that_they_were_written_in() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(3, vec![meta(0, b"vote"), meta(1, b"committed"), Op::PurgeTo { index: 41 }])
        .unwrap();
    for index in 0..50 {
        wal.submit_wait(1, vec![entry(index, &[1; 400]), Op::PurgeTo { index }]).unwrap();
    }
    assert_eq!(wal.stats().segments, 1);
    drop(wal);
    let (wal, _) = open(&disk, small()).unwrap();
    assert_eq!(wal.meta(3, 0).unwrap(), "vote");
    assert_eq!(wal.meta(3, 1).unwrap(), "committed");
    assert_eq!(wal.next_index(3), Some(42));
}

#[test]
fn a_purge_that_is_not_flushed_frees_nothing() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    for index in 0..30 {
        wal.submit_wait(1, vec![entry(index, &[1; 400])]).unwrap();
    }
    let segments = wal.stats().segments;
    wal.submit(1, vec![Op::PurgeTo { index: 29 }], Box::new(|_| {}));
    assert_eq!(wal.first_last(1), None);
    assert_eq!(wal.stats().segments, segments);
    let (wal, _) = open(&disk.power_cut(PowerCut::KeepAll), small()).unwrap();
    assert_eq!(wal.first_last(1), Some((0, 29)));
}
