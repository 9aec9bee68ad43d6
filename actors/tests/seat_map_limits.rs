//! What happens at the bounds: the memory of ids, the kept changes, the size of a trip.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proto::ids::{BuyerId, CommandId, HoldId, LogIndex, LogPosition, SeatNo, Timestamp, ZoneNo};
use seatgrid_actors::seat_map::limits::{MAX_CHANGES, MAX_LEGS, MAX_REMEMBERED};
use seatgrid_actors::seat_map::*;

fn layout(seats: u32) -> Arc<Layout> {
    let seat = |number: u32| SeatSpec {
        name: number.to_string().into(),
        zone: ZoneNo::new(0),
        deck: 0,
        attributes: Attributes::NONE,
    };
    let numbers: Vec<_> = (0..seats).map(|seat| Some(SeatNo::new(seat))).collect();
    Arc::new(
        Layout::new(LayoutSpec {
            zones: vec![ZoneSpec { name: "main".into(), kind: ZoneKind::Numbered }],
            seats: (0..seats).map(seat).collect(),
            rows: numbers.chunks(4).map(<[_]>::to_vec).collect(),
        })
        .unwrap(),
    )
}

fn trip(seats: u32, stops: usize) -> Arc<Open> {
    let stop = Stop {
        name: "stop".into(),
        arrives_at: None,
        departs_at: None,
        boarding: true,
        alighting: true,
    };
    let stops = vec![stop; stops].into();
    Arc::new(Open { title: "".into(), stops, layout: layout(seats), rules: Rules::default() })
}

/// A trip on sale and the log that it is applied from.
struct Log {
    map: SeatMap,
    index: u64,
}

impl Log {
    fn open(seats: u32, stops: usize) -> Self {
        let pos = LogPosition::new(LogIndex::new(1), 0);
        let at = Timestamp::default();
        let map = SeatMap::open(at, pos, id(1 << 100), &trip(seats, stops)).unwrap();
        Self { map, index: 1 }
    }

    fn apply(&mut self, at: u64, id: CommandId, body: CommandBody) -> Outcome {
        self.index += 1;
        let pos = LogPosition::new(LogIndex::new(self.index), 0);
        self.map.apply(Timestamp::from_unix_ms(at), pos, &Command { id, body })
    }
}

fn id(number: u128) -> CommandId {
    HoldId::from_u128(number).unwrap().into()
}

fn hold(seat: u32) -> CommandBody {
    let seats = Seats::Numbers(Few::one(SeatNo::new(seat)));
    CommandBody::Hold(Hold { buyer: BuyerId::default(), seats, legs: Span::Whole, ttl_ms: 60_000 })
}

fn release(hold: u128) -> CommandBody {
    CommandBody::Release(Release { hold: HoldId::from(id(hold)) })
}

/// However many ids a trip has seen, it remembers a bounded number, and forgets the oldest first.
#[test]
fn the_memory_of_ids_is_bounded() {
    let mut log = Log::open(1, 2);
    let rounds = MAX_REMEMBERED as u128 / 2 + 100;
    for round in 1..=rounds {
        log.apply(0, id(round), hold(0)).unwrap();
        log.apply(0, id(1 << 64 | round), release(round)).unwrap();
    }
    invariants::check(&log.map).unwrap();
    let forgotten = log.apply(0, id(1 << 64 | 1), release(1));
    assert_eq!(forgotten, Err(Refusal::UnknownHold));
    let hold = HoldId::from(id(rounds));
    let newest = log.apply(0, id(1 << 64 | rounds), release(rounds));
    assert_eq!(newest, Ok(Reply::Released { hold }));
    let full = log.map.memory_bytes();
    for round in rounds + 1..rounds + 1000 {
        log.apply(0, id(round), self::hold(0)).unwrap();
        log.apply(0, id(1 << 64 | round), release(round)).unwrap();
    }
    assert_eq!(log.map.memory_bytes(), full, "a full memory does not grow");
}

#[test]
fn a_watcher_that_is_too_far_behind_is_told_so() {
    let mut log = Log::open(1, 2);
    for round in 1..=MAX_CHANGES as u128 {
        log.apply(0, id(round), hold(0)).unwrap();
        log.apply(0, id(1 << 64 | round), release(round)).unwrap();
    }
    let version = log.map.version();
    let oldest = version - MAX_CHANGES as u64;
    assert!(log.map.changes_since(oldest - 1).is_none());
    let changes: Vec<_> = log.map.changes_since(oldest).unwrap().collect();
    assert_eq!(changes.len(), MAX_CHANGES);
    assert!(changes.iter().zip(oldest + 1..).all(|(change, expected)| change.version == expected));
    assert_eq!(log.map.changes_since(version).unwrap().count(), 0);
    assert!(log.map.changes_since(version + 1).is_none());
}

#[test]
fn a_trip_of_very_many_legs_sells_its_last_leg() {
    let mut log = Log::open(3, MAX_LEGS + 1);
    let last = proto::ids::Legs::new(MAX_LEGS as u16 - 1, MAX_LEGS as u16).unwrap();
    let seats = || Seats::Numbers(Few::one(SeatNo::new(2)));
    let on_last =
        Hold { buyer: BuyerId::default(), seats: seats(), legs: Span::Legs(last), ttl_ms: 0 };
    log.apply(0, id(1), CommandBody::Hold(on_last.clone())).unwrap();
    let Err(Refusal::SeatsTaken(taken)) = log.apply(0, id(2), CommandBody::Hold(on_last)) else {
        panic!("the seat is taken");
    };
    assert_eq!(taken.blocking[0].legs, last);
    let before = proto::ids::Legs::new(0, MAX_LEGS as u16 - 1).unwrap();
    let rest =
        Hold { buyer: BuyerId::default(), seats: seats(), legs: Span::Legs(before), ttl_ms: 0 };
    log.apply(0, id(3), CommandBody::Hold(rest)).unwrap();
    invariants::check(&log.map).unwrap();
}

#[test]
fn a_trip_of_more_legs_than_allowed_is_refused() {
    let refused = trip(1, MAX_LEGS + 2).check().unwrap_err();
    assert_eq!(refused, TripFault::StopCount { stops: MAX_LEGS as u32 + 2 });
    assert!(trip(1, MAX_LEGS + 1).check().is_ok());
    let refused = trip(100_000, MAX_LEGS + 1).check().unwrap_err();
    assert_eq!(refused, TripFault::TooManyLegs { legs: MAX_LEGS as u16 });
}

/// A fleet has tens of thousands of trips in memory, most of them with few holds.
#[test]
fn a_small_trip_is_small() {
    let mut log = Log::open(50, 6);
    for seat in 0..3 {
        log.apply(0, id(u128::from(seat) + 1), hold(seat)).unwrap();
    }
    let bytes = log.map.memory_bytes();
    assert!(bytes < 2048, "{bytes} bytes");
}

/// A log that is read twice must not be applied twice.
#[test]
#[should_panic(expected = "was applied before")]
fn a_position_is_applied_once() {
    let mut log = Log::open(1, 2);
    log.index = 0;
    let _ = log.apply(0, id(1), hold(0));
}

/// Time that runs backwards in the log is held back: it cannot bring an expired hold to life.
#[test]
fn time_does_not_run_backwards() {
    let mut log = Log::open(1, 2);
    log.apply(0, id(1), hold(0)).unwrap();
    log.apply(60_000, id(2), CommandBody::Expire).unwrap();
    log.apply(1, id(3), hold(0)).unwrap();
    assert_eq!(log.map.next_deadline(), Some(Timestamp::from_unix_ms(120_000)));
}
