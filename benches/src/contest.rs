//! Systems beside each other: rounds in which each has its turn, so that what else the machine does meets
//! all of them.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cost::{self, Cost};
use crate::course::{Arrivals, Course, Measured};
use crate::systems::Missing;
use crate::systems::etcd::{Etcd, Leases};
use crate::systems::null::Null;
use crate::systems::postgres::{Postgres, Way};
use crate::systems::redis::{Asking, Persistence, Redis};
use crate::systems::seatgrid::Seatgrid;
use crate::work::Workload;

/// Time at the beginning of a turn that is not measured.
const WARMUP: Duration = Duration::from_millis(300);

/// A system, and how it is asked and keeps what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Three nodes; an acknowledged hold is flushed on two of them at least.
    Seatgrid {
        /// Its shards.
        shards: u32,
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
    /// One plain call for each hold.
    Unary,
}

impl System {
    /// Its name in a table.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
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
            Self::Seatgrid { caller: Caller::Pipeline, .. } => &[
                "seatgrid dev: three processes, every hold flushed by two of them",
                "the Rust SDK's lanes",
            ],
            Self::Seatgrid { caller: Caller::Unary, .. } => &[
                "seatgrid dev: three processes, every hold flushed by two of them",
                "a gRPC call for each hold, from a connection to each node, to the leader of the trip's shard",
            ],
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
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
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
}

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
            System::Seatgrid { shards, caller } => {
                Running::Seatgrid(Box::new(Seatgrid::start(program, shards).await?), caller)
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

    /// One turn, on a new inventory.
    ///
    /// # Errors
    /// When a connection breaks.
    pub async fn turn(
        &mut self,
        workload: Workload,
        (load, arrivals): (Load, Arrivals),
        duration: Duration,
        seed: u64,
    ) -> io::Result<Turn> {
        let depth = load.depth;
        // Where nothing is ever taken there is no end to what can be asked for.
        let workload = match self.running {
            Running::Null(_) => Workload::hot(workload.per_hold),
            _ => workload,
        };
        let course = Course { workload, depth, arrivals, warmup: WARMUP, duration, seed };
        match &mut self.running {
            Running::Seatgrid(seatgrid, _) => seatgrid.fill(&workload).await?,
            Running::Redis(redis, ..) => redis.empty().await?,
            Running::Postgres(postgres, _) => postgres.fill(&workload).await?,
            Running::Etcd(etcd, _) => etcd.empty().await?,
            Running::Null(_) => {}
        }
        let processes = self.processes();
        let (server, client) = (cost::of_trees(&processes), cost::own());
        let count = load.lanes;
        let measured = match &self.running {
            Running::Seatgrid(seatgrid, Caller::Pipeline) => {
                course.run(seatgrid.lanes(count, depth).await?).await?
            }
            Running::Seatgrid(seatgrid, Caller::Unary) => {
                course.run(seatgrid.unary_lanes(count).await?).await?
            }
            Running::Redis(redis, asking, wait) => {
                course.run(each(count, || redis.lane(*asking, *wait)).await?).await?
            }
            Running::Postgres(postgres, way) => {
                course.run(each(count, || postgres.lane(*way, &workload)).await?).await?
            }
            Running::Etcd(etcd, leases) => {
                course.run(each(count, || etcd.lane(*leases)).await?).await?
            }
            Running::Null(null) => course.run(each(count, || null.lane()).await?).await?,
        };
        let spent = (cost::of_trees(&processes), cost::own());
        Ok(turn(&measured, (server, spent.0), (client, spent.1)))
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

fn turn(measured: &Measured, server: (Cost, Cost), client: (Cost, Cost)) -> Turn {
    // Time and answers of the warm-up are in neither figure but the processor's: it is spread over them.
    let whole = (measured.time + WARMUP).as_secs_f64() / measured.time.as_secs_f64();
    let answers = measured.answered().max(1) as f64 * whole;
    let each = |(before, after): (Cost, Cost)| {
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
    }
}
