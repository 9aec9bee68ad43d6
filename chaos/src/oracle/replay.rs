//! The log of a shard, replayed on seat maps that nothing ever happens to: no snapshot, no restart, no
//! passivation, no check before the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use actors::entry::{EntryReader, Kind};
use actors::ids::{CommandId, LogIndex, LogPosition, Timestamp, TripId};
use actors::seat_map::{
    Change, Command, CommandBody, Layout, LayoutDigest, Outcome, Refusal, SeatMap, codec,
};

use raft::mutant::honest;

use super::coverage::races;
use crate::invariant::Event;

/// The replay of one shard.
#[derive(Default)]
pub(super) struct Replay {
    /// The newest entry that was taken in.
    newest: u64,
    layouts: BTreeMap<LayoutDigest, Arc<Layout>>,
    trips: BTreeMap<TripId, Trip>,
    /// Confirms that came about when their hold expired.
    pub(super) races: u64,
}

/// The replay of one trip.
#[derive(Default)]
pub(super) struct Trip {
    /// The trip after what was replayed so far.
    pub(super) map: Option<SeatMap>,
    waiting: VecDeque<(Timestamp, LogPosition, Command)>,
    decided: BTreeMap<LogPosition, (CommandId, Outcome)>,
    /// The command that the log has first under an id.
    first: BTreeMap<CommandId, Command>,
    /// Every change: the one with version 1 first.
    changes: Vec<Change>,
    /// The version after each position.
    versions: BTreeMap<LogPosition, u64>,
}

impl Trip {
    /// What was decided at a position, if that was this command.
    pub(super) fn decided(&self, position: LogPosition, id: CommandId) -> Option<&Outcome> {
        let (decided, outcome) = self.decided.get(&position)?;
        (*decided == id).then_some(outcome)
    }

    /// Whether a command is the one that the log has under its id, as far as it has one.
    pub(super) fn is_first(&self, command: &Command) -> bool {
        let (Some(first), Some(map)) = (self.first.get(&command.id), &self.map) else {
            return true;
        };
        let canonical = |command: &Command| {
            let mut command = command.clone();
            // What has no canonical form is compared as it is.
            let _ = map.canonical(&mut command);
            command
        };
        canonical(first) == canonical(command)
    }

    /// The change that led to a version.
    pub(super) fn change(&self, version: u64) -> Option<&Change> {
        self.changes.get(usize::try_from(version.checked_sub(1)?).ok()?)
    }

    /// The version that the trip has at a position.
    pub(super) fn version_at(&self, position: LogPosition) -> Option<u64> {
        self.versions.get(&position).copied()
    }

    /// Applies what comes next.
    fn step(&mut self, at: Timestamp, position: LogPosition, command: &Command) -> Outcome {
        let outcome = apply(&mut self.map, at, position, command);
        if command.body != CommandBody::Expire {
            self.first.entry(command.id).or_insert_with(|| command.clone());
        }
        if let Some(map) = &self.map {
            let news = map.changes_since(self.changes.len() as u64);
            self.changes.extend(news.into_iter().flatten().cloned());
            self.versions.insert(position, map.version());
        }
        outcome
    }
}

impl Replay {
    /// Takes an entry in, unless it is known.
    pub(super) fn add(&mut self, index: u64, payload: &[u8]) -> Result<(), String> {
        if index <= self.newest {
            return Ok(());
        }
        self.newest = index;
        let mut reader = EntryReader::new(payload).map_err(|bad| format!("{bad:?}"))?;
        if reader.kind == Kind::Audit {
            return Ok(());
        }
        let mut slot = 0;
        while let Some((trip, bytes)) = reader.next().map_err(|bad| format!("{bad:?}"))? {
            let find = |digest| self.layouts.get(&digest).cloned();
            let command = codec::decode_command(bytes, &find).map_err(|e| e.to_string())?;
            if let CommandBody::Open(open) = &command.body {
                self.layouts.insert(open.layout.digest(), Arc::clone(&open.layout));
            }
            let trip = TripId::new(trip).map_err(|e| e.to_string())?;
            let position = LogPosition::new(LogIndex::new(index), slot);
            slot += 1;
            let trip = self.trips.entry(trip).or_default();
            trip.waiting.push_back((reader.at, position, command));
        }
        Ok(())
    }

    pub(super) fn trip(&self, trip: &TripId) -> Option<&Trip> {
        self.trips.get(trip)
    }

    /// Trips that are open.
    pub(super) fn trips(&self) -> Vec<TripId> {
        let open = self.trips.iter().filter(|(_, trip)| trip.map.is_some());
        open.map(|(id, _)| id.clone()).collect()
    }

    /// Replays one trip as far as a position.
    pub(super) fn run(
        &mut self,
        id: &TripId,
        upto: LogPosition,
        decided: &mut dyn FnMut(&Event<'_>),
    ) {
        let Some(trip) = self.trips.get_mut(id) else { return };
        while trip.waiting.front().is_some_and(|(_, position, _)| *position <= upto) {
            let Some((at, position, command)) = trip.waiting.pop_front() else { return };
            self.races += u64::from(trip.map.as_ref().is_some_and(|map| races(at, &command, map)));
            let outcome = honest(|| trip.step(at, position, &command));
            if let Some(map) = &trip.map {
                let (command, outcome) = (&command, &outcome);
                decided(&Event::Decided { trip: id, at, position, command, outcome, map });
            }
            trip.decided.insert(position, (command.id, outcome));
        }
    }

    /// Replays everything.
    pub(super) fn run_all(&mut self, decided: &mut dyn FnMut(&Event<'_>)) {
        let trips: Vec<_> = self.trips.keys().cloned().collect();
        for trip in trips {
            self.run(&trip, LogPosition::from_packed(u64::MAX), decided);
        }
    }
}

fn apply(
    map: &mut Option<SeatMap>,
    at: Timestamp,
    position: LogPosition,
    command: &Command,
) -> Outcome {
    match (map.as_mut(), &command.body) {
        (Some(map), _) => map.apply(at, position, command),
        (None, CommandBody::Open(open)) => {
            let opened = SeatMap::open(at, position, command.id, open)?;
            Ok(map.insert(opened).opened())
        }
        (None, _) => Err(Refusal::TripNotFound),
    }
}
