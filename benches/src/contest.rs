//! Systems beside each other: rounds in which each has its turn, so that what else the machine does meets
//! all of them.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::cost::{self, Cost};
use crate::course::{Arrivals, Course, Measured};
use crate::systems::Missing;
use crate::systems::postgres::{Postgres, Way};
use crate::systems::redis::{Persistence, Redis};
use crate::systems::seatgrid::Seatgrid;
use crate::work::Workload;

/// Time at the beginning of a turn that is not measured.
const WARMUP: Duration = Duration::from_millis(300);

/// A system, and how it keeps what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Three nodes; an acknowledged hold is flushed on two of them at least.
    Seatgrid {
        /// Its shards.
        shards: u32,
    },
    /// One Redis, or two where holds wait for the replica: then the flag is set.
    Redis(Persistence, bool),
    /// One PostgreSQL that flushes before an answer.
    Postgres(Way),
}

impl System {
    /// Its name in a table.
    #[must_use]
    pub fn name(&self) -> String {
        let persistence = |persistence: &Persistence| match persistence {
            Persistence::None => "no persistence",
            Persistence::EverySecond => "AOF everysec",
            Persistence::Always => "AOF always",
        };
        match self {
            Self::Seatgrid { shards } => format!("Seatgrid, 3 nodes, {shards} shards"),
            Self::Redis(kept, false) => format!("Redis Lua, {}", persistence(kept)),
            Self::Redis(kept, true) => format!("Redis Lua + WAIT 1, {}", persistence(kept)),
            Self::Postgres(Way::ForUpdate) => "PostgreSQL, FOR UPDATE".to_owned(),
            Self::Postgres(Way::OneStatement) => "PostgreSQL, one UPDATE".to_owned(),
        }
    }

    /// Whether a connection may have more than one request in flight.
    #[must_use]
    pub fn pipelines(&self) -> bool {
        *self != Self::Postgres(Way::ForUpdate)
    }
}

/// Connections, and requests in flight on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Connections.
    pub lanes: u32,
    /// Requests in flight on each, at most.
    pub depth: u32,
}

/// What one turn came to.
#[derive(Clone, Copy, Debug, Serialize)]
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
    Seatgrid(Seatgrid),
    Redis(Redis, bool),
    Postgres(Postgres, Way),
}

/// A system in a contest.
pub struct Contestant {
    running: Running,
}

impl Contestant {
    /// Starts it. `program`: the binary that has Seatgrid's nodes.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start(system: System, program: &Path) -> Result<Self, Missing> {
        let running = match system {
            System::Seatgrid { shards } => {
                Running::Seatgrid(Seatgrid::start(program, shards).await?)
            }
            System::Redis(persistence, wait) => {
                Running::Redis(Redis::start(persistence, wait).await?, wait)
            }
            System::Postgres(way) => Running::Postgres(Postgres::start(true).await?, way),
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
        load: Load,
        duration: Duration,
        seed: u64,
    ) -> io::Result<Turn> {
        let course = Course {
            workload,
            depth: load.depth,
            arrivals: Arrivals::Closed,
            warmup: WARMUP,
            duration,
            seed,
        };
        match &mut self.running {
            Running::Seatgrid(seatgrid) => seatgrid.fill(&workload).await?,
            Running::Redis(redis, _) => redis.empty().await?,
            Running::Postgres(postgres, _) => postgres.fill(&workload).await?,
        }
        let processes = self.processes();
        let (server, client) = (cost::of_trees(&processes), cost::own());
        let measured = match &self.running {
            Running::Seatgrid(seatgrid) => {
                course.run(seatgrid.lanes(load.lanes, load.depth).await?).await?
            }
            Running::Redis(redis, wait) => {
                let mut lanes = Vec::new();
                for _ in 0..load.lanes {
                    lanes.push(redis.lane(*wait).await?);
                }
                course.run(lanes).await?
            }
            Running::Postgres(postgres, way) => {
                let mut lanes = Vec::new();
                for _ in 0..load.lanes {
                    lanes.push(postgres.lane(*way, workload.per_hold).await?);
                }
                course.run(lanes).await?
            }
        };
        let spent = (cost::of_trees(&processes), cost::own());
        Ok(turn(&measured, (server, spent.0), (client, spent.1)))
    }

    fn processes(&self) -> Vec<u32> {
        match &self.running {
            Running::Seatgrid(seatgrid) => seatgrid.processes(),
            Running::Redis(redis, _) => redis.processes(),
            Running::Postgres(postgres, _) => postgres.processes(),
        }
    }
}

fn turn(measured: &Measured, server: (Cost, Cost), client: (Cost, Cost)) -> Turn {
    // Time and answers of the warm-up are in neither figure but the processor's: it is spread over them.
    let whole = (measured.time + WARMUP).as_secs_f64() / measured.time.as_secs_f64();
    let answers = (measured.held + measured.taken).max(1) as f64 * whole;
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
