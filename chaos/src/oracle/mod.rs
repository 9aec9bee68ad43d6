//! The oracle: it sees every entry that a replica applies and every answer that a client gets, replays
//! the log on seat maps of its own, and asks the invariants about all of it.

mod coverage;
mod journal;
mod replay;
mod witness;

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::ask::Answer;
use actors::audit::Audit;
use actors::entry::EntryReader;
use actors::ids::{CommandId, LogPosition, ShardId, TripId};
use actors::seat_map::{Command, SeatMap};
use actors::watch::WatchEvent;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::invariant::{Answered, Event, Judge, Violation, Watched};
use crate::sim::trace::Trace;
use crate::verify::search::RULE as LINEARIZABLE;
use crate::workload::Called;
use journal::Journal;
use replay::Replay;
use xxhash_rust::xxh3::xxh3_64;

pub use coverage::Coverage;
pub use witness::Witness;

/// A question of a client, remembered until its last answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The trip.
    pub trip: TripId,
    /// The command; none for a read.
    pub command: Option<Command>,
    /// Every copy of it says that it may have been sent before.
    pub resent: bool,
    /// The newest position that any client had seen of the trip.
    floor: LogPosition,
}

/// The oracle. Clones are handles of one.
#[derive(Clone)]
pub struct Oracle {
    trace: Trace,
    shared: Arc<Mutex<Shared>>,
    /// Signalled when a client is told that something has happened.
    yes: Arc<Notify>,
    /// The node that has got a snapshot last.
    snapshots: watch::Sender<u64>,
    /// Signalled when something is violated.
    violated: Arc<Notify>,
}

#[derive(Default)]
struct Shared {
    judge: Judge,
    replays: BTreeMap<ShardId, Replay>,
    floors: BTreeMap<TripId, LogPosition>,
    answers: BTreeMap<&'static str, u64>,
    entries: u64,
    journal: Journal,
    coverage: Coverage,
    /// The last command that a client was told to have succeeded: its shard, and when.
    last_yes: Option<(ShardId, u64)>,
}

impl Oracle {
    /// An oracle that has seen nothing.
    #[must_use]
    pub fn new(trace: Trace) -> Self {
        let (shared, yes, violated) = (Arc::default(), Arc::default(), Arc::default());
        Self { trace, shared, yes, snapshots: watch::Sender::new(0), violated }
    }

    /// A replica is about to apply an entry.
    pub fn applied(&self, node: u64, life: u64, shard: ShardId, index: u64, payload: &[u8]) {
        let shared = &mut *self.shared.lock();
        let digest = xxh3_64(payload);
        let at = EntryReader::new(payload).map_or(0, |entry| entry.at.as_unix_ms());
        self.trace
            .line(format_args!("node {node} shard {shard} applies {index} of {at}: {digest:016x}"));
        self.look(shared, &Event::Applied { node, life, shard, index, payload });
        let replay = shared.replays.entry(shard).or_default();
        if let Err(what) = replay.add(index, payload) {
            self.look(shared, &Event::Stuck(&format!("shard {shard}, entry {index}: {what}")));
        }
        shared.entries += 1;
    }

    /// A client asks for the first time; `resent`: every copy will say that it may have been sent before.
    #[must_use]
    pub fn asked(&self, trip: &TripId, command: Option<Command>, resent: bool) -> Asked {
        let floor = self.shared.lock().floors.get(trip).copied().unwrap_or_default();
        Asked { trip: trip.clone(), command, resent, floor }
    }

