//! What every rung is asked: holds of seats of many trips, in an order that visits them at random.

use std::sync::Arc;

use actors::ids::{BuyerId, CommandId, SeatNo, TripId, ZoneNo};
use actors::seat_map::{
    Attributes, Command, CommandBody, Few, Hold, Layout, LayoutSpec, Open, Release, Rules,
    SeatSpec, Seats, Span, Stop, ZoneKind, ZoneSpec,
};

/// Trips of the inventory: more than a cache holds.
pub(crate) const TRIPS: u32 = 1_000;

/// Seats of a trip.
pub(crate) const SEATS: u32 = 100;

/// Commands handed over at once where a rung takes more than one.
pub(crate) const BATCH: usize = 256;

/// An endless row of holds: the inventory is held once in a random order, then all of it is released.
pub(crate) struct Work {
    order: Vec<u32>,
    at: usize,
    next_id: u128,
    /// What is held now.
    held: Vec<(u32, CommandId)>,
}

/// The name of a trip.
pub(crate) fn trip_id(number: u32) -> TripId {
    TripId::new(&format!("2026-11-22/trip-{number}")).expect("a short word is a trip id")
}

/// The command that puts a trip on sale.
pub(crate) fn open(number: u32) -> Command {
    let seat = |number: u32| SeatSpec {
        name: number.to_string().into(),
        zone: ZoneNo::new(0),
        deck: 0,
        attributes: Attributes::NONE,
    };
    let spec = LayoutSpec {
        zones: vec![ZoneSpec { name: "main".into(), kind: ZoneKind::Numbered }],
        seats: (0..SEATS).map(seat).collect(),
        rows: Vec::new(),
    };
    let stop = Stop {
        name: "stop".into(),
        arrives_at: None,
        departs_at: None,
        boarding: true,
        alighting: true,
    };
    let open = Open {
        title: "ladder".into(),
        stops: vec![stop; 2].into(),
        layout: Arc::new(Layout::new(spec).expect("a plain layout is allowed")),
        rules: Rules::default(),
    };
    let id = CommandId::from_u128(u128::from(number) + 1).expect("it is not zero");
    Command { id, body: CommandBody::Open(Arc::new(open)) }
}

impl Work {
    /// Nothing is held yet.
    pub(crate) fn new() -> Self {
        let mut order: Vec<u32> = (0..TRIPS * SEATS).collect();
        let mut state = 1_u64;
        for at in (1..order.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            order.swap(at, (state >> 33) as usize % (at + 1));
        }
        Self { order, at: 0, next_id: 1 << 64, held: Vec::new() }
    }

    /// Up to so many holds that can be granted; none when everything is held.
    pub(crate) fn holds(&mut self, count: usize) -> Vec<(TripId, Command)> {
        let end = self.order.len().min(self.at + count);
        let seats = self.order[self.at..end].to_vec();
        self.at = end;
        seats.into_iter().map(|number| self.hold(number)).collect()
    }

    fn hold(&mut self, number: u32) -> (TripId, Command) {
        let (trip, seat) = (number % TRIPS, number / TRIPS);
        let id = self.id();
        self.held.push((trip, id));
        let hold = Hold {
            buyer: BuyerId::new(&format!("buyer-{number}")).expect("a short word is a buyer id"),
            seats: Seats::Numbers(Few::one(SeatNo::new(seat))),
            legs: Span::Whole,
            ttl_ms: 3_600_000,
        };
        (trip_id(trip), Command { id, body: CommandBody::Hold(hold) })
    }

    /// Releases of everything that is held.
    pub(crate) fn releases(&mut self) -> Vec<(TripId, Command)> {
        self.at = 0;
        let held = std::mem::take(&mut self.held);
        held.into_iter()
            .map(|(trip, hold)| {
                let release = Release { hold: hold.into() };
                (trip_id(trip), Command { id: self.id(), body: CommandBody::Release(release) })
            })
            .collect()
    }

    fn id(&mut self) -> CommandId {
        self.next_id += 1;
        CommandId::from_u128(self.next_id).expect("it is not zero")
    }
}
