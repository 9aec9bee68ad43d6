//! Damaged files: every kind of damage to flushed bytes is refused by name and place, and never
//! read as data.

use crate::model::{DIR, Model, entry, files, meta, open, small};
use seatgrid_raft::disk::{Disk, MemDisk, PowerCut};
use seatgrid_raft::wal::{Damage, Op, Options, WalError};
use std::ops::Range;
use std::path::{Path, PathBuf};

const SECTOR: usize = 512;

/// A small log with everything in it: two groups, values, a truncation, a purge, a removal,
/// recycled segments. Closed, so that a mark proves that its last batch was flushed.
fn sample() -> (MemDisk, Model) {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    for index in 0..15 {
        wal.submit_wait(
            1,
            vec![entry(index, &[index as u8 + 1; 60]), meta(0, &[index as u8 + 9; 9])],
        )
        .unwrap();
    }
    wal.submit_wait(1, vec![Op::PurgeTo { index: 12 }]).unwrap();
    wal.submit_wait(2, vec![entry(1, b"first"), entry(2, b"second"), entry(3, b"third")]).unwrap();
    wal.submit_wait(3, vec![meta(1, b"gone soon")]).unwrap();
    wal.submit_wait(2, vec![Op::TruncateFrom { index: 3 }, entry(3, &[0x3C; 300])]).unwrap();
    wal.remove_group(3, Box::new(|_| {}));
    wal.submit_wait(1, vec![entry(15, &[0xEE; 600]), entry(16, &[0xDD; 40])]).unwrap();
    wal.submit_wait(1, vec![entry(17, b"the last")]).unwrap();
    let model = Model::read(&wal).unwrap();
    assert!(wal.stats().segments >= 2 && wal.stats().segments_recycled >= 1);
    wal.close();
    (disk.power_cut(PowerCut::KeepNothing), model)
}