    /// An answer reaches a client.
    pub fn answered(&self, shard: ShardId, asked: &Asked, answer: &Answer) {
        let shared = &mut *self.shared.lock();
        *shared.answers.entry(answer.code()).or_default() += 1;
        let Asked { trip, command, resent, floor } = asked;
        let (command, resent, floor) = (command.as_ref(), *resent, *floor);
        let id = command.map_or(NO_COMMAND, |command| command.id);
        let (decided, first, map) = (None, true, None);
        let mut answered =
            Answered { trip, id, answer, floor, command, decided, first, resent, map };
        self.trace.line(format_args!("{id} on {} is answered {}", trip.as_str(), answer.code()));
        let Answer::Decided { position, outcome, .. } = answer else {
            return self.look(shared, &Event::Answered(answered));
        };
        if outcome.is_ok() {
            shared.last_yes = Some((shard, self.trace.now_ms()));
            self.yes.notify_waiters();
        }
        self.replay(shared, shard, Some((trip, *position)));
        let mut replays = std::mem::take(&mut shared.replays);
        if let Some(replayed) = replays.entry(shard).or_default().trip(trip) {
            answered.decided = command.and_then(|c| replayed.decided(*position, c.id));
            answered.first = command.is_none_or(|command| replayed.is_first(command));
            answered.map = replayed.map.as_ref().filter(|map| map.position() == *position);
        }
        self.look(shared, &Event::Answered(answered));
        shared.replays = replays;
        let newest = shared.floors.entry(trip.clone()).or_default();
        *newest = (*newest).max(*position);
    }

    /// A caller has been told what came of a command that it asked for at this moment, in microseconds;
    /// `fresh`: nobody uses its id for anything else.
    pub fn called(
        &self,
        trip: &TripId,
        command: &Command,
        called: &Called,
        (asked_us, fresh): (u64, bool),
    ) {
        let shared = &mut *self.shared.lock();
        let moments = (asked_us, self.trace.now_us());
        shared.journal.add(trip, command, called, moments, fresh);
        if fresh && matches!(called, Called::Unavailable) {
            self.look(shared, &Event::Denied { trip, id: command.id });
        }
    }

    /// Everybody has been told everything: looks for an order of the calls that explains it. Gives the
    /// number of calls whose answers were looked at.
    pub fn explain(&self) -> u64 {
        let shared = &mut *self.shared.lock();
        let verdict = shared.journal.verify();
        self.look(shared, &Event::Explained(&verdict));
        verdict.rules.iter().filter(|rule| rule.rule == LINEARIZABLE).map(|rule| rule.checked).sum()
    }

    /// A read reaches a client.
    pub fn read(&self, shard: ShardId, asked: &Asked, position: LogPosition, digest: u64) {
        let shared = &mut *self.shared.lock();
        let Asked { trip, floor, .. } = asked;
        self.replay(shared, shard, Some((trip, position)));
        let mut replays = std::mem::take(&mut shared.replays);
        let replayed = replays.entry(shard).or_default().trip(trip);
        let map = replayed.and_then(|trip| trip.map.as_ref());
        let map = map.filter(|map| map.position() == position);
        self.look(shared, &Event::Read { trip, position, digest, floor: *floor, map });
        shared.replays = replays;
        let newest = shared.floors.entry(trip.clone()).or_default();
        *newest = (*newest).max(position);
    }

    /// An event of a trip's stream reaches somebody who has the trip at a version, if at any. Gives the
    /// version that it is at then.
    pub fn watched(
        &self,
        shard: ShardId,
        trip: &TripId,
        has: Option<u64>,
        event: &WatchEvent,
    ) -> u64 {
        let shared = &mut *self.shared.lock();
        let (position, version) = match event {
            WatchEvent::Snapshot(map) => (map.position(), map.version()),
            WatchEvent::Change(change, _) => (change.pos, change.version),
        };
        self.replay(shared, shard, Some((trip, position)));
        shared.coverage.changes_watched += 1;
        let mut replays = std::mem::take(&mut shared.replays);
        let replayed = replays.entry(shard).or_default().trip(trip);
        let change = replayed.and_then(|trip| trip.change(version));
        let then = replayed.and_then(|trip| trip.version_at(position));
        self.look(shared, &Event::Watched(Watched { trip, has, event, change, version: then }));
        shared.replays = replays;
        version
    }

    /// A replica has checked itself.
    pub fn audited(&self, node: u64, shard: ShardId, audit: &Audit) {
        let shared = &mut *self.shared.lock();
        self.replay(shared, shard, None);
        self.look(shared, &Event::Audited { node, shard, audit });
    }

