//! One call of a booking service: attempts with the same id until one is answered, as the SDK makes
//! them, over the simulated network. What an attempt is belongs to the simulation, the rest to the SDK.

use std::sync::Arc;

use actors::ask::{Answer, AnswerSink, Ask, Waiter};
use actors::clock::Clock as _;
use actors::ids::{CommandId, ShardId, TripId};
use actors::seat_map::{Command, CommandBody, Outcome, SeatMap};
use client_sdk::simulation::Failure;
use client_sdk::{Error, Lost};
use node::simulation::{failure_problem, read_problem};
use proto::ring;
use raft::mutant::{Mutant, planted};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::service::{Service, SimNode, hint, patience};
use crate::oracle::Asked;
use crate::sim::chance::Chance;
use crate::sim::network::{CLIENTS, Life};
use crate::sim::node::World;

/// Copies of a request that are sent at once, at most.
pub const MAX_COPIES: u64 = 5;

/// What a call came to.
#[derive(Clone, Debug)]
pub enum Called {
    /// The seat map decided.
    Decided(Outcome),
    /// Nobody can tell whether it happened.
    Unknown,
    /// It did not happen.
    Unavailable,
}

/// One caller of a booking service.
pub struct Client {
    service: Service,
    world: World,
    chance: Chance,
    /// Of a thousand requests so many are sent more than once.
    copied: u64,
}

impl Client {
    /// A caller of a service.
    #[must_use]
    pub fn new(service: Service, world: World, chance: Chance, copied: u64) -> Self {
        Self { service, world, chance, copied }
    }

    /// The client's chance.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    /// The world that it is in.
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Whom the service takes for the leader of a shard, as often as any node.
    pub(super) fn leader_or_any(&mut self, shard: ShardId) -> u64 {
        let any = self.chance.between(1, self.world.nodes);
        if self.chance.per_mille(500) { any } else { self.service.node_for(shard, 0).number }
    }

    /// The shard of a trip.
    #[must_use]
    pub fn shard(&self, trip: &TripId) -> ShardId {
        ring::shard_of(trip, self.world.shards)
    }

    /// A new id.
    pub fn new_id(&mut self) -> CommandId {
        let number = u128::from(self.chance.draw()) << 64 | u128::from(self.chance.draw() | 1);
        CommandId::from_u128(number).expect("the number is odd")
    }

    /// Makes a call with an id that nobody uses again.
    pub async fn call(&mut self, trip: &TripId, body: CommandBody) -> Called {
        let id = self.new_id();
        self.make(trip, Command { id, body }, true).await
    }

    /// Makes a call with an id that was perhaps used before.
    pub async fn call_with(&mut self, trip: &TripId, command: Command) -> Called {
        self.make(trip, command, false).await
    }

    /// Makes a call; `fresh`: with an id that nobody uses for anything else.
    async fn make(&mut self, trip: &TripId, command: Command, fresh: bool) -> Called {
        let shard = self.shard(trip);
        let Self { service, world, chance, copied } = self;
        let asked_us = world.trace.now_us();
        // Whoever sends copies at once says so; whoever sends again, when an answer was lost.
        let asked = Arc::new(world.oracle.asked(trip, Some(command), chance.per_mille(*copied)));
        let deadline = Instant::now() + service.options().deadline;
        let (mut once, mut repeated) = (!asked.resent, false);
        let attempt = |node: Arc<SimNode>, maybe_done| {
            let until = patience(service, deadline);
            let copies = if asked.resent { chance.between(2, MAX_COPIES) } else { 1 };
            let (answers, arriving) = mpsc::channel(2 * MAX_COPIES as usize);
            for copy in 0..copies {
                let any = chance.between(1, world.nodes);
                let request = Request {
                    world: world.clone(),
                    asked: Arc::clone(&asked),
                    resent: asked.resent || maybe_done,
                    shard,
                    node: if copy == 0 { node.number } else { any },
                    answers: answers.clone(),
                };
                let often = request.send(until);
                once &= often <= 1;
                repeated |= often > 1;
            }
            first_answer(node, arriving, copies, until)
        };
        let called = match service.attempts(shard, deadline, attempt).await {
            Ok(outcome) => Called::Decided(outcome),
            Err(Error::Unknown { .. }) => Called::Unknown,
            // Of a copy the SDK knows nothing: it may come later than the answer.
            Err(_) if !once => Called::Unknown,
            Err(_) => Called::Unavailable,
        };
        if let Some(command) = &asked.command {
            // A refusal before the log is not remembered, unless the request says that it comes again: where
            // the network makes a second of one that does not, that may be carried out later.
            let late = repeated && !asked.resent && matches!(called, Called::Decided(Err(_)));
            let told = if late { &Called::Unknown } else { &called };
            world.oracle.called(trip, command, told, (asked_us, fresh));
        }
        called
    }

    /// Reads a trip at its leader, as it stands; gives its version, `None` when nobody can tell.
    pub async fn read(&mut self, trip: &TripId) -> Option<u64> {
        let shard = self.shard(trip);
        let asked = Arc::new(self.world.oracle.asked(trip, None, false));
        let deadline = Instant::now() + self.service.options().deadline;
        let attempt = |node: Arc<SimNode>, _| {
            let (world, asked) = (self.world.clone(), Arc::clone(&asked));
            let until = patience(&self.service, deadline);
            async move {
                let read = tokio::time::timeout_at(until, look(&world, node.number, shard, &asked));
                let read = read.await.unwrap_or(Err(Failure::Lost(Lost::TimedOut)));
                node.note(&read);
                read
            }
        };
        self.service.attempts(shard, deadline, attempt).await.ok()
    }
}

