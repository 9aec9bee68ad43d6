//! A shard's actor: hosts the trips of one Raft group on one node.
//!
//! Everything reaches it through its mailbox, in batches: commands from clients ([`admit`], or
//! [`vacancy`] while the leadership moves), committed entries from the log ([`apply`]), ticks for what is
//! due ([`tick`]), steps of a snapshot ([`records`]), reads ([`read`]). The node's supervisor restarts
//! nothing behind a shard's back: when the actor dies the replica stops, for its state is only right
//! together with the log.

mod admit;
mod apply;
mod audit;
mod handle;
mod prefetch;
mod read;
mod records;
mod stations;
mod tick;
mod vacancy;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use raft::snapshot::ShardSnapshots;
use raft::{Committed, Leadership, MachineFailed, ProposeError, ShardLog};
use tokio::sync::{mpsc, oneshot};

pub use handle::{ReadFailure, ShardHandle, ShardSettings};
pub use read::Page;
pub(crate) use read::ReadJob;
pub(crate) use records::RecordStep;

use self::audit::Audits;
use self::vacancy::Vacancy;
use crate::ask::{Ask, Failure};
use crate::audit::Audit;
use crate::clock::{Clock, LogClock};
use crate::directory::Directory;
use crate::expiry::Expiry;
use crate::ids::{ShardId, Timestamp, TripId};
use crate::limits::{MAX_JOURNAL_CHANGES, MAX_MAILBOX_COMMANDS, MAX_WAIT_MS};
use crate::line;
use crate::machine::Restored;
use crate::measures::Measures;
use crate::seat_map::Journal;
use crate::sequencer::Sequencer;
use crate::watch::WatchEvent;

/// What a shard's actor is told.
pub(crate) enum ShardMessage {
    /// The replica runs: this is its log.
    Attach(Arc<dyn ShardLog>),
    /// Commands of clients, and since when they wait in the mailbox, in milliseconds of the clock.
    Admit(Vec<Ask>, u64),
    /// Committed entries; answer when they are applied.
    Apply(Vec<Committed>, oneshot::Sender<Result<(), MachineFailed>>),
    /// An entry will not be applied by this leader.
    ProposalFailed {
        /// Which entry.
        proposal: u64,
        /// Why.
        error: ProposeError,
    },
    /// The leadership may have moved.
    LookForLeader,
    /// Commands have waited for a leader for as long as they may.
    StopWaiting,
    /// Time has passed.
    Tick,
    /// Look at a trip.
    Read {
        /// The trip.
        trip: TripId,
        /// Whether the answer may be old.
        stale: bool,
        /// What to do with it.
        job: ReadJob,
    },
    /// List trips.
    List {
        /// Only ids greater than this one.
        after: String,
        /// Only ids that begin so.
        prefix: String,
        /// At most so many.
        limit: usize,
        /// Where the page goes.
        reply: oneshot::Sender<Page>,
    },
    /// Watch a trip.
    Watch {
        /// The trip.
        trip: TripId,
        /// The version that the watcher has.
        has: Option<u64>,
        /// Where events go.
        queue: mpsc::Sender<WatchEvent>,
        /// Whether the trip can be watched.
        reply: oneshot::Sender<Result<(), ReadFailure>>,
    },
    /// Put an audit mark into the log; answer with its index.
    StartAudit(oneshot::Sender<Result<u64, Failure>>),
    /// What was found at a mark.
    GetAudit(u64, oneshot::Sender<Option<Audit>>),
    /// Go on with the audit.
    AuditStep,
    /// Numbers for people.
    Count(oneshot::Sender<Counts>),
    /// Numbers for metrics.
    Measure(oneshot::Sender<(Counts, Box<Measures>)>),
    /// Give the next changed records to a snapshot: `from` is where the step before ended.
    TakeRecords {
        /// The first trip to look at.
        from: u32,
        /// Where the records go.
        reply: oneshot::Sender<RecordStep>,
    },
    /// A snapshot is committed or lost.
    SnapshotDone {
        /// Whether it counts.
        committed: bool,
    },
    /// Make the next turn of a trip panic; answer whether the trip is active.
    InjectPanic(TripId, oneshot::Sender<bool>),
    /// Start from these records.
    Restore(Box<Restored>, oneshot::Sender<()>),
}

