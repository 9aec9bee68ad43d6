//! Systems beside each other: rounds in which each has its turn, so that what else the machine does meets
//! all of them.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cost::{self, Cost};
use crate::course::{self, Course, Measured};
use crate::systems::Missing;
use crate::systems::etcd::{Etcd, Leases};
use crate::systems::null::Null;
use crate::systems::postgres::{Postgres, Way};
use crate::systems::redis::{Asking, Persistence, Redis};
use crate::systems::seatgrid::Seatgrid;
use crate::watch::{Sample, Watch};
use crate::work::{Asks, Workload};

/// A system, and how it is asked and keeps what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Three nodes; an acknowledged hold is flushed on two of them at least.
    Seatgrid {
        /// Its shards.
        shards: u32,
        /// Memory that each node takes at its start, in MiB.
        reserve_mib: u32,
        /// How it is asked.
        caller: Caller,
    },
    /// One Redis, or two.
    Redis {
        /// How it is asked.
        asking: Asking,
        /// What it puts on the disk.
        persistence: Persistence,
        /// Whether there is a second, for which every hold waits.
        replica: bool,
    },
    /// One PostgreSQL.
    Postgres {
        /// How it is asked.
        way: Way,
        /// Whether it flushes before an answer.
        synchronous: bool,
    },
    /// Three members; an acknowledged hold is flushed on two of them at least.
    Etcd(Leases),
    /// A server that does nothing but answer: the ceiling of one-by-one clients on this machine.
    Null,
}

/// How Seatgrid is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Over the SDK's pipelines.
    Pipeline,
    /// The same, with up to so many holds of a trip in a batch.
    Batch(u16),
    /// One plain call for each hold.
    Unary,
}

impl System {
    /// Its name in a table.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Seatgrid { shards: 1, .. } => "Seatgrid, 3 nodes, 1 shard".to_owned(),
            Self::Seatgrid { shards, .. } => format!("Seatgrid, 3 nodes, {shards} shards"),
            Self::Redis { asking, persistence, replica } => {
                let asking = match asking {
                    Asking::Lua => "Lua",
                    Asking::SetNx => "SET NX",
                };
                let kept = match persistence {
                    Persistence::None => "no persistence",
                    Persistence::EverySecond => "AOF everysec",
                    Persistence::Always => "AOF always",
                };
                let wait = if *replica { " + WAIT 1" } else { "" };
                format!("Redis {asking}{wait}, {kept}")
            }
            Self::Postgres { way, synchronous } => {
                let way = match way {
                    Way::ForUpdate => "FOR UPDATE",
                    Way::OneStatement => "one UPDATE",
                };
                let late = if *synchronous { "" } else { ", synchronous_commit off" };
                format!("PostgreSQL, {way}{late}")
            }
            Self::Etcd(Leases::Shared) => "etcd, 3 members, shared lease".to_owned(),
            Self::Etcd(Leases::PerHold) => "etcd, 3 members, lease per hold".to_owned(),
            Self::Null => "null server".to_owned(),
        }
    }

    /// How its callers ask: `pipeline` where many requests follow each other on a connection, `unary` where
    /// each is a call of its own.
    #[must_use]
    pub fn caller(&self) -> &'static str {
        match self {
            Self::Seatgrid { caller: Caller::Unary, .. } | Self::Etcd(_) => "unary",
            Self::Seatgrid { caller: Caller::Batch(_), .. } => "batch",
            Self::Postgres { way: Way::ForUpdate, .. } => "transaction",
            _ => "pipeline",
        }
    }

    /// Whether a connection may have more than one request in flight.
    #[must_use]
    pub fn pipelines(&self) -> bool {
        !matches!(self, Self::Postgres { way: Way::ForUpdate, .. })
    }

    /// What it is started with, a setting a line.
    #[must_use]
    pub fn configuration(&self) -> Vec<String> {
        let lines: &[&str] = match self {
            Self::Seatgrid { caller, reserve_mib, .. } => {
                let asked = match caller {
                    Caller::Pipeline => "the Rust SDK's lanes".to_owned(),
                    Caller::Batch(size) => format!(
                        "the Rust SDK's lanes, {size} holds of a trip in a batch, all or none"
                    ),
                    Caller::Unary => {
                        "a gRPC call for each hold, from a connection to each node, to the \
                                      leader of the trip's shard"
                            .to_owned()
                    }
                };
                return vec![
                    "seatgrid dev: three processes, every hold flushed by two of them".to_owned(),
                    format!("memory.reserve_mib = {reserve_mib}"),
                    asked,
                ];
            }
            Self::Redis { asking, persistence, replica } => {
                let asking = match asking {
                    Asking::Lua => "EVALSHA: EXISTS for every seat, then SET … EX for every seat",
                    Asking::SetNx => {
                        "SET … NX EX for every seat, DEL of what was got where one was taken"
                    }
                };
                let mut lines = vec![asking.to_owned(), persistence.arguments().join(" ")];
                lines.extend(
                    replica.then(|| "one replica; WAIT 1 100 behind every hold".to_owned()),
                );
                return lines;
            }
            Self::Postgres { way, synchronous } => {
                let way = match way {
                    Way::ForUpdate => "BEGIN; SELECT … FOR UPDATE; UPDATE; COMMIT, prepared",
                    Way::OneStatement => "one UPDATE of the free seats, prepared",
                };
                let commit = if *synchronous { "on" } else { "off" };
                return vec![
                    way.to_owned(),
                    format!(
                        "fsync=on synchronous_commit={commit} shared_buffers=1GB fillfactor=70"
                    ),
                ];
            }
            Self::Etcd(_) => {
                &["a transaction for each hold: create_revision = 0, then put with a lease"]
            }
            Self::Null => &["one thread, length-prefixed frames, no decision"],
        };
        lines.iter().map(|line| (*line).to_owned()).collect()
    }
}