/// Waits for the first answer to some copies that is not a failure, or the last failure.
async fn first_answer(
    node: Arc<SimNode>,
    mut arriving: mpsc::Receiver<Result<Outcome, Failure>>,
    copies: u64,
    until: Instant,
) -> Result<Outcome, Failure> {
    let mut last = None;
    let came = loop {
        match tokio::time::timeout_at(until, arriving.recv()).await {
            Ok(Some(Err(failure))) if copies > 1 => last = Some(failure),
            Ok(Some(came)) => break came,
            Ok(None) => break Err(last.unwrap_or(Failure::Lost(Lost::Broken))),
            Err(_) => break Err(last.unwrap_or(Failure::Lost(Lost::TimedOut))),
        }
    };
    node.note(&came);
    came.map_err(|failure| match failure {
        Failure::Lost(_) if planted(Mutant::TakesLostForUnsent) => Failure::Lost(Lost::NotSent),
        failure => failure,
    })
}

/// One attempt at a read.
async fn look(world: &World, node: u64, shard: ShardId, asked: &Asked) -> Result<u64, Failure> {
    let broken = || Failure::Lost(Lost::Broken);
    let &there = world.network.send(CLIENTS, node).first().ok_or_else(broken)?;
    tokio::time::sleep_until(there).await;
    world.network.awake(node).await;
    let (life, shown) = world.network.at(node).ok_or(Failure::Lost(Lost::NotSent))?;
    let handle = &shown.shards[shard.get() as usize];
    let look = |map: &SeatMap| (map.position(), map.version(), map.digest());
    let read = handle.read(asked.trip.clone(), false, look).await;
    world.network.awake(node).await;
    if !life.goes_on() {
        return Err(broken());
    }
    let &back = world.network.send(node, CLIENTS).first().ok_or_else(broken)?;
    tokio::time::sleep_until(back).await;
    let hint = |leader| hint(shard.get(), leader);
    let (position, version, digest) = read.map_err(|failure| read_problem(failure, hint))?;
    world.oracle.read(shard, asked, position, digest);
    Ok(version)
}

/// A copy of a request on its way.
#[derive(Clone)]
struct Request {
    world: World,
    asked: Arc<Asked>,
    resent: bool,
    shard: ShardId,
    node: u64,
    answers: mpsc::Sender<Result<Outcome, Failure>>,
}

impl Request {
    /// Sends it; says how often it arrives.
    fn send(self, until: Instant) -> usize {
        let arrivals = self.world.network.send(CLIENTS, self.node);
        let often = arrivals.len();
        for at in arrivals {
            tokio::spawn(self.clone().arrive(at, until));
        }
        often
    }

    async fn arrive(self, at: Instant, until: Instant) {
        tokio::time::sleep_until(at).await;
        self.world.network.awake(self.node).await;
        let Some(command) = self.asked.command.clone() else { return };
        let Some((life, shown)) = self.world.network.at(self.node) else {
            // The machine says that nobody listens. When the queue is full, there are other answers.
            let _ = self.answers.try_send(Err(Failure::Lost(Lost::NotSent)));
            return;
        };
        let handle = shown.shards[self.shard.get() as usize].clone();
        let (trip, resent) = (self.asked.trip.clone(), self.resent);
        let (left, clock) = (until.saturating_duration_since(Instant::now()), &shown.clock);
        let wanted_until_ms = clock.monotonic_ms() + left.as_millis() as u64;
        let sink = Arc::new(Reply { request: self, life });
        let waiter = Waiter { sink, tag: 0 };
        handle.admit(vec![Ask { trip, command, waiter, resent, wanted_until_ms }]);
    }
}

/// Takes the answer of one copy back to the client.
struct Reply {
    request: Request,
    life: Life,
}

impl AnswerSink for Reply {
    fn answer(&self, _tag: u32, answer: Answer) {
        if !self.life.goes_on() {
            return;
        }
        let Request { world, asked, shard, node, answers, .. } = &self.request;
        let (world, asked, answers) = (world.clone(), asked.clone(), answers.clone());
        let (shard, node, life) = (*shard, *node, self.life.clone());
        tokio::spawn(async move {
            world.network.awake(node).await;
            if !life.goes_on() {
                return;
            }
            for at in world.network.send(node, CLIENTS) {
                let (oracle, asked, answers) =
                    (world.oracle.clone(), asked.clone(), answers.clone());
                let answer = answer.clone();
                tokio::spawn(async move {
                    tokio::time::sleep_until(at).await;
                    oracle.answered(shard, &asked, &answer);
                    let came = match answer {
                        Answer::Decided { outcome, .. } => Ok(outcome),
                        Answer::Failed(failure) => {
                            let hint = |leader| hint(shard.get(), leader);
                            Err(Failure::from(failure_problem(failure, hint)))
                        }
                    };
                    // Whoever has another answer does not wait for this one.
                    let _ = answers.try_send(came);
                });
            }
        });
    }
}