/// Numbers about a shard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Trips, active or not.
    pub trips: usize,
    /// Trips in memory.
    pub active: usize,
    /// Holds that have not ended, of active trips.
    pub live_holds: usize,
    /// Trips that are fenced.
    pub fenced: usize,
    /// Commands that wait for their entry.
    pub waiting: usize,
    /// Entries under way in the log.
    pub in_flight: usize,
    /// Watchers of trips.
    pub watchers: usize,
    /// Commands in the mailbox.
    pub mailbox: usize,
    /// Commands that found the mailbox full, since the start.
    pub mailbox_refused: u64,
}

/// What a shard's actor starts with.
pub(crate) struct ShardArgs {
    /// Its number.
    pub(crate) shard: ShardId,
    /// Where time comes from.
    pub(crate) clock: Arc<dyn Clock>,
    /// The records of passive trips.
    pub(crate) snapshots: ShardSnapshots,
    /// A number that no other start of a replica of this shard has: it tells own entries from others.
    pub(crate) first_proposal: u64,
    /// Passivate a trip after so many ticks without a turn.
    pub(crate) passivate_after_ticks: u64,
    /// Commands in the mailbox, shared with the handles.
    pub(crate) mailbox: Arc<Mailbox>,
}

/// The state of a shard's actor.
pub(crate) struct Shard {
    id: ShardId,
    myself: ActorRef<ShardMessage>,
    log: Option<Arc<dyn ShardLog>>,
    clock: LogClock,
    directory: Directory,
    sequencer: Sequencer,
    expiry: Expiry,
    /// The last changes of all trips.
    journal: Journal,
    audits: Audits,
    /// Ticks since the start.
    tick: u64,
    /// Where the walk for idle trips goes on.
    passivation_from: usize,
    passivate_after_ticks: u64,
    /// Trips whose records a snapshot has that is being written.
    writing: Vec<u32>,
    /// Trips with watchers.
    watched: Vec<u32>,
    mailbox: Arc<Mailbox>,
    measures: Box<Measures>,
    /// The last leader that was known.
    leader: Option<u64>,
    vacancy: Vacancy,
}

/// The ractor actor of a shard.
pub(crate) struct ShardActor;

impl Actor for ShardActor {
    type Msg = ShardMessage;
    type State = Shard;
    type Arguments = ShardArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<ShardMessage>,
        args: ShardArgs,
    ) -> Result<Shard, ActorProcessingErr> {
        Ok(Shard {
            id: args.shard,
            myself,
            log: None,
            clock: LogClock::new(args.clock),
            directory: Directory::new(args.snapshots),
            sequencer: Sequencer::new(args.first_proposal),
            expiry: Expiry::default(),
            journal: Journal::new(MAX_JOURNAL_CHANGES),
            audits: Audits::default(),
            tick: 0,
            passivation_from: 0,
            passivate_after_ticks: args.passivate_after_ticks,
            writing: Vec::new(),
            watched: Vec::new(),
            mailbox: args.mailbox,
            measures: Box::default(),
            leader: None,
            vacancy: Vacancy::None,
        })
    }

    async fn handle(
        &self,
        _myself: ActorRef<ShardMessage>,
        message: ShardMessage,
        shard: &mut Shard,
    ) -> Result<(), ActorProcessingErr> {
        shard.turn(message);
        shard.propose().await;
        Ok(())
    }
}

