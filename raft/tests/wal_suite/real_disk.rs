//! The log on the disk of the machine.

use crate::model::{Model, entry, meta};
use seatgrid_raft::disk::{Disk, DiskFile, RealDisk};
use seatgrid_raft::wal::{Drive, Op, Options, Wal, WalError};
use std::path::Path;
use std::sync::Arc;

fn open(dir: &Path) -> Result<Wal, WalError> {
    let options = Options {
        segment_bytes: 1 << 16,
        cache_bytes: 4096,
        drive: Drive::Threads,
        ..Options::default()
    };
    Wal::open(Arc::new(RealDisk::new()), dir, options).map(|(wal, _)| wal)
}

#[test]
fn a_log_rolls_recycles_and_reopens() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("node").join("log");
    let wal = open(&dir).unwrap();
    for index in 0..150_u64 {
        let mut ops = vec![entry(index, &[index as u8; 3000]), meta(0, &index.to_le_bytes())];
        if index > 40 && index % 10 == 0 {
            ops.push(Op::PurgeTo { index: index - 40 });
        }
        wal.submit(1, ops, Box::new(|result| result.unwrap()));
    }
    wal.submit_wait(1, vec![]).unwrap();
    let before = Model::read(&wal).unwrap();
    assert!(wal.stats().segments_recycled > 0);
    assert!(matches!(open(&dir), Err(WalError::Locked { .. })));
    wal.close();
    let wal = open(&dir).unwrap();
    assert_eq!(Model::read(&wal).unwrap(), before);
}

#[test]
fn a_bit_that_flips_on_disk_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let wal = open(temp.path()).unwrap();
    for index in 0..20 {
        wal.submit_wait(1, vec![entry(index, b"payload")]).unwrap();
    }
    wal.close();
    let path = temp.path().join("seg-0000000000000001.wal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[2048 + 50] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let error = open(temp.path()).unwrap_err();
    let WalError::Damaged { file, offset, .. } = error else { panic!("{error}") };
    assert_eq!((file, offset), (path, 2048 + 48));
}

#[test]
fn files_do_what_the_seam_promises() {
    let temp = tempfile::tempdir().unwrap();
    let disk = RealDisk::new();
    let (a, b) = (temp.path().join("a"), temp.path().join("b"));
    let file: Arc<dyn DiskFile> = disk.create(&a).unwrap();
    file.fill_zero(300_000).unwrap();
    file.write_at(b"hello", 299_995).unwrap();
    file.sync_all().unwrap();
    disk.rename(&a, &b).unwrap();
    disk.sync_dir(temp.path()).unwrap();
    assert_eq!(disk.list(temp.path()).unwrap(), ["b"]);
    let file = disk.open(&b).unwrap();
    assert_eq!(file.size().unwrap(), 300_000);
    let mut end = [0; 6];
    file.read_at(&mut end, 299_994).unwrap();
    assert_eq!(&end, b"\0hello");
    assert!(file.read_at(&mut end, 299_995).is_err(), "reads are exact");
    file.set_size(10).unwrap();
    assert_eq!(file.size().unwrap(), 10);
    disk.remove(&b).unwrap();
    assert!(disk.open(&b).is_err());
    let lock = disk.lock(&a).unwrap();
    assert!(lock.is_some() && disk.lock(&a).unwrap().is_none());
    drop(lock);
    assert!(disk.lock(&a).unwrap().is_some());
}
