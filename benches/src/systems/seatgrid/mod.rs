//! Seatgrid: three nodes as processes, asked over the SDK's pipelines, or one call at a time as a service
//! in another language would.

mod batch;
mod pipeline;
mod unary;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use client_sdk::ids::{HoldId, TripId};
use client_sdk::pb::pipeline_command::Command as Wire;
use client_sdk::pb::pipeline_reply::Reply;
use client_sdk::pb::{self, Code, ConfirmRequest, HoldRequest, Legs, ReleaseRequest};
use client_sdk::{Client, OpenTrip, Options, new_command_id};
use futures::{StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;

use self::batch::BatchLane;
use self::pipeline::PipelineLane;
use self::unary::UnaryLane;
use super::Missing;
use super::server::{START_TIMEOUT, Server, free_ports};
use crate::lane::Answer;
use crate::work::{Ask, Step, Workload};

/// Ports that a cluster takes: for clients, for peers and for its admins, a hundred apart.
const PORTS: [u16; 9] = [0, 1, 2, 100, 101, 102, 200, 201, 202];

/// Trips that are opened at a time.
const OPENING: usize = 64;

/// How long a command may wait for its answer before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Commands in flight on a pipeline, at least.
const MIN_WINDOW: usize = 64;

/// Three nodes that run.
#[derive(Debug)]
pub struct Seatgrid {
    server: Server,
    endpoints: Vec<String>,
    client: Client,
    /// Inventories that were opened: each has trips of its own.
    epoch: u32,
    folder: TempDir,
}

impl Seatgrid {
    /// Starts three nodes of a program on ports and in a folder of their own. Each takes so much memory at
    /// once, in MiB.
    ///
    /// # Errors
    /// When they do not start.
    pub async fn start(program: &Path, shards: u32, reserve_mib: u32) -> Result<Self, Missing> {
        Self::try_start(program, shards, reserve_mib)
            .await
            .map_err(|why| Missing::NotStarted { program: "seatgrid", why })
    }

    async fn try_start(program: &Path, shards: u32, reserve_mib: u32) -> io::Result<Self> {
        let (folder, first) = (tempfile::tempdir()?, free_ports(&PORTS)?);
        let mut command = Command::new(program);
        command.args(["dev", "--no-samples", "--no-restart", "--dir", "data", "--port"]);
        command.arg(first.to_string()).args(["--shards", &shards.to_string()]);
        command.args(["--reserve-mib", &reserve_mib.to_string()]);
        let server = Server::start(&mut command, folder.path())?;
        let endpoints: Vec<String> =
            (first..first + 3).map(|port| format!("http://127.0.0.1:{port}")).collect();
        let options = Options::default().deadline(START_TIMEOUT);
        let client = Client::connect(&endpoints, options).await.map_err(io::Error::other)?;
        Ok(Self { server, endpoints, client, epoch: 0, folder })
    }

    /// Its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    /// Where its data lie.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        vec![self.folder.path().to_owned()]
    }

    /// Opens new trips, which are asked for from now on.
    ///
    /// # Errors
    /// When one is not opened.
    pub async fn fill(&mut self, workload: &Workload) -> io::Result<()> {
        self.epoch += 1;
        let layout = layout(workload.seats);
        let stops: Vec<String> = (0..=workload.legs).map(|stop| stop.to_string()).collect();
        let open = |number: u32| {
            let (client, layout, stops) = (self.client.clone(), layout.clone(), stops.clone());
            let trip = trip(self.epoch, number);
            async move {
                let request = OpenTrip::with_wire_layout(&trip, layout).stop_names(stops);
                client.open_trip(request).await.map(drop).map_err(io::Error::other)
            }
        };
        let opened = futures::stream::iter((0..workload.trips).map(open));
        opened.buffer_unordered(OPENING).try_collect().await
    }

    /// Lanes of the SDK with so many requests in flight on each, over a client of their own.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn lanes(&self, count: u32, depth: u32) -> io::Result<Vec<PipelineLane>> {
        let client = self.client_for(count, depth).await?;
        Ok((0..count).map(|_| PipelineLane::new(&client, self.epoch, depth)).collect())
    }

    /// The same, which put up to `size` requests about one trip into a batch.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn batch_lanes(
        &self,
        count: u32,
        depth: u32,
        size: u16,
    ) -> io::Result<Vec<BatchLane>> {
        let client = self.client_for(count, depth).await?;
        Ok((0..count).map(|_| BatchLane::new(&client, self.epoch, depth, size)).collect())
    }

    /// A client whose pipelines all lanes share, as a service's callers do.
    async fn client_for(&self, count: u32, depth: u32) -> io::Result<Client> {
        let window = count as usize * depth as usize;
        let options = Options { window: window.max(MIN_WINDOW), ..Options::default() };
        Client::connect(&self.endpoints, options).await.map_err(io::Error::other)
    }

    /// Lanes of plain calls: each has connections of its own to every node.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn unary_lanes(&self, count: u32) -> io::Result<Vec<UnaryLane>> {
        let mut lanes = Vec::new();
        for _ in 0..count {
            lanes.push(UnaryLane::connect(&self.client, &self.endpoints[0], self.epoch).await?);
        }
        Ok(lanes)
    }
}

