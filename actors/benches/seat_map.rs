//! What one decision costs: nanoseconds of one core, nothing around it.
//!
//! The trip has 2,000 seats on one leg and fits the cache, unless the name says otherwise. A hold is
//! measured with its release or confirm where it could not be repeated without; the difference to the
//! plain figures tells the parts.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use proto::ids::{
    BuyerId, CommandId, HoldId, Legs, LogIndex, LogPosition, SeatNo, Timestamp, ZoneNo,
};
use seatgrid_actors::seat_map::*;

/// The allocator of the node.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seats of the trip.
const SEATS: u32 = 2000;

/// A trip and the log that it is applied from.
#[derive(Clone)]
struct Trip {
    map: SeatMap,
    index: u64,
    at: u64,
}

impl Trip {
    fn new(seats: u32, legs: usize) -> Self {
        let seat = |number: u32| SeatSpec {
            name: number.to_string().into(),
            zone: ZoneNo::new(0),
            deck: 0,
            attributes: Attributes::NONE,
        };
        let numbers: Vec<_> = (0..seats).map(|seat| Some(SeatNo::new(seat))).collect();
        let spec = LayoutSpec {
            zones: vec![ZoneSpec { name: "main".into(), kind: ZoneKind::Numbered }],
            seats: (0..seats).map(seat).collect(),
            rows: numbers.chunks(20).map(<[_]>::to_vec).collect(),
        };
        let stop = Stop {
            name: "stop".into(),
            arrives_at: None,
            departs_at: None,
            boarding: true,
            alighting: true,
        };
        let open = Arc::new(Open {
            title: "bench".into(),
            stops: vec![stop; legs + 1].into(),
            layout: Arc::new(Layout::new(spec).unwrap()),
            rules: Rules::default(),
        });
        let (at, pos) = (Timestamp::default(), LogPosition::new(LogIndex::new(1), 0));
        let map = SeatMap::open(at, pos, command_id(u64::MAX), &open).unwrap();
        Self { map, index: 1, at: 0 }
    }

    fn apply(&mut self, command: &Command) -> Outcome {
        self.index += 1;
        let pos = LogPosition::new(LogIndex::new(self.index), 0);
        self.map.apply(Timestamp::from_unix_ms(self.at), pos, command)
    }

    fn check(&self, command: &Command) -> Check {
        self.map.check(Timestamp::from_unix_ms(self.at), command)
    }

    /// Holds every seat, each for itself.
    fn sold_out(mut self) -> Self {
        for seat in 0..SEATS {
            let id = u64::from(seat) + 1;
            self.apply(&hold(id, seat)).unwrap();
            self.apply(&confirm(1 << 40 | id, id)).unwrap();
        }
        self
    }
}

/// An id as a client makes it: no order in it.
fn command_id(number: u64) -> CommandId {
    let mixed = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) | 1;
    HoldId::from_u128(mixed).unwrap().into()
}

fn hold_on(id: u64, seat: u32, legs: Legs) -> Command {
    let seats = Seats::Numbers(Few::one(SeatNo::new(seat)));
    let buyer = BuyerId::new("buyer-0001").unwrap();
    let body = Hold { buyer, seats, legs: Span::Legs(legs), ttl_ms: 600_000 };
    Command { id: command_id(id), body: CommandBody::Hold(body) }
}

fn hold(id: u64, seat: u32) -> Command {
    hold_on(id, seat, Legs::new(0, 1).unwrap())
}

fn confirm(id: u64, hold: u64) -> Command {
    let hold = HoldId::from(command_id(hold));
    let body = Confirm { hold, fence: None, late: Some(LatePolicy::Refuse) };
    Command { id: command_id(id), body: CommandBody::Confirm(body) }
}

fn release(id: u64, hold: u64) -> Command {
    let body = Release { hold: HoldId::from(command_id(hold)) };
    Command { id: command_id(id), body: CommandBody::Release(body) }
}

fn best(id: u64, quantity: u32) -> Command {
    let body = HoldBest {
        buyer: BuyerId::new("buyer-0001").unwrap(),
        quantity,
        zone: Some(ZoneRef::Number(ZoneNo::new(0))),
        required: Attributes::NONE,
        wanted: Attributes::NONE,
        avoided: Attributes::NONE,
        adjacent: Adjacent::Required,
        legs: Span::Legs(Legs::new(0, 1).unwrap()),
        ttl_ms: 600_000,
    };
    Command { id: command_id(id), body: CommandBody::HoldBest(body) }
}

