//! How fast the log is on the disk of this machine, in a temporary directory (`TMPDIR` chooses the
//! disk).
//!
//! `flush` is the floor: what the disk takes for one small write with its flush. `append` waits for
//! each batch; `append_ahead` keeps batches queued, as a node under load does.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use seatgrid_raft::disk::{Disk, RealDisk};
use seatgrid_raft::wal::{Op, Options, Wal};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Payload of an entry.
const ENTRY_BYTES: usize = 128;

/// Batches that are in flight in `append_ahead`.
const AHEAD: usize = 32;

/// Entries that stay behind when the log is purged.
const KEEP: u64 = 20_000;

/// A log with one group that only ever grows at one end and is purged at the other.
struct Appender {
    wal: Wal,
    next: u64,
    payload: Bytes,
    _temp: TempDir,
}

impl Appender {
    fn new() -> Self {
        let temp = TempDir::new().expect("a temporary directory can be made");
        let disk = Arc::new(RealDisk::new());
        let opened = Wal::open(disk, temp.path(), Options::default());
        let (wal, _) = opened.expect("a new log can be made");
        Self { wal, next: 0, payload: Bytes::from(vec![0x5A; ENTRY_BYTES]), _temp: temp }
    }

    fn batch(&mut self, entries: u64) -> Vec<Op> {
        let range = self.next..self.next + entries;
        self.next = range.end;
        let data = || self.payload.clone();
        let mut ops: Vec<Op> = range.map(|index| Op::Entry { index, data: data() }).collect();
        if self.next % 4096 < entries && self.next > KEEP {
            ops.push(Op::PurgeTo { index: self.next - KEEP });
        }
        ops
    }
}

fn flush(c: &mut Criterion) {
    let temp = TempDir::new().expect("a temporary directory can be made");
    let file = RealDisk::new().create(&temp.path().join("file")).expect("a file can be made");
    file.fill_zero(64 << 20).expect("the disk has 64 MiB");
    file.sync_all().expect("the disk flushes");
    let mut at = 0;
    c.bench_function("flush", |b| {
        b.iter(|| {
            file.write_at(&[1; 512], at).expect("the disk writes");
            file.sync_data().expect("the disk flushes");
            at = (at + 512) % (64 << 20);
        });
    });
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    for entries in [1, 64, 1024] {
        let mut appender = Appender::new();
        group.throughput(Throughput::Elements(entries));
        group.bench_function(BenchmarkId::from_parameter(entries), |b| {
            b.iter(|| {
                let ops = appender.batch(entries);
                appender.wal.submit_wait(1, ops).expect("the log works");
            });
        });
    }
    group.finish();
}

fn append_ahead(c: &mut Criterion) {
    let mut group = c.benchmark_group("append_ahead");
    for entries in [1, 64, 1024] {
        let mut appender = Appender::new();
        group.throughput(Throughput::Elements(entries));
        group.bench_function(BenchmarkId::from_parameter(entries), |b| {
            b.iter_custom(|batches| append_batches(&mut appender, entries, batches));
        });
    }
    group.finish();
}

/// Appends batches with a bounded number of them in flight, until all are durable.
fn append_batches(appender: &mut Appender, entries: u64, batches: u64) -> Duration {
    let (told, room) = sync_channel(AHEAD);
    let began = Instant::now();
    for batch in 0..batches {
        if batch >= AHEAD as u64 {
            room.recv().expect("a batch is in flight");
        }
        let told = told.clone();
        let ops = appender.batch(entries);
        appender.wal.submit(
            1,
            ops,
            Box::new(move |result| {
                result.expect("the log works");
                told.send(()).expect("there is room for every batch in flight");
            }),
        );
    }
    appender.wal.submit_wait(1, Vec::new()).expect("the log works");
    began.elapsed()
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(64));
    for (name, cache_bytes) in [("cached", 64 << 20), ("from_disk", 0)] {
        let temp = TempDir::new().expect("a temporary directory can be made");
        let options = Options { cache_bytes, ..Options::default() };
        let opened = Wal::open(Arc::new(RealDisk::new()), temp.path(), options);
        let (wal, _) = opened.expect("a new log can be made");
        let data = Bytes::from(vec![0x5A; ENTRY_BYTES]);
        let ops = (0..1024).map(|index| Op::Entry { index, data: data.clone() }).collect();
        wal.submit_wait(1, ops).expect("the log works");
        group.bench_function(name, |b| {
            b.iter(|| black_box(wal.entries(1, 500..564, usize::MAX).expect("they are there")));
        });
    }
    group.finish();
}

fn reopen(c: &mut Criterion) {
    let temp = TempDir::new().expect("a temporary directory can be made");
    let open = || Wal::open(Arc::new(RealDisk::new()), temp.path(), Options::default());
    let (wal, _) = open().expect("a new log can be made");
    let data = Bytes::from(vec![0x5A; ENTRY_BYTES]);
    for from in (0..1_000_000).step_by(1000) {
        let entry = |index| Op::Entry { index, data: data.clone() };
        wal.submit(1, (from..from + 1000).map(entry).collect(), Box::new(|_| {}));
    }
    wal.close();
    let mut group = c.benchmark_group("reopen");
    group.sample_size(10).throughput(Throughput::Elements(1_000_000));
    group.bench_function("million_entries", |b| {
        // What it says itself, without the time that closing it takes.
        b.iter_custom(|times| {
            let opening = |_| open().expect("the log opens").1.duration;
            (0..times).map(opening).sum()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).without_plots();
    targets = flush, append, append_ahead, read, reopen
}
criterion_main!(benches);