/// Connections, and requests in flight on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Connections.
    pub lanes: u32,
    /// Requests in flight on each, at most.
    pub depth: u32,
}

/// What one turn came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Turn {
    /// Answers each second, yes or no.
    pub per_second: f64,
    /// Of all answers so many were a yes.
    pub held: u64,
    /// Requests that the system could not answer.
    pub failed: u64,
    /// The median latency, in microseconds.
    pub p50_us: f64,
    /// The 99th percentile, in microseconds.
    pub p99_us: f64,
    /// The 99.9th percentile, in microseconds.
    pub p999_us: f64,
    /// Processor time of the servers for each answer, in microseconds.
    pub server_us: f64,
    /// Processor time of the client for each answer, in microseconds.
    pub client_us: f64,
    /// Memory of the servers at the end, in bytes.
    pub server_bytes: u64,
    /// The same before anything was on sale.
    #[serde(default)]
    pub empty_bytes: u64,
    /// The same when everything was on sale, and nobody had asked.
    #[serde(default)]
    pub opened_bytes: u64,
    /// What was measured in pieces, where that was asked for.
    #[serde(default)]
    pub slices: Vec<Slice>,
}

/// A piece of a turn.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Slice {
    /// Where it ends, in seconds after the warm-up.
    pub end_s: f64,
    /// Answers each second.
    pub per_second: f64,
    /// The median latency, in microseconds.
    pub p50_us: f64,
    /// The 99th percentile, in microseconds.
    pub p99_us: f64,
    /// Memory of the servers at its end, in bytes.
    pub server_bytes: u64,
    /// What they have on the disk at its end, in bytes.
    pub disk_bytes: u64,
}

/// What something has cost before and after.
type Costs = (Cost, Cost);

/// A system that runs.
enum Running {
    Seatgrid(Box<Seatgrid>, Caller),
    Redis(Redis, Asking, bool),
    Postgres(Postgres, Way),
    Etcd(Etcd, Leases),
    Null(Null),
}

/// A system in a contest.
pub struct Contestant {
    running: Running,
}

