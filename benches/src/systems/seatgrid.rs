//! Seatgrid: three nodes as processes, asked over the SDK's pipelines.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use client_sdk::ids::TripId;
use client_sdk::pb::pipeline_command::Command as Wire;
use client_sdk::pb::pipeline_reply::Reply;
use client_sdk::pb::{self, Code, HoldRequest};
use client_sdk::{Client, Completion, OpenTrip, Options, new_hold_id};
use futures::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;

use super::Missing;
use super::server::{START_TIMEOUT, Server};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, TTL_S, Workload};

/// Ports that a cluster takes: for clients, for peers and for its admins, a hundred apart.
const PORTS: [u16; 9] = [0, 1, 2, 100, 101, 102, 200, 201, 202];

/// Trips that are opened at a time.
const OPENING: usize = 64;

/// Commands in flight on a pipeline, at least.
const MIN_WINDOW: usize = 64;

/// How long a command may wait for its answer before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Three nodes that run.
#[derive(Debug)]
pub struct Seatgrid {
    server: Server,
    endpoints: Vec<String>,
    client: Client,
    /// Inventories that were opened: each has trips of its own.
    epoch: u32,
    _folder: TempDir,
}

impl Seatgrid {
    /// Starts three nodes of a program on ports and in a folder of their own.
    ///
    /// # Errors
    /// When they do not start.
    pub async fn start(program: &Path, shards: u32) -> Result<Self, Missing> {
        Self::try_start(program, shards)
            .await
            .map_err(|why| Missing::NotStarted { program: "seatgrid", why })
    }

    async fn try_start(program: &Path, shards: u32) -> io::Result<Self> {
        let (folder, first) = (tempfile::tempdir()?, free_ports()?);
        let mut command = Command::new(program);
        command.args(["dev", "--no-samples", "--no-restart", "--dir", "data", "--port"]);
        command.arg(first.to_string()).args(["--shards", &shards.to_string()]);
        let server = Server::start(&mut command, folder.path())?;
        let endpoints: Vec<String> =
            (first..first + 3).map(|port| format!("http://127.0.0.1:{port}")).collect();
        let options = Options::default().deadline(START_TIMEOUT);
        let client = Client::connect(&endpoints, options).await.map_err(io::Error::other)?;
        Ok(Self { server, endpoints, client, epoch: 0, _folder: folder })
    }

    /// Its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    /// Opens new trips, which are asked for from now on.
    ///
    /// # Errors
    /// When one is not opened.
    pub async fn fill(&mut self, workload: &Workload) -> io::Result<()> {
        self.epoch += 1;
        let layout = layout(workload.seats);
        let open = |number: u32| {
            let (client, layout) = (self.client.clone(), layout.clone());
            let trip = trip(self.epoch, number);
            async move {
                let request = OpenTrip::with_wire_layout(&trip, layout);
                client.open_trip(request).await.map(drop).map_err(io::Error::other)
            }
        };
        let opened = futures::stream::iter((0..workload.trips).map(open));
        opened.buffer_unordered(OPENING).try_collect().await
    }

    /// Connections with so many requests in flight on each: as many lanes, over a client of their own.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn lanes(&self, count: u32, depth: u32) -> io::Result<Vec<SeatgridLane>> {
        // All lanes share the client's pipelines, as a service's callers do.
        let window = count as usize * depth as usize;
        let options = Options { window: window.max(MIN_WINDOW), ..Options::default() };
        let client = Client::connect(&self.endpoints, options).await.map_err(io::Error::other)?;
        Ok((0..count)
            .map(|_| SeatgridLane {
                lane: client.lane(),
                client: client.clone(),
                epoch: self.epoch,
                flying: (0..depth).map(|_| None).collect(),
                waiting: Vec::new(),
                done: Vec::new(),
            })
            .collect())
    }
}

fn trip(epoch: u32, number: u32) -> TripId {
    TripId::new(&format!("bench-{epoch}-{number}")).expect("a short word is a trip id")
}

fn layout(seats: u16) -> pb::Layout {
    const ABREAST: u16 = 4;
    let place = |n: u16| pb::Place { seat: (n + 1).to_string(), ..Default::default() };
    let row = |first: u16| pb::Row {
        deck: 0,
        places: (first..seats.min(first + ABREAST)).map(place).collect(),
    };
    pb::Layout {
        name: "bench".to_owned(),
        zones: vec![pb::Zone { name: "seats".to_owned(), general_admission_capacity: None }],
        rows: (0..seats).step_by(ABREAST.into()).map(row).collect(),
    }
}

/// A first port of a cluster's.
fn free_ports() -> io::Result<u16> {
    for first in (21_000..60_000).step_by(300) {
        let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if PORTS.iter().all(|offset| is_free(first + offset)) {
            return Ok(first);
        }
    }
    Err(io::Error::other("no nine ports are free"))
}

/// A lane of the SDK.
pub struct SeatgridLane {
    lane: client_sdk::Lane,
    client: Client,
    epoch: u32,
    /// What is asked under each token, and since when: it is asked again with the same id.
    flying: Vec<Option<(Wire, TripId, Instant)>>,
    waiting: Vec<u32>,
    done: Vec<Completion>,
}

impl Lane for SeatgridLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let trip = trip(self.epoch, ask.trip);
        let request = HoldRequest {
            trip_id: trip.as_str().to_owned(),
            hold_id: new_hold_id().as_bytes().to_vec().into(),
            buyer_id: ask.buyer.to_string(),
            seat_numbers: ask.seats().map(u32::from).collect(),
            ttl_ms: TTL_S * 1_000,
            ..Default::default()
        };
        self.flying[token as usize] = Some((Wire::Hold(request), trip, Instant::now()));
        self.waiting.push(token);
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        let before = into.len();
        while into.len() == before {
            for token in std::mem::take(&mut self.waiting) {
                let Some((command, trip, _)) = &self.flying[token as usize] else { continue };
                let shard = self.client.shard_of(trip);
                self.lane.submit(shard, command, token.into()).await;
            }
            self.lane.completed(&mut self.done).await;
            for completion in std::mem::take(&mut self.done) {
                self.take(&completion, into);
            }
        }
        Ok(())
    }
}

impl SeatgridLane {
    fn take(&mut self, completion: &Completion, into: &mut Vec<(u32, Answer)>) {
        let token = completion.token as u32;
        let answer = match &completion.outcome {
            Ok(Reply::Held(_)) => Answer::Held,
            Ok(Reply::Problem(problem)) if problem.code() == Code::SeatTaken => Answer::Taken,
            _ => {
                let since = self.flying[token as usize].as_ref().map(|(_, _, since)| *since);
                if since.is_some_and(|since| since.elapsed() < PATIENCE) {
                    return self.waiting.push(token);
                }
                Answer::Failed
            }
        };
        self.flying[token as usize] = None;
        into.push((token, answer));
    }
}
