//! The ladder: what a hold costs, layer by layer. Each rung adds one layer to the rung before it and is asked
//! the same, 256 holds at a time; the difference between two rungs is what the layer costs.
//!
//! `cargo bench -p seatgrid-benches --bench ladder`. The last rung of all, three processes asked over gRPC, is
//! `seatgrid bench --systems seatgrid`.

mod rungs;
mod work;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use rungs::{Maps, Replicas, Rung, Sequencer, Trips};
use work::Work;

/// The allocator of the node.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn climb(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ladder");
    group.throughput(Throughput::Elements(1));
    let mut step = |name: &str, rung: &mut dyn FnMut() -> Box<dyn Rung>| {
        let (mut rung, mut work) = (rung(), Work::new());
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|holds| rung.holds(&mut work, holds));
        });
    };
    step("1 seat map", &mut || Box::new(Maps::new()));
    step("2 trips of a follower", &mut || Box::new(Trips::start()));
    step("3 sequencer of a leader", &mut || Box::new(Sequencer::start()));
    step("4 log with flush, one replica", &mut || Box::new(Replicas::start(1)));
    step("5 three replicas in this process", &mut || Box::new(Replicas::start(3)));
    group.finish();
}

criterion_group!(benches, climb);
criterion_main!(benches);