impl Shard {
    fn turn(&mut self, message: ShardMessage) {
        match message {
            ShardMessage::Attach(log) => self.log = Some(log),
            ShardMessage::Admit(asks, since_ms) => self.receive(asks, since_ms),
            ShardMessage::Apply(entries, reply) => drop(reply.send(self.apply(&entries))),
            ShardMessage::ProposalFailed { proposal, error } => self.failed(proposal, error),
            ShardMessage::LookForLeader => self.look_for_leader(),
            ShardMessage::StopWaiting => self.stop_waiting(),
            ShardMessage::Tick => self.tick(),
            ShardMessage::Read { trip, stale, job } => self.read(&trip, stale, job),
            ShardMessage::List { after, prefix, limit, reply } => {
                drop(reply.send(self.list(&after, &prefix, limit)));
            }
            ShardMessage::Watch { trip, has, queue, reply } => {
                drop(reply.send(self.watch(&trip, has, queue)));
            }
            ShardMessage::StartAudit(reply) => self.start_audit(reply),
            ShardMessage::GetAudit(index, reply) => {
                drop(reply.send(self.audits.get(index)));
            }
            ShardMessage::AuditStep => {
                self.audit_step();
                self.audit_goes_on();
            }
            ShardMessage::Count(reply) => drop(reply.send(self.count())),
            ShardMessage::Measure(reply) => {
                drop(reply.send((self.count(), self.measures.clone())));
            }
            ShardMessage::TakeRecords { from, reply } => drop(reply.send(self.take_records(from))),
            ShardMessage::SnapshotDone { committed } => self.snapshot_done(committed),
            ShardMessage::InjectPanic(trip, reply) => {
                let _ = reply.send(self.directory.make_faulty(trip.as_str()));
            }
            ShardMessage::Restore(restored, reply) => {
                self.restore(*restored);
                let _ = reply.send(());
            }
        }
    }

    /// Hands full and waiting entries to the log as long as it has room for them.
    async fn propose(&mut self) {
        let Some(log) = self.log.clone() else { return };
        while let Some((proposal, payload)) =
            self.sequencer.next(|| (self.clock.stamp(), self.clock.micros()))
        {
            if line::is_followed() {
                self.trace_proposal(&payload);
            }
            let actor = self.myself.clone();
            let failed = move |error| {
                // When the actor has gone, so has everybody who waited.
                let _ = actor.cast(ShardMessage::ProposalFailed { proposal, error });
            };
            if log.propose(payload, Box::new(failed)).await.is_err() {
                self.failed(proposal, ProposeError::Unknown);
            }
        }
    }

    fn leadership(&self) -> Leadership {
        self.log.as_ref().map(|log| log.leadership()).unwrap_or_default()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The commands in a shard's mailbox, as its handles count them.
#[derive(Default)]
pub(crate) struct Mailbox {
    commands: AtomicUsize,
    /// How long those waited that were taken out last, in milliseconds.
    waited_ms: AtomicU64,
    /// Commands that found it full.
    refused: AtomicU64,
}

impl Mailbox {
    /// Commands want to go in: false when there is no room for them, or those before them wait too long.
    fn enter(&self, commands: usize) -> bool {
        let before = self.commands.fetch_add(commands, Ordering::Relaxed);
        let late = before > 0 && self.waited_ms.load(Ordering::Relaxed) >= MAX_WAIT_MS;
        let enters = !late && before + commands <= MAX_MAILBOX_COMMANDS;
        if !enters {
            self.leave(commands);
            self.refused.fetch_add(commands as u64, Ordering::Relaxed);
        }
        enters
    }

    /// Commands have not gone in after all.
    fn leave(&self, commands: usize) {
        self.commands.fetch_sub(commands, Ordering::Relaxed);
    }

    /// Commands were taken out that had waited for so long, in milliseconds.
    fn took(&self, commands: usize, waited_ms: u64) {
        self.waited_ms.store(waited_ms, Ordering::Relaxed);
        self.leave(commands);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_in_which_commands_wait_for_long_takes_no_more_until_they_are_out() {
        let mailbox = Mailbox::default();
        assert!(mailbox.enter(10) && mailbox.enter(10));
        mailbox.took(10, MAX_WAIT_MS);
        assert!(!mailbox.enter(1), "ten wait as long as those before them");
        mailbox.took(10, MAX_WAIT_MS + 7);
        assert!(mailbox.enter(1), "nobody waits");
        mailbox.took(1, 0);
        assert!(mailbox.enter(MAX_MAILBOX_COMMANDS));
        assert!(!mailbox.enter(1));
        assert_eq!(mailbox.refused.load(Ordering::Relaxed), 2);
    }
}