impl Contestant {
    /// Starts it. `program`: the binary that has Seatgrid's nodes and the null server.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start(system: System, program: &Path) -> Result<Self, Missing> {
        let running = match system {
            System::Seatgrid { shards, reserve_mib, caller } => {
                let started = Seatgrid::start(program, shards, reserve_mib).await?;
                Running::Seatgrid(Box::new(started), caller)
            }
            System::Redis { asking, persistence, replica } => {
                Running::Redis(Redis::start(persistence, replica).await?, asking, replica)
            }
            System::Postgres { way, synchronous } => {
                Running::Postgres(Postgres::start(synchronous).await?, way)
            }
            System::Etcd(leases) => Running::Etcd(Etcd::start().await?, leases),
            System::Null => Running::Null(Null::start(program).await?),
        };
        Ok(Self { running })
    }

    /// One turn over so many lanes, on a new inventory.
    ///
    /// # Errors
    /// When a connection breaks.
    pub async fn turn(&mut self, lanes: u32, course: Course) -> io::Result<Turn> {
        let workload = match self.running {
            // Where nothing is ever taken there is no end to what can be asked for.
            Running::Null(_) => Workload::hot(course.workload.per_hold),
            Running::Seatgrid(_, Caller::Batch(run)) => Workload { run, ..course.workload },
            _ => course.workload,
        };
        let course = Course { workload, ..course };
        let processes = self.processes();
        let empty = cost::of_trees(&processes);
        match &mut self.running {
            Running::Seatgrid(seatgrid, _) => seatgrid.fill(&workload).await?,
            Running::Redis(redis, ..) => redis.empty().await?,
            Running::Postgres(postgres, _) => postgres.fill(&workload).await?,
            Running::Etcd(etcd, _) => etcd.empty().await?,
            Running::Null(_) => {}
        }
        let asks = course.asks(lanes);
        let (server, client) = (cost::of_trees(&processes), cost::own());
        let watch = course.slice.map(|slice| {
            let intervals = std::iter::once(course.warmup + slice).chain(std::iter::repeat(slice));
            Watch::start(processes.clone(), self.folders(), intervals)
        });
        let measured = self.ask(lanes, &course, asks).await?;
        let spent = (cost::of_trees(&processes), cost::own());
        let samples = watch.map(Watch::end).unwrap_or_default();
        let slices = slices(&course, &measured, &samples);
        let (empty_bytes, opened_bytes) = (empty.resident_bytes, server.resident_bytes);
        let turn = turn(&course, &measured, (server, spent.0), (client, spent.1));
        Ok(Turn { empty_bytes, opened_bytes, slices, ..turn })
    }

    async fn ask(&self, count: u32, course: &Course, asks: Vec<Asks>) -> io::Result<Measured> {
        let depth = course.depth;
        match &self.running {
            Running::Seatgrid(seatgrid, Caller::Pipeline) => {
                course.run_with(seatgrid.lanes(count, depth).await?, asks).await
            }
            Running::Seatgrid(seatgrid, Caller::Batch(size)) => {
                course.run_with(seatgrid.batch_lanes(count, depth, *size).await?, asks).await
            }
            Running::Seatgrid(seatgrid, Caller::Unary) => {
                course.run_with(seatgrid.unary_lanes(count).await?, asks).await
            }
            Running::Redis(redis, asking, wait) => {
                course.run_with(each(count, || redis.lane(*asking, *wait)).await?, asks).await
            }
            Running::Postgres(postgres, way) => {
                course
                    .run_with(each(count, || postgres.lane(*way, &course.workload)).await?, asks)
                    .await
            }
            Running::Etcd(etcd, leases) => {
                course.run_with(each(count, || etcd.lane(*leases)).await?, asks).await
            }
            Running::Null(null) => course.run_with(each(count, || null.lane()).await?, asks).await,
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        match &self.running {
            Running::Seatgrid(seatgrid, _) => seatgrid.folders(),
            Running::Redis(redis, ..) => redis.folders(),
            Running::Postgres(postgres, _) => postgres.folders(),
            Running::Etcd(etcd, _) => etcd.folders(),
            Running::Null(_) => Vec::new(),
        }
    }

    fn processes(&self) -> Vec<u32> {
        match &self.running {
            Running::Seatgrid(seatgrid, _) => seatgrid.processes(),
            Running::Redis(redis, ..) => redis.processes(),
            Running::Postgres(postgres, _) => postgres.processes(),
            Running::Etcd(etcd, _) => etcd.processes(),
            Running::Null(null) => null.processes(),
        }
    }
}

/// So many lanes.
async fn each<L, F: Future<Output = io::Result<L>>>(
    count: u32,
    connect: impl Fn() -> F,
) -> io::Result<Vec<L>> {
    let mut lanes = Vec::new();
    for _ in 0..count {
        lanes.push(connect().await?);
    }
    Ok(lanes)
}

fn turn(course: &Course, measured: &Measured, server: Costs, client: Costs) -> Turn {
    // Time and answers of the warm-up are in neither figure but the processor's: it is spread over them.
    let whole = (measured.time + course.warmup).as_secs_f64() / measured.time.as_secs_f64();
    let answers = measured.answered().max(1) as f64 * whole;
    let each = |(before, after): Costs| {
        after.processor.saturating_sub(before.processor).as_secs_f64() * 1e6 / answers
    };
    let us = |quantile| measured.latency(quantile).as_secs_f64() * 1e6;
    Turn {
        per_second: measured.per_second(),
        held: measured.held,
        failed: measured.failed,
        p50_us: us(0.5),
        p99_us: us(0.99),
        p999_us: us(0.999),
        server_us: each(server),
        client_us: each(client),
        server_bytes: server.1.resident_bytes,
        ..Turn::default()
    }
}

/// The pieces of a course that are whole, with what the servers took at their ends.
fn slices(course: &Course, measured: &Measured, samples: &[Sample]) -> Vec<Slice> {
    let length = course.slice.unwrap_or_default().as_secs_f64();
    let whole = (measured.time.as_secs_f64() / length.max(f64::MIN_POSITIVE) + 0.01) as usize;
    let pairs = (1_u32..).zip(measured.slices.iter().zip(samples)).take(whole);
    let slice = |(number, (slice, sample)): (u32, (&course::Slice, &Sample))| {
        let us = |quantile| slice.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
        Slice {
            end_s: f64::from(number) * length,
            per_second: slice.answered as f64 / length,
            p50_us: us(0.5),
            p99_us: us(0.99),
            server_bytes: sample.resident_bytes,
            disk_bytes: sample.disk_bytes,
        }
    };
    pairs.map(slice).collect()
}