/// Opens a damaged copy: it is refused with a place, or has exactly what it had.
fn check(disk: &MemDisk, model: &Model, what: &str) -> Option<(PathBuf, u64)> {
    match open(disk, small()).and_then(|(wal, _)| Model::read(&wal)) {
        Ok(found) => {
            assert!(found == *model, "{what}: read as other data: {found:?}");
            None
        }
        Err(error @ WalError::Damaged { .. }) => {
            assert!(!error.hint().is_empty());
            let WalError::Damaged { file, offset, .. } = error else { unreachable!() };
            Some((file, offset))
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn every_flipped_bit_is_refused_by_place_or_lies_in_unused_bytes() {
    let (disk, model) = sample();
    let mut refused = 0;
    for path in files(&disk) {
        let original = disk.contents(&path).unwrap();
        let used = used_bytes(&path, &original);
        for bit in 0..original.len() * 8 {
            let byte = bit / 8;
            let is_used = used.iter().any(|used| used.contains(&byte));
            // Unused bytes are all alike: one bit of each is flipped, and of used bytes every bit.
            if !is_used && bit % 8 != byte % 8 {
                continue;
            }
            let what = format!("{} byte {byte} bit {}", path.display(), bit % 8);
            disk.damage(&path, |bytes| bytes[byte] ^= 1 << (bit % 8));
            let place = check(&disk.fork(), &model, &what);
            disk.damage(&path, |bytes| bytes[byte] ^= 1 << (bit % 8));
            assert_eq!(place.is_some(), is_used, "{what}");
            if let Some((file, offset)) = place {
                assert_eq!(file, path, "{what}");
                assert!(
                    offset as usize <= byte && byte < offset as usize + 1024,
                    "{what}: {offset}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 15_000, "{refused}");
}

/// The bytes of a file that say something: all of `FORMAT`, a segment's header, and its batches
/// without the padding behind them. Not the mark: it says nothing that the reader would miss.
fn used_bytes(path: &Path, bytes: &[u8]) -> Vec<Range<usize>> {
    let name = path.file_name().unwrap().to_str().unwrap();
    if name == "FORMAT" {
        return std::iter::once(0..bytes.len()).collect();
    }
    if !name.starts_with("seg-") {
        return Vec::new();
    }
    let sequence = &bytes[16..24];
    let mut used: Vec<_> = std::iter::once(0..SECTOR).collect();
    let mut at = SECTOR;
    while bytes[at..].starts_with(b"SGBT")
        && bytes[at + 8..at + 16] == *sequence
        && bytes[at + 40] == 1
    {
        let body = u32::from_le_bytes(bytes[at + 28..at + 32].try_into().unwrap()) as usize;
        used.push(at..at + 48 + body);
        at = (at + 48 + body).next_multiple_of(SECTOR);
    }
    used
}

#[test]
fn every_truncated_file_is_refused() {
    let (disk, model) = sample();
    for path in files(&disk) {
        let original = disk.contents(&path).unwrap();
        for len in (0..original.len()).filter(|len| len % 7 == 0 || len % SECTOR < 2) {
            let disk = disk.fork();
            disk.damage(&path, |bytes| bytes.truncate(len));
            let place = check(&disk, &model, &format!("{} cut at {len}", path.display()));
            let is_spare = path.to_str().unwrap().contains("spare");
            assert_eq!(place.is_none(), is_spare, "{} cut at {len}", path.display());
        }
    }
}

#[test]
fn every_missing_file_is_refused_unless_nothing_is_in_it() {
    let (disk, model) = sample();
    let all = files(&disk);
    let prepared = all.iter().rfind(|path| path.to_str().unwrap().contains("seg-")).unwrap();
    for path in &all {
        let disk = disk.fork();
        disk.remove(path).unwrap();
        let place = check(&disk, &model, &path.display().to_string());
        let is_empty = path == prepared || path.to_str().unwrap().contains("spare");
        assert_eq!(place.is_none(), is_empty, "{}", path.display());
    }
    let disk = disk.fork();
    for path in all.iter().filter(|path| path.to_str().unwrap().contains("seg-")) {
        disk.remove(path).unwrap();
    }
    assert!(check(&disk, &model, "all segments").is_some());
}

#[test]
fn every_lost_or_misdirected_or_swapped_sector_is_refused_or_harmless() {
    let (disk, model) = sample();
    let segments: Vec<_> =
        files(&disk).into_iter().filter(|path| path.to_str().unwrap().contains("seg-")).collect();
    let bytes: Vec<_> = segments.iter().map(|path| disk.contents(path).unwrap()).collect();
    let sectors: Vec<_> =
        bytes.iter().flat_map(|bytes| bytes.chunks(SECTOR)).map(<[u8]>::to_vec).collect();
    let per_segment = bytes[0].len() / SECTOR;
    let zeros = vec![0; SECTOR];
    for to in 0..sectors.len() {
        let (path, at) = (&segments[to / per_segment], to % per_segment * SECTOR);
        for from in sectors.iter().chain([&zeros]) {
            let disk = disk.fork();
            disk.damage(path, |bytes| bytes[at..at + SECTOR].copy_from_slice(from));
            check(&disk, &model, &format!("a sector over sector {to}"));
        }
    }
    let swapped = disk.fork();
    swapped.damage(&segments[0], |all| all.copy_from_slice(&bytes[1]));
    swapped.damage(&segments[1], |all| all.copy_from_slice(&bytes[0]));
    assert_eq!(check(&swapped, &model, "swapped"), Some((segments[0].clone(), 0)));
}

#[test]
fn a_last_batch_that_was_written_elsewhere_is_refused() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit(1, vec![entry(0, b"misdirected")], Box::new(|_| {}));
    wal.step();
    let disk = disk.power_cut(PowerCut::KeepNothing);
    let path = Path::new(DIR).join("seg-0000000000000001.wal");
    for to in [3 * SECTOR, 5 * SECTOR] {
        let disk = disk.fork();
        disk.damage(&path, |bytes| {
            let batch = bytes[2 * SECTOR..3 * SECTOR].to_vec();
            bytes[to..to + SECTOR].copy_from_slice(&batch);
            bytes[2 * SECTOR..3 * SECTOR].fill(0);
        });
        assert!(matches!(open(&disk, small()), Err(WalError::Damaged { offset: 1024, .. })));
    }
}

#[test]
fn what_a_file_held_before_is_refused_in_place_of_the_newest_batch() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, Options { spare_segments: 3, ..small() }).unwrap();
    for index in 0..60 {
        wal.submit_wait(1, vec![entry(index, &[7; 100])]).unwrap();
        wal.submit_wait(1, vec![Op::PurgeTo { index: index.saturating_sub(2) }]).unwrap();
    }
    let model = Model::read(&wal).unwrap();
    wal.close();
    let newest = |path: &PathBuf| {
        let bytes = disk.contents(path).unwrap();
        let header = |at: usize| bytes[at..].starts_with(b"SGBT").then(|| number(&bytes[at..]));
        (0..bytes.len()).step_by(SECTOR).filter_map(|at| Some((header(at)?, at))).max()
    };
    let segments = files(&disk).into_iter().filter(|path| path.to_str().unwrap().contains("seg-"));
    let (path, (_, mark)) = segments
        .filter_map(|path| Some((newest(&path)?, path)))
        .max()
        .map(|(n, p)| (p, n))
        .unwrap();
    let bytes = disk.contents(&path).unwrap();
    // The newest batch and the mark behind it.
    let over = mark - SECTOR;
    let old: Vec<_> = (mark + SECTOR..bytes.len() - SECTOR)
        .step_by(SECTOR)
        .filter(|at| bytes[*at..].starts_with(b"SGBT"))
        .collect();
    assert!(!old.is_empty(), "nothing old is left in {}", path.display());
    for from in old {
        let disk = disk.fork();
        disk.damage(&path, |all| all.copy_within(from..from + 2 * SECTOR, over));
        let place = check(&disk, &model, "old batches over the newest");
        assert_eq!(place, Some((path.clone(), over as u64)));
    }
}

/// The number in a batch's header.
fn number(header: &[u8]) -> u64 {
    u64::from_le_bytes(header[16..24].try_into().unwrap())
}

#[test]
fn a_lost_write_is_refused_wherever_it_was() {
    // Each sector in turn is as it was at the reopen before the last writes: a flush that was not
    // one.
    let (disk, _) = sample();
    let old = disk.fork();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit_wait(2, vec![entry(4, &[4; 600]), Op::PurgeTo { index: 2 }]).unwrap();
    wal.submit_wait(1, vec![entry(18, &[5; 600])]).unwrap();
    let model = Model::read(&wal).unwrap();
    wal.close();
    let disk = disk.power_cut(PowerCut::KeepNothing);
    let mut refused = 0;
    for path in files(&disk).into_iter().filter(|path| path.to_str().unwrap().contains("seg-")) {
        let (Some(old), Some(new)) = (old.contents(&path), disk.contents(&path)) else { continue };
        for at in (0..new.len()).step_by(SECTOR) {
            let disk = disk.fork();
            disk.damage(&path, |bytes| {
                bytes[at..at + SECTOR].copy_from_slice(&old[at..at + SECTOR]);
            });
            let place = check(&disk, &model, &format!("{} at {at}", path.display()));
            refused += usize::from(place.is_some());
        }
    }
    assert!(refused >= 3, "{refused}");
}

#[test]
fn without_a_mark_the_last_batch_alone_may_be_cut() {
    let disk = MemDisk::new();
    let (wal, _) = open(&disk, small()).unwrap();
    wal.submit(1, vec![entry(0, b"flushed long ago")], Box::new(|_| {}));
    wal.step();
    let before = Model::read(&wal).unwrap();
    wal.submit(1, vec![entry(1, &[9; 80])], Box::new(|_| {}));
    wal.step();
    let after = Model::read(&wal).unwrap();
    let disk = disk.power_cut(PowerCut::KeepNothing);
    let path =
        files(&disk).into_iter().find(|path| path.to_str().unwrap().contains("seg-")).unwrap();
    let (mut cut, mut refused) = (0, 0);
    for bit in 0..4 * SECTOR * 8 {
        let disk = disk.fork();
        disk.damage(&path, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        match open(&disk, small()) {
            Ok((wal, recovery)) => {
                let found = Model::read(&wal).unwrap();
                if found != after {
                    assert_eq!(found, before, "bit {bit}");
                    cut += 1;
                    // The header itself tells how much was cut, unless it is what was hit.
                    assert!(recovery.torn_bytes > 0 || bit / 8 % SECTOR < 48);
                }
            }
            Err(WalError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(cut >= 8 * (48 + 24 + 80) && refused > 8 * 48, "{cut} {refused}");
}

#[test]
fn damage_under_an_open_log_is_noticed_when_it_is_read() {
    let (disk, model) = sample();
    let (wal, _) = open(&disk, Options { cache_bytes: 0, ..small() }).unwrap();
    let mut noticed = 0;
    for path in files(&disk) {
        for byte in 0..disk.contents(&path).unwrap().len() {
            let flip = |bytes: &mut Vec<u8>| bytes[byte] ^= 0x10;
            disk.damage(&path, flip);
            match Model::read(&wal) {
                Ok(found) => assert_eq!(found, model),
                Err(WalError::Damaged { file, offset, damage: Damage::BadEntry { .. } }) => {
                    assert_eq!(file, path);
                    assert!(offset as usize <= byte);
                    noticed += 1;
                }
                Err(other) => panic!("{other}"),
            }
            disk.damage(&path, flip);
        }
    }
    let payload: usize =
        model.groups.values().flat_map(|group| group.entries.values()).map(|data| data.len()).sum();
    assert!(noticed > payload);
    assert_eq!(Model::read(&wal).unwrap(), model);
}

#[test]
fn a_refusal_leaves_the_files_alone() {
    let (disk, _) = sample();
    let path =
        files(&disk).into_iter().find(|path| path.to_str().unwrap().contains("seg-")).unwrap();
    disk.damage(&path, |bytes| bytes[SECTOR + 60] ^= 1);
    let before: Vec<_> = files(&disk).iter().map(|path| disk.contents(path)).collect();
    for _ in 0..2 {
        assert!(matches!(open(&disk, small()), Err(WalError::Damaged { .. })));
    }
    let after: Vec<_> = files(&disk).iter().map(|path| disk.contents(path)).collect();
    assert_eq!(before, after);
}

#[test]
fn a_log_of_a_later_format_is_refused_as_such() {
    let (disk, _) = sample();
    let format = Path::new(DIR).join("FORMAT");
    let text = "seatgrid write-ahead log\nformat 2\nowner 7\nsegment_bytes 4096\n";
    let text = format!("{text}crc32 {:08x}\n", crc32fast::hash(text.as_bytes()));
    disk.damage(&format, |bytes| *bytes = text.into_bytes());
    let refused = open(&disk, small());
    assert!(matches!(refused, Err(WalError::UnsupportedFormat { found: 2, expected: 1, .. })));
}