    /// Everything is quiet, and a replica has this trip like this.
    pub fn at_rest(&self, node: u64, shard: ShardId, trip: &TripId, map: &SeatMap) {
        let shared = &mut *self.shared.lock();
        self.replay(shared, shard, None);
        let mut replays = std::mem::take(&mut shared.replays);
        let replay = replays.entry(shard).or_default();
        if let Some(replayed) = replay.trip(trip).and_then(|trip| trip.map.as_ref()) {
            self.look(shared, &Event::AtRest { node, trip, map, replayed });
        }
        shared.replays = replays;
    }

    /// Signalled when a client is told that something has happened.
    #[must_use]
    pub fn answers_come(&self) -> Arc<Notify> {
        Arc::clone(&self.yes)
    }

    /// Signalled when a node has got the whole of a snapshot that a peer sends; says which.
    #[must_use]
    pub fn snapshots_come(&self) -> watch::Receiver<u64> {
        self.snapshots.subscribe()
    }

    /// A node has got the whole of a snapshot.
    pub fn snapshot_comes(&self, node: u64) {
        self.snapshots.send_replace(node);
    }

    /// Signalled when something is violated.
    #[must_use]
    pub fn violated(&self) -> Arc<Notify> {
        Arc::clone(&self.violated)
    }

    /// The shard of the last command that a client was told to have succeeded.
    #[must_use]
    pub fn answered_last(&self) -> Option<ShardId> {
        self.shared.lock().last_yes.map(|(shard, _)| shard)
    }

    /// Whether a command succeeded within so many milliseconds before now.
    #[must_use]
    pub fn said_yes_within(&self, ms: u64) -> bool {
        let last = self.shared.lock().last_yes;
        last.is_some_and(|(_, at)| self.trace.now_ms() - at <= ms)
    }

    /// Notes that something came about that has to.
    pub fn covered(&self, note: impl FnOnce(&mut Coverage)) {
        note(&mut self.shared.lock().coverage);
    }

    /// What came about.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let shared = self.shared.lock();
        let expiry_races = shared.replays.values().map(|replay| replay.races).sum();
        Coverage { expiry_races, ..shared.coverage }
    }

    /// What was to happen has not.
    pub fn stuck(&self, what: &str) {
        self.look(&mut self.shared.lock(), &Event::Stuck(what));
    }

    /// Trips of a shard that the log has opened.
    #[must_use]
    pub fn trips(&self, shard: ShardId) -> Vec<TripId> {
        self.shared.lock().replays.get(&shard).map(Replay::trips).unwrap_or_default()
    }

    /// What was found, and how often by invariant.
    #[must_use]
    pub fn verdict(&self) -> (Vec<Violation>, BTreeMap<&'static str, u64>) {
        let shared = self.shared.lock();
        (shared.judge.found().to_vec(), shared.judge.counts().clone())
    }

    /// Answers by their codes.
    #[must_use]
    pub fn answers(&self) -> BTreeMap<&'static str, u64> {
        self.shared.lock().answers.clone()
    }

    /// Entries that were applied, on all replicas together.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.shared.lock().entries
    }

    /// Replays a shard: one trip up to a position, or everything there is.
    fn replay(&self, shared: &mut Shared, shard: ShardId, upto: Option<(&TripId, LogPosition)>) {
        let mut replays = std::mem::take(&mut shared.replays);
        let replay = replays.entry(shard).or_default();
        let mut decided = |event: &Event<'_>| self.look(shared, event);
        match upto {
            Some((trip, position)) => replay.run(trip, position, &mut decided),
            None => replay.run_all(&mut decided),
        }
        shared.replays = replays;
    }

    fn look(&self, shared: &mut Shared, event: &Event<'_>) {
        for violation in shared.judge.look(self.trace.now_ms(), event) {
            let Violation { invariant, what, .. } = violation;
            self.trace.line(format_args!("VIOLATION {invariant}: {what}"));
            self.violated.notify_one();
        }
    }
}

/// What stands for the id of a read, which has none.
const NO_COMMAND: CommandId = match CommandId::from_u128(u128::MAX) {
    Ok(id) => id,
    Err(_) => panic!("it is not zero"),
};
