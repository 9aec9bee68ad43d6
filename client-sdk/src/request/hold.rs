//! Holding seats.

use std::time::Duration;

use proto::ids::{BuyerId, HoldId, Legs, TripId};
use proto::pb;
use proto::pb::pipeline_command::Command;

use super::{Request, hold_bytes, strings, wire_legs, wire_ms};
use crate::id::new_hold_id;

/// Holds named seats, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The trip.
    pub trip: TripId,
    /// The id of the hold: a retry carries the same one.
    pub id: HoldId,
    /// Who holds; anonymous unless set.
    pub buyer: BuyerId,
    /// Names of the seats.
    pub seats: Vec<String>,
    /// Or their numbers, as a listing of the trip gives them.
    pub seat_numbers: Vec<u32>,
    /// The legs; the whole trip unless set.
    pub legs: Option<Legs>,
    /// How long; the trip's default unless set.
    pub ttl: Option<Duration>,
}

/// Holds the best seats that the cluster finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldBest {
    /// The trip.
    pub trip: TripId,
    /// The id of the hold: a retry carries the same one.
    pub id: HoldId,
    /// Who holds; anonymous unless set.
    pub buyer: BuyerId,
    /// How many seats.
    pub quantity: u32,
    /// Only in this zone; any numbered zone when empty.
    pub zone: String,
    /// Attributes that every seat must have, as a set of bits.
    pub require: u32,
    /// Attributes that no seat may have.
    pub avoid: u32,
    /// Attributes that come first.
    pub prefer: u32,
    /// Refuse rather than split the party.
    pub adjacent: bool,
    /// The legs; the whole trip unless set.
    pub legs: Option<Legs>,
    /// How long; the trip's default unless set.
    pub ttl: Option<Duration>,
}

/// Holds places of a general-admission zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldQuantity {
    /// The trip.
    pub trip: TripId,
    /// The id of the hold: a retry carries the same one.
    pub id: HoldId,
    /// Who holds; anonymous unless set.
    pub buyer: BuyerId,
    /// The zone.
    pub zone: String,
    /// How many places.
    pub quantity: u32,
    /// The legs; the whole trip unless set.
    pub legs: Option<Legs>,
    /// How long; the trip's default unless set.
    pub ttl: Option<Duration>,
}

macro_rules! hold_settings {
    ($name:ident) => {
        impl $name {
            /// Sets who holds.
            #[must_use]
            pub fn buyer(mut self, buyer: BuyerId) -> Self {
                self.buyer = buyer;
                self
            }

            /// Sets the legs.
            #[must_use]
            pub fn legs(mut self, legs: Legs) -> Self {
                self.legs = Some(legs);
                self
            }

            /// Sets how long the hold lasts.
            #[must_use]
            pub fn ttl(mut self, ttl: Duration) -> Self {
                self.ttl = Some(ttl);
                self
            }

            /// Sets the id, to send again what was sent before.
            #[must_use]
            pub fn id(mut self, id: HoldId) -> Self {
                self.id = id;
                self
            }
        }
    };
}

hold_settings!(Hold);
hold_settings!(HoldBest);
hold_settings!(HoldQuantity);

impl Hold {
    /// Seats by name.
    #[must_use]
    pub fn seats(trip: &TripId, seats: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            trip: trip.clone(),
            id: new_hold_id(),
            buyer: BuyerId::default(),
            seats: strings(seats),
            seat_numbers: Vec::new(),
            legs: None,
            ttl: None,
        }
    }

    /// Seats by number: smaller on the wire.
    #[must_use]
    pub fn numbers(trip: &TripId, numbers: impl IntoIterator<Item = u32>) -> Self {
        let seat_numbers = numbers.into_iter().collect();
        Self { seat_numbers, ..Self::seats(trip, [""; 0]) }
    }
}

impl HoldBest {
    /// So many seats, wherever they are best.
    #[must_use]
    pub fn new(trip: &TripId, quantity: u32) -> Self {
        Self {
            trip: trip.clone(),
            id: new_hold_id(),
            buyer: BuyerId::default(),
            quantity,
            zone: String::new(),
            require: 0,
            avoid: 0,
            prefer: 0,
            adjacent: false,
            legs: None,
            ttl: None,
        }
    }

    /// Only in this zone.
    #[must_use]
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = zone.into();
        self
    }

    /// Refuse rather than split the party.
    #[must_use]
    pub fn adjacent(mut self) -> Self {
        self.adjacent = true;
        self
    }
}

impl HoldQuantity {
    /// So many places of a zone.
    #[must_use]
    pub fn new(trip: &TripId, zone: impl Into<String>, quantity: u32) -> Self {
        Self {
            trip: trip.clone(),
            id: new_hold_id(),
            buyer: BuyerId::default(),
            zone: zone.into(),
            quantity,
            legs: None,
            ttl: None,
        }
    }
}

impl Request for Hold {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Hold(pb::HoldRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.id),
            buyer_id: self.buyer.as_str().to_owned(),
            seats: self.seats,
            seat_numbers: self.seat_numbers,
            legs: wire_legs(self.legs),
            ttl_ms: wire_ms(self.ttl),
        })
    }
}

impl Request for HoldBest {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::HoldBest(pb::HoldBestRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.id),
            buyer_id: self.buyer.as_str().to_owned(),
            quantity: self.quantity,
            zone: self.zone,
            require: self.require,
            avoid: self.avoid,
            prefer: self.prefer,
            adjacent: self.adjacent,
            legs: wire_legs(self.legs),
            ttl_ms: wire_ms(self.ttl),
        })
    }
}

impl Request for HoldQuantity {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::HoldQuantity(pb::HoldQuantityRequest {
            trip_id: self.trip.as_str().to_owned(),
            hold_id: hold_bytes(self.id),
            buyer_id: self.buyer.as_str().to_owned(),
            zone: self.zone,
            quantity: self.quantity,
            legs: wire_legs(self.legs),
            ttl_ms: wire_ms(self.ttl),
        })
    }
}