/// What is asked of a cluster.
#[derive(Clone, Debug)]
enum Request {
    Hold(HoldRequest),
    Confirm(ConfirmRequest),
    Release(ReleaseRequest),
}

impl Request {
    /// As the pipelines take it.
    fn into_wire(self) -> Wire {
        match self {
            Self::Hold(hold) => Wire::Hold(hold),
            Self::Confirm(confirm) => Wire::Confirm(confirm),
            Self::Release(release) => Wire::Release(release),
        }
    }
}

/// What came of a request; none where it has to be asked again.
fn answer(reply: &Reply) -> Option<Answer> {
    match reply {
        Reply::Held(_) => Some(Answer::Held),
        Reply::Confirmed(_) | Reply::Released(_) => Some(Answer::Ended),
        Reply::Problem(problem) if problem.code() == Code::SeatTaken => Some(Answer::Taken),
        _ => None,
    }
}

/// Makes the request for what is asked; what ends a hold names its `hold`.
fn request(epoch: u32, ask: &Ask, hold: HoldId) -> (TripId, Request) {
    let trip = trip(epoch, ask.trip);
    let trip_id = trip.as_str().to_owned();
    let hold_id = Bytes::copy_from_slice(hold.as_bytes());
    let command_id = || Bytes::copy_from_slice(new_command_id().as_bytes());
    let request = match ask.step {
        Step::Hold => Request::Hold(HoldRequest {
            trip_id,
            hold_id,
            buyer_id: ask.buyer.to_string(),
            seat_numbers: ask.seats().collect(),
            legs: ask.legs().map(|legs| Legs {
                from: u32::from(*legs.start()),
                to: u32::from(*legs.end()) + 1,
            }),
            ttl_ms: u64::from(ask.ttl_s) * 1_000,
            ..Default::default()
        }),
        Step::Confirm => Request::Confirm(ConfirmRequest {
            trip_id,
            hold_id,
            command_id: command_id(),
            ..Default::default()
        }),
        Step::Release => {
            Request::Release(ReleaseRequest { trip_id, hold_id, command_id: command_id() })
        }
    };
    (trip, request)
}

fn trip(epoch: u32, number: u32) -> TripId {
    let mut name = String::new();
    trip_name(epoch, number, &mut name);
    TripId::new(&name).expect("a short word is a trip id")
}

fn trip_name(epoch: u32, number: u32, into: &mut String) {
    write!(into, "bench-{epoch}-{number}").expect("a string takes everything");
}

fn layout(seats: u32) -> pb::Layout {
    const ABREAST: u32 = 4;
    let place = |n: u32| pb::Place { seat: (n + 1).to_string(), ..Default::default() };
    let row = |first: u32| pb::Row {
        deck: 0,
        places: (first..seats.min(first + ABREAST)).map(place).collect(),
    };
    pb::Layout {
        name: "bench".to_owned(),
        zones: vec![pb::Zone { name: "seats".to_owned(), general_admission_capacity: None }],
        rows: (0..seats).step_by(ABREAST as usize).map(row).collect(),
    }
}
