//! How the node talks to a shard.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor as _, ActorCell, ActorRef, SpawnErr};
use raft::ShardLog;
use raft::snapshot::ShardSnapshots;
use tokio::sync::{mpsc, oneshot};

use super::{Counts, Mailbox, Page, ShardActor, ShardArgs, ShardMessage};
use crate::ask::{Answer, Ask, Failure};
use crate::audit::Audit;
use crate::clock::Clock;
use crate::ids::{ShardId, TripId};
use crate::limits::{TICK_MS, WATCH_QUEUE};
use crate::machine::ShardMachine;
use crate::measures::Measures;
use crate::seat_map::SeatMap;
use crate::watch::WatchEvent;

/// Why a trip could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFailure {
    /// The replica may not answer from memory: it follows, or its lease is not confirmed.
    NotLeader {
        /// The leader, where known.
        leader: Option<u64>,
        /// This replica leads, but must not answer just now.
        leads: bool,
    },
    /// There is no such trip.
    NotFound,
    /// A defect was found in the trip.
    Fenced,
    /// Its record is damaged.
    Damaged(String),
    /// The trip has as many watchers as are allowed.
    TooManyWatchers,
    /// The replica has stopped.
    Stopped,
}

/// What a shard is started with.
pub struct ShardSettings {
    /// Its number.
    pub shard: ShardId,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// The records of passive trips.
    pub snapshots: ShardSnapshots,
    /// A number that no other start of a replica of this shard has.
    pub first_proposal: u64,
    /// A trip that has no turn for so long leaves the memory.
    pub passivate_after: Duration,
}

/// A shard's actor, seen from outside. Clones are cheap.
#[derive(Clone)]
pub struct ShardHandle {
    shard: ShardId,
    actor: ActorRef<ShardMessage>,
    mailbox: Arc<Mailbox>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for ShardHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardHandle({})", self.shard)
    }
}

impl ShardHandle {
    /// Starts the actor of a shard under a supervisor.
    ///
    /// # Errors
    /// When the supervisor has stopped.
    pub async fn spawn(settings: ShardSettings, supervisor: ActorCell) -> Result<Self, SpawnErr> {
        let mailbox = Arc::new(Mailbox::default());
        let ticks = settings.passivate_after.as_millis() / u128::from(TICK_MS);
        let args = ShardArgs {
            shard: settings.shard,
            clock: Arc::clone(&settings.clock),
            snapshots: settings.snapshots,
            first_proposal: settings.first_proposal,
            passivate_after_ticks: u64::try_from(ticks).unwrap_or(u64::MAX),
            mailbox: Arc::clone(&mailbox),
        };
        let (actor, _) = ShardActor::spawn_linked(None, ShardActor, args, supervisor).await?;
        actor.send_interval(Duration::from_millis(TICK_MS), || ShardMessage::Tick);
        Ok(Self { shard: settings.shard, actor, mailbox, clock: settings.clock })
    }

    /// The shard's number.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The machine that its replica drives.
    #[must_use]
    pub fn machine(&self) -> ShardMachine {
        ShardMachine::new(self.actor.clone())
    }

    /// Gives the actor its log, once the replica runs.
    pub fn attach(&self, log: Arc<dyn ShardLog>) {
        self.tell(ShardMessage::Attach(log));
    }

    /// Hands commands over. Every one of them is answered, here or later.
    pub fn admit(&self, asks: Vec<Ask>) {
        let count = asks.len();
        if !self.mailbox.enter(count) {
            return refuse(asks, Failure::Overloaded);
        }
        let message = ShardMessage::Admit(asks, self.clock.monotonic_ms());
        if let Err(stopped) = self.actor.cast(message) {
            self.mailbox.leave(count);
            if let ractor::MessagingErr::SendErr(ShardMessage::Admit(asks, _)) = stopped {
                refuse(asks, Failure::Stopped);
            }
        }
    }

    /// Looks at a trip. `stale`: as this replica has it, however old; else as the leader has it now.
    ///
    /// # Errors
    /// See [`ReadFailure`].
    pub async fn read<T: Send + 'static>(
        &self,
        trip: TripId,
        stale: bool,
        look: impl FnOnce(&SeatMap) -> T + Send + 'static,
    ) -> Result<T, ReadFailure> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move |map: Result<&SeatMap, ReadFailure>| {
            drop(reply.send(map.map(look)));
        });
        self.tell(ShardMessage::Read { trip, stale, job });
        answer.await.unwrap_or(Err(ReadFailure::Stopped))
    }

    /// Trips after an id, in order.
    pub async fn list(&self, after: String, prefix: String, limit: usize) -> Page {
        self.ask(|reply| ShardMessage::List { after, prefix, limit, reply })
            .await
            .unwrap_or_default()
    }

    /// Watches a trip on this replica from the version that the watcher has.
    ///
    /// # Errors
    /// See [`ReadFailure`].
    pub async fn watch(
        &self,
        trip: TripId,
        has: Option<u64>,
    ) -> Result<mpsc::Receiver<WatchEvent>, ReadFailure> {
        let (queue, events) = mpsc::channel(WATCH_QUEUE);
        let watching = self.ask(|reply| ShardMessage::Watch { trip, has, queue, reply }).await;
        watching.unwrap_or(Err(ReadFailure::Stopped)).map(|()| events)
    }

    /// Puts an audit mark into the log; gives its index once it is applied here.
    ///
    /// # Errors
    /// When this replica does not lead or loses leadership.
    pub async fn start_audit(&self) -> Result<u64, Failure> {
        self.ask(ShardMessage::StartAudit).await.unwrap_or(Err(Failure::Stopped))
    }

    /// What this replica found at a mark; `None` when it is not there yet or forgotten.
    pub async fn audit(&self, index: u64) -> Option<Audit> {
        self.ask(|reply| ShardMessage::GetAudit(index, reply)).await.flatten()
    }

    /// Makes the next command on a trip panic on this replica, as a defect in our code would: a fault for
    /// tests. False when the trip is not active here.
    pub async fn inject_panic(&self, trip: TripId) -> bool {
        self.ask(|reply| ShardMessage::InjectPanic(trip, reply)).await.unwrap_or(false)
    }

    /// Numbers about the shard.
    pub async fn count(&self) -> Counts {
        self.ask(ShardMessage::Count).await.unwrap_or_default()
    }

    /// Numbers about the shard, and what it has counted; `None` when it has stopped.
    pub async fn measure(&self) -> Option<(Counts, Box<Measures>)> {
        self.ask(ShardMessage::Measure).await
    }

    fn tell(&self, message: ShardMessage) {
        // An actor that has stopped drops the message and with it the caller's reply channel.
        let _ = self.actor.cast(message);
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> ShardMessage) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.tell(message(reply));
        answer.await.ok()
    }
}

fn refuse(asks: Vec<Ask>, failure: Failure) {
    asks.into_iter().for_each(|ask| ask.waiter.answer(Answer::Failed(failure)));
}
