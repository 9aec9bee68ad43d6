//! One call of a booking service: attempts with the same id until one is answered, as the SDK makes
//! them, over the simulated network.

use std::sync::Arc;
use std::time::Duration;

use actors::ask::{Answer, AnswerSink, Ask, Failure, Waiter};
use actors::clock::Clock as _;
use actors::ids::{CommandId, ShardId, TripId};
use actors::limits::OVERLOAD_RETRY_MS;
use actors::seat_map::{Command, CommandBody, Outcome};
use actors::shard::ReadFailure;
use proto::ring;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::oracle::Asked;
use crate::sim::chance::Chance;
use crate::sim::network::{CLIENTS, Life};
use crate::sim::node::World;

/// How long a call may take, as the SDK's default.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long one attempt may take, as the SDK's default.
const ATTEMPT: Duration = Duration::from_secs(1);

/// The first ceiling of the pause between attempts, in milliseconds, as the SDK's default.
const BACKOFF_BASE_MS: u64 = 10;

/// Its highest ceiling, in milliseconds, as the SDK's default.
const BACKOFF_CAP_MS: u64 = 250;

/// Times that one call follows a leader hint at once.
const MAX_REDIRECTS: u32 = 4;

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

/// One client of the cluster.
pub struct Client {
    world: World,
    chance: Chance,
    /// Whom it takes for the leader of each shard.
    leaders: Vec<u64>,
    /// Of a thousand requests so many are sent more than once.
    copied: u64,
}

impl Client {
    /// A client that knows no leader yet.
    #[must_use]
    pub fn new(world: World, mut chance: Chance, copied: u64) -> Self {
        let leaders = (0..world.shards).map(|_| chance.between(1, world.nodes)).collect();
        Self { world, chance, leaders, copied }
    }

