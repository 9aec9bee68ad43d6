//! One buyer: a hold, and what follows from it. Commands are kept and changed in place.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use client_sdk::ids::ShardId;
use client_sdk::new_hold_id;
use client_sdk::pb::pipeline_command::Command;
use client_sdk::pb::{ConfirmRequest, HoldRequest, Legs, ReleaseRequest};

use super::stock::{Place, Trip};

/// Which command of a life is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Hold,
    Confirm,
    Release,
}

/// Commands of one buyer, used again for each life.
#[derive(Debug)]
pub(crate) struct Buyer {
    hold: Command,
    confirm: Command,
    release: Command,
    pub(crate) stage: Stage,
    pub(crate) place: Place,
    pub(crate) shard: ShardId,
    pub(crate) id: Bytes,
    pub(crate) fence: u64,
    /// When the present command should have begun: latency counts from here.
    pub(crate) intended: Instant,
    /// When the present command was put on a pipeline, the last time.
    pub(crate) sent: Instant,
    /// An attempt at the present command may have been carried out without an answer.
    pub(crate) maybe_done: bool,
}

/// Ids in one piece of memory each: an id costs no allocation of its own.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    chunk: BytesMut,
}

impl Ids {
    /// A new id.
    pub(crate) fn next(&mut self) -> Bytes {
        const CHUNK_BYTES: usize = 16 * 256;
        if self.chunk.capacity() < 16 {
            self.chunk = BytesMut::with_capacity(CHUNK_BYTES);
        }
        self.chunk.extend_from_slice(new_hold_id().as_bytes());
        self.chunk.split().freeze()
    }
}

impl Buyer {
    pub(crate) fn new(buyer_id: String, ttl_ms: u64) -> Self {
        let hold = HoldRequest { buyer_id, ttl_ms, seat_numbers: vec![0], ..Default::default() };
        Self {
            hold: Command::Hold(hold),
            confirm: Command::Confirm(ConfirmRequest::default()),
            release: Command::Release(ReleaseRequest::default()),
            stage: Stage::Hold,
            place: Place { trip: 0, seat: 0, legs: None },
            shard: ShardId::new(0),
            id: Bytes::new(),
            fence: 0,
            intended: Instant::now(),
            sent: Instant::now(),
            maybe_done: false,
        }
    }

    /// Begins a life: a hold of `place`.
    pub(crate) fn begin(&mut self, place: Place, trip: &Trip, id: Bytes, intended: Instant) {
        let Command::Hold(hold) = &mut self.hold else { unreachable!("set in new") };
        set(&mut hold.trip_id, trip.id.as_str());
        hold.hold_id = id.clone();
        hold.seat_numbers[0] = place.seat;
        hold.legs = place.legs.map(|(from, to)| Legs { from: from.into(), to: to.into() });
        (self.stage, self.place, self.shard, self.id) = (Stage::Hold, place, trip.shard, id);
        (self.intended, self.maybe_done, self.fence) = (intended, false, 0);
    }

    /// The hold is granted; turns to its confirmation or release.
    pub(crate) fn turn(&mut self, stage: Stage, trip: &Trip, now: Instant) {
        match (stage, &mut self.confirm, &mut self.release) {
            (Stage::Confirm, Command::Confirm(confirm), _) => {
                set(&mut confirm.trip_id, trip.id.as_str());
                confirm.hold_id = self.id.clone();
                confirm.fence = self.fence;
            }
            (Stage::Release, _, Command::Release(release)) => {
                set(&mut release.trip_id, trip.id.as_str());
                release.hold_id = self.id.clone();
            }
            _ => unreachable!("a life turns to confirm or release"),
        }
        (self.stage, self.intended, self.maybe_done) = (stage, now, false);
    }

    /// The command that is under way.
    pub(crate) fn command(&self) -> &Command {
        match self.stage {
            Stage::Hold => &self.hold,
            Stage::Confirm => &self.confirm,
            Stage::Release => &self.release,
        }
    }
}

fn set(text: &mut String, to: &str) {
    if text != to {
        text.clear();
        text.push_str(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client_sdk::ids::TripId;

    #[test]
    fn a_life_keeps_its_id_from_hold_to_confirm() {
        let id = TripId::new("t1").unwrap();
        let trip = Trip { id, shard: ShardId::new(3), seats: 9, free: Vec::new(), legs: 2 };
        let mut buyer = Buyer::new("b1".into(), 5_000);
        let (place, hold_id) =
            (Place { trip: 0, seat: 4, legs: Some((0, 1)) }, Ids::default().next());
        buyer.begin(place, &trip, hold_id.clone(), Instant::now());
        let Command::Hold(hold) = buyer.command() else { panic!("a life begins with a hold") };
        assert_eq!((hold.hold_id.clone(), hold.seat_numbers[0]), (hold_id.clone(), 4));
        buyer.fence = 7;
        buyer.turn(Stage::Confirm, &trip, Instant::now());
        let Command::Confirm(confirm) = buyer.command() else { panic!("turned to confirm") };
        assert_eq!((confirm.hold_id.clone(), confirm.fence), (hold_id, 7));
    }

    #[test]
    fn ids_are_sixteen_bytes_and_differ() {
        let mut ids = Ids::default();
        let some: std::collections::HashSet<Bytes> = (0..1_000).map(|_| ids.next()).collect();
        assert!(some.len() == 1_000 && some.iter().all(|id| id.len() == 16));
    }
}
