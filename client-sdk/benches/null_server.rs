//! What the client itself costs: commands a second, and processor time for each, against a server that
//! answers everything at once and does nothing else.
//!
//! Client and server each have one thread. `cargo bench -p seatgrid-client-sdk --bench null_server`. With
//! `-- --serve` it prints its address and serves for ever, for measuring a load generator.
#![allow(clippy::unwrap_used)]

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use seatgrid_client_sdk::ids::TripId;
use seatgrid_client_sdk::pb::HoldRequest;
use seatgrid_client_sdk::pb::pipeline_command::Command;
use seatgrid_client_sdk::{Client, Hold, Options, new_hold_id};
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const OUTSTANDING: u64 = 512;
const RUN: Duration = Duration::from_secs(3);

fn main() {
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let node = fake::single(Arc::new(fake::yes)).await;
            tx.send(node.endpoint.clone()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let endpoint = rx.recv().unwrap();
    if std::env::args().any(|argument| argument == "--serve") {
        println!("{endpoint}");
        loop {
            std::thread::park();
        }
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for streams_per_node in [1, 2] {
            let options = Options { streams_per_node, ..Options::default() };
            let client = Client::connect([&endpoint], options).await.unwrap();
            report("lane", streams_per_node, lane(&client)).await;
            report("calls", streams_per_node, calls(&client)).await;
        }
    });
}

async fn report(name: &str, streams: usize, run: impl Future<Output = u64>) {
    let (cpu_before, before) = (thread_cpu(), Instant::now());
    let operations = run.await;
    let (cpu, wall) = (thread_cpu() - cpu_before, before.elapsed());
    println!(
        "{name:5} streams {streams}: {:7.0} ops/s, {:4.0} ns of client CPU each, {:.0} ops/s per core",
        operations as f64 / wall.as_secs_f64(),
        cpu.as_nanos() as f64 / operations as f64,
        operations as f64 / cpu.as_secs_f64(),
    );
}

/// One task, one lane, commands kept and changed in place.
async fn lane(client: &Client) -> u64 {
    let trip = TripId::new("bench-trip-1").unwrap();
    let shard = client.shard_of(&trip);
    let mut lane = client.lane();
    let mut commands: Vec<Command> = (0..OUTSTANDING)
        .map(|n| {
            Command::Hold(HoldRequest {
                trip_id: trip.to_string(),
                seat_numbers: vec![n as u32],
                ttl_ms: 60_000,
                ..Default::default()
            })
        })
        .collect();
    let mut completions = Vec::new();
    let until = Instant::now() + RUN;
    let mut operations = 0;
    let mut free: Vec<u64> = (0..OUTSTANDING).collect();
    while Instant::now() < until {
        for token in free.drain(..) {
            let command = &mut commands[token as usize];
            if let Command::Hold(hold) = command {
                hold.hold_id = bytes::Bytes::copy_from_slice(new_hold_id().as_bytes());
            }
            lane.submit(shard, &*command, token).await;
        }
        lane.completed(&mut completions).await;
        operations += completions.len() as u64;
        free.extend(completions.drain(..).map(|completion| {
            completion.outcome.unwrap();
            completion.token
        }));
    }
    while lane.in_flight() > 0 {
        lane.completed(&mut completions).await;
    }
    operations
}

/// As many tasks as commands, each with the ordinary call.
async fn calls(client: &Client) -> u64 {
    let trip = TripId::new("bench-trip-1").unwrap();
    let until = Instant::now() + RUN;
    let tasks: Vec<_> = (0..OUTSTANDING)
        .map(|n| {
            let (client, trip) = (client.clone(), trip.clone());
            tokio::spawn(async move {
                let mut operations = 0;
                while Instant::now() < until {
                    let hold = Hold::numbers(&trip, [n as u32]).ttl(Duration::from_secs(60));
                    let _held = client.hold(hold).await.unwrap();
                    operations += 1;
                }
                operations
            })
        })
        .collect();
    let mut operations = 0;
    for task in tasks {
        operations += task.await.unwrap();
    }
    operations
}

/// Processor time of this thread so far.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}