    /// The client's chance.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    /// The world that it is in.
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Whom it takes for the leader of a shard, as often as any node.
    pub(super) fn leader_or_any(&mut self, shard: ShardId) -> u64 {
        let any = self.chance.between(1, self.world.nodes);
        if self.chance.per_mille(500) { any } else { self.leaders[shard.get() as usize] }
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

    /// Makes a call with a new id.
    pub async fn call(&mut self, trip: &TripId, body: CommandBody) -> (CommandId, Called) {
        let id = self.new_id();
        (id, self.call_with(trip, Command { id, body }).await)
    }

    /// Makes a call.
    pub async fn call_with(&mut self, trip: &TripId, command: Command) -> Called {
        let shard = self.shard(trip);
        // Whoever sends copies at once says so; whoever sends again, when an answer was lost.
        let copies = self.chance.per_mille(self.copied);
        let asked = Arc::new(self.world.oracle.asked(trip, Some(command), copies));
        let deadline = Instant::now() + DEADLINE;
        let (mut redirects, mut ceiling_ms, mut maybe_done) = (0, BACKOFF_BASE_MS, false);
        loop {
            let until = deadline.min(Instant::now() + ATTEMPT);
            let answer = self.attempt(shard, &asked, maybe_done, until).await;
            let mut pause_ms = 0;
            match answer {
                Some(Answer::Decided { outcome, .. }) => return Called::Decided(outcome),
                Some(Answer::Failed(failure)) => match failure {
                    Failure::NotLeader { leader: Some(leader) } => {
                        let is_news = self.leaders[shard.get() as usize] != leader;
                        self.leaders[shard.get() as usize] = leader;
                        if is_news && redirects < MAX_REDIRECTS {
                            redirects += 1;
                            continue;
                        }
                        if !is_news {
                            self.turn_to_another(shard);
                        }
                    }
                    Failure::NotLeader { leader: None } | Failure::Stopped => {
                        self.turn_to_another(shard);
                    }
                    Failure::Overloaded => pause_ms = OVERLOAD_RETRY_MS,
                    Failure::Unknown | Failure::Late => maybe_done = true,
                    Failure::Fenced | Failure::TooLarge => return Called::Unavailable,
                },
                None => {
                    maybe_done = true;
                    self.turn_to_another(shard);
                }
            }
            pause_ms += self.chance.between(0, ceiling_ms);
            ceiling_ms = (ceiling_ms * 2).min(BACKOFF_CAP_MS);
            let wake = Instant::now() + Duration::from_millis(pause_ms);
            if wake >= deadline {
                return if maybe_done { Called::Unknown } else { Called::Unavailable };
            }
            tokio::time::sleep_until(wake).await;
        }
    }

    fn turn_to_another(&mut self, shard: ShardId) {
        let leader = &mut self.leaders[shard.get() as usize];
        *leader = *leader % self.world.nodes + 1;
    }

    /// Sends a request, perhaps more than once and to more than one node, and waits for the first
    /// answer that is not a failure, or the last failure.
    async fn attempt(
        &mut self,
        shard: ShardId,
        asked: &Arc<Asked>,
        maybe_done: bool,
        until: Instant,
    ) -> Option<Answer> {
        let (answers, mut arriving) = mpsc::channel(2 * MAX_COPIES as usize);
        let copies = if asked.resent { self.chance.between(2, MAX_COPIES) } else { 1 };
        for copy in 0..copies {
            let leader = self.leaders[shard.get() as usize];
            let any = self.chance.between(1, self.world.nodes);
            let node = if copy == 0 { leader } else { any };
            for at in self.world.network.send(CLIENTS, node) {
                let request = Request {
                    world: self.world.clone(),
                    asked: Arc::clone(asked),
                    resent: asked.resent || maybe_done,
                    shard,
                    node,
                    answers: answers.clone(),
                };
                tokio::spawn(request.arrive(at, until));
            }
        }
        drop(answers);
        let mut last = None;
        loop {
            match tokio::time::timeout_at(until, arriving.recv()).await {
                Ok(Some(answer @ Answer::Decided { .. })) => return Some(answer),
                Ok(Some(failure)) => {
                    let ends = copies == 1;
                    last = Some(failure);
                    if ends {
                        return last;
                    }
                }
                Ok(None) | Err(_) => return last,
            }
        }
    }

    /// Reads a trip at its leader, as it stands; `None` when nobody can tell now.
    pub async fn read(&mut self, trip: &TripId) -> Option<u64> {
        let shard = self.shard(trip);
        let node = self.leaders[shard.get() as usize];
        let asked = self.world.oracle.asked(trip, None, false);
        let &there = self.world.network.send(CLIENTS, node).first()?;
        tokio::time::sleep_until(there).await;
        self.world.network.awake(node).await;
        let (life, shown) = self.world.network.at(node)?;
        let handle = &shown.shards[shard.get() as usize];
        let look = |map: &actors::seat_map::SeatMap| (map.position(), map.version(), map.digest());
        let read =
            tokio::time::timeout(ATTEMPT, handle.read(trip.clone(), false, look)).await.ok()?;
        self.world.network.awake(node).await;
        if !life.goes_on() {
            return None;
        }
        let &back = self.world.network.send(node, CLIENTS).first()?;
        tokio::time::sleep_until(back).await;
        match read {
            Ok((position, version, digest)) => {
                self.world.oracle.read(shard, &asked, position, digest);
                Some(version)
            }
            Err(ReadFailure::NotLeader { leader: Some(leader), leads: false }) => {
                self.leaders[shard.get() as usize] = leader;
                None
            }
            Err(ReadFailure::NotLeader { leads: true, .. }) => None,
            Err(_) => {
                self.turn_to_another(shard);
                None
            }
        }
    }
}

/// A copy of a request on its way.
struct Request {
    world: World,
    asked: Arc<Asked>,
    resent: bool,
    shard: ShardId,
    node: u64,
    answers: mpsc::Sender<Answer>,
}

impl Request {
    async fn arrive(self, at: Instant, until: Instant) {
        tokio::time::sleep_until(at).await;
        self.world.network.awake(self.node).await;
        let (Some((life, shown)), Some(command)) =
            (self.world.network.at(self.node), self.asked.command.clone())
        else {
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
                    // Whoever has another answer does not wait for this one.
                    let _ = answers.try_send(answer);
                });
            }
        });
    }
}