/// Measures commands that fill an empty trip: a fresh one for every round, its making not counted.
fn fill(c: &mut Criterion, name: &str, trip: &Trip, commands: &[Command]) {
    let mut group = c.benchmark_group("seat_map");
    group.throughput(Throughput::Elements(u64::from(SEATS)));
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || trip.clone(),
            |trip| {
                for command in commands {
                    assert!(trip.apply(command).is_ok());
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn changes(c: &mut Criterion) {
    let ids = 1..=u64::from(SEATS);
    let seat = |id: u64| u32::try_from(id - 1).unwrap() * 7 % SEATS;
    let holds: Vec<_> = ids.clone().map(|id| hold(id, seat(id))).collect();
    let confirms: Vec<_> = ids.clone().map(|id| confirm(1 << 40 | id, id)).collect();
    let releases: Vec<_> = ids.clone().map(|id| release(1 << 41 | id, id)).collect();
    let pairs = |a: &[Command], b: &[Command]| -> Vec<Command> {
        a.iter().zip(b).flat_map(|(a, b)| [a.clone(), b.clone()]).collect()
    };
    let empty = Trip::new(SEATS, 1);
    fill(c, "hold", &empty, &holds);
    fill(c, "hold+confirm", &empty, &pairs(&holds, &confirms));
    fill(c, "hold+release", &empty, &pairs(&holds, &releases));
    let mut held = empty.clone();
    holds.iter().for_each(|hold| drop(held.apply(hold)));
    fill(c, "confirm", &held, &confirms);
    fill(c, "release", &held, &releases);
    let mut due = held.clone();
    due.at = 700_000;
    let expire = [Command { id: command_id(1 << 42), body: CommandBody::Expire }];
    fill(c, "expire", &due, &expire);
    let legs = Legs::new(30, 90).unwrap();
    let holds: Vec<_> = ids.clone().map(|id| hold_on(id, seat(id), legs)).collect();
    fill(c, "hold on 60 of 118 legs", &Trip::new(SEATS, 118), &holds);
    let pairs: Vec<_> = ids.clone().take(SEATS as usize / 2).map(|id| best(id, 2)).collect();
    fill(c, "hold_best of 2, a seat", &empty, &pairs);
}

fn answers(c: &mut Criterion) {
    let mut group = c.benchmark_group("seat_map");
    let sold_out = Trip::new(SEATS, 1).sold_out();
    let mut seat = 0;
    let commands: Vec<_> = (0..SEATS).map(|seat| hold(1 << 50 | u64::from(seat), seat)).collect();
    let mut next = |commands: &'_ [Command]| -> usize {
        seat = (seat + 7) % commands.len();
        seat
    };
    group.bench_function("refusal, sold out", |b| {
        b.iter(|| sold_out.check(&commands[next(&commands)]));
    });
    let mut last_seat_free = sold_out.clone();
    let id = HoldId::from(command_id(u64::from(SEATS)));
    let cancel = CommandBody::Cancel(Cancel { hold: id, part: Part::All });
    last_seat_free.apply(&Command { id: command_id(1 << 51), body: cancel }).unwrap();
    group.bench_function("refusal, nothing free nearby", |b| {
        b.iter(|| last_seat_free.check(&commands[next(&commands) / 2]));
    });
    let mut half = Trip::new(SEATS, 1);
    for seat in (0..SEATS).step_by(2) {
        half.apply(&hold(u64::from(seat) + 1, seat)).unwrap();
    }
    group.bench_function("refusal with alternatives", |b| {
        b.iter(|| half.check(&commands[next(&commands) & !1]));
    });
    group.bench_function("check, free", |b| {
        b.iter(|| half.check(&commands[next(&commands) | 1]));
    });
    let known: Vec<_> = (0..SEATS).step_by(2).map(|seat| hold(u64::from(seat) + 1, seat)).collect();
    group.bench_function("known id", |b| b.iter(|| half.check(&known[next(&known)])));
    group.bench_function("hold_best, sold out", |b| b.iter(|| sold_out.check(&best(1 << 52, 2))));
    let kept = best(1 << 52, 2);
    group.bench_function("hold_best, every other seat free", |b| b.iter(|| half.check(&kept)));
    group.finish();
}

fn reads(c: &mut Criterion) {
    let mut group = c.benchmark_group("seat_map");
    let sold_out = Trip::new(SEATS, 1).sold_out();
    let mut half = Trip::new(SEATS, 1);
    for seat in (0..SEATS).step_by(2) {
        half.apply(&hold(u64::from(seat) + 1, seat)).unwrap();
    }
    let legs = Legs::new(0, 1).unwrap();
    group.bench_function("availability of a zone", |b| {
        b.iter(|| half.map.view().free(ZoneNo::new(0), black_box(legs)));
    });
    group.bench_function("state of every seat", |b| {
        b.iter(|| half.map.view().seats(black_box(legs)).flatten().count());
    });
    let layout = Arc::clone(&sold_out.map.trip().layout);
    let bytes = codec::encode_state(&sold_out.map);
    group.bench_function("encode 2,000 bookings", |b| {
        b.iter(|| codec::encode_state(black_box(&sold_out.map)));
    });
    group.bench_function("decode 2,000 bookings", |b| {
        b.iter(|| codec::decode_state(black_box(&bytes), &|_| Some(Arc::clone(&layout))).unwrap());
    });
    let command = hold(1, 1);
    let mut out = Vec::new();
    group.bench_function("encode a hold", |b| {
        b.iter(|| {
            out.clear();
            codec::encode_command_into(black_box(&command), codec::Layouts::ByDigest, &mut out);
        });
    });
    let bytes = codec::encode_command(&command, codec::Layouts::ByDigest);
    group.bench_function("decode a hold", |b| {
        b.iter(|| codec::decode_command(black_box(&bytes), &|_| None).unwrap());
    });
    group.finish();
}

criterion_group!(benches, changes, answers, reads);
criterion_main!(benches);
