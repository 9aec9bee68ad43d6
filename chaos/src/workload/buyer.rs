//! One buyer, one visit after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actors::ids::{BuyerId, HoldId, TripId};
use actors::seat_map::{
    Adjacent, BeginPayment, Cancel, CommandBody, Confirm, Extend, Grant, Hold, HoldBest,
    HoldQuantity, Part, Release, Reply, SeatList, Seats, Span, Swap, ZoneRef,
};
use parking_lot::Mutex;
use proto::ids::{Legs, SeatNo};
use serde::{Deserialize, Serialize};

use super::call::{Called, Client};
use super::trips::{LEGS, SEATS, STANDING, TTL_MIN_MS, trip_id};

/// How a buyer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persona {
    /// Wants the trip that everybody wants.
    Herd,
    /// Takes any trip.
    Uniform,
    /// Takes what is popular more often.
    Zipf,
    /// Holds and goes away.
    Abandoner,
    /// Pays about when the hold expires, or after.
    LatePayer,
    /// Prolongs as long as it can, then gives back.
    Hoarder,
    /// Wants many seats side by side.
    Group,
    /// Changes seats and cancels.
    Churner,
    /// Looks, and never buys.
    Watcher,
    /// Follows the changes of a trip.
    Subscriber,
    /// Does what nobody should.
    Clumsy,
}

/// All of them.
pub const PERSONAS: [Persona; 11] = [
    Persona::Herd,
    Persona::Uniform,
    Persona::Zipf,
    Persona::Abandoner,
    Persona::LatePayer,
    Persona::Hoarder,
    Persona::Group,
    Persona::Churner,
    Persona::Watcher,
    Persona::Subscriber,
    Persona::Clumsy,
];

/// What buyers got.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Tally {
    /// Calls that were answered yes.
    pub yes: u64,
    /// Calls that were refused, by code.
    pub refused: BTreeMap<&'static str, u64>,
    /// Calls whose outcome nobody knows.
    pub unknown: u64,
    /// Calls that did not happen.
    pub unavailable: u64,
    /// Reads that were answered.
    pub reads: u64,
}

/// One buyer.
pub struct Buyer {
    pub(super) name: BuyerId,
    persona: Persona,
    pub(super) client: Client,
    trips: u64,
    /// The longest pause between two visits, in milliseconds.
    pause_ms: u64,
    tally: Arc<Mutex<Tally>>,
}

impl Buyer {
    /// A buyer. `pause_ms`: the longest pause between two visits.
    ///
    /// # Panics
    /// Never: the name is short.
    #[must_use]
    pub fn new(
        number: u64,
        persona: Persona,
        client: Client,
        (trips, pause_ms): (u64, u64),
        tally: Arc<Mutex<Tally>>,
    ) -> Self {
        let name = BuyerId::new(&format!("buyer-{number}")).expect("a short word is a buyer id");
        Self { name, persona, client, trips, pause_ms, tally }
    }

    /// Visits until `open` says no.
    pub async fn visit_while(mut self, open: impl Fn() -> bool) {
        while open() {
            self.visit().await;
            self.pause(self.pause_ms).await;
        }
    }

    /// One visit.
    pub async fn visit(&mut self) {
        let trip = self.choose_trip();
        match self.persona {
            Persona::Herd | Persona::Uniform | Persona::Zipf => self.buy(&trip).await,
            Persona::Abandoner => drop(self.hold(&trip, 2).await),
            Persona::LatePayer => self.pay_late(&trip).await,
            Persona::Hoarder => self.hoard(&trip).await,
            Persona::Group => self.bring_a_group(&trip).await,
            Persona::Churner => self.churn(&trip).await,
            Persona::Watcher => self.look(&trip).await,
            Persona::Subscriber => self.subscribe(&trip).await,
            Persona::Clumsy => self.blunder(&trip).await,
        }
    }

    fn choose_trip(&mut self) -> TripId {
        let trips = self.trips;
        let chance = self.client.chance();
        trip_id(match self.persona {
            Persona::Herd => 0,
            Persona::Zipf => chance.skewed(trips),
            _ => chance.below(trips),
        })
    }

    async fn buy(&mut self, trip: &TripId) {
        let Some(grant) = self.hold(trip, 2).await else { return };
        self.pause(600).await;
        if self.client.chance().per_mille(400) {
            let window_ms = 0;
            let body = BeginPayment { hold: grant.hold, window_ms };
            self.call(trip, CommandBody::BeginPayment(body)).await;
            self.pause(1_500).await;
        }
        if self.client.chance().per_mille(850) {
            self.confirm(trip, &grant).await;
            // Else the coach is full for ever after a few hundred visits.
            if self.client.chance().per_mille(800) {
                self.pause(4_000).await;
                self.cancel(trip, grant.hold).await;
            }
        } else {
            self.release(trip, grant.hold).await;
        }
    }

    async fn pay_late(&mut self, trip: &TripId) {
        let Some(grant) = self.hold_for(trip, 1, TTL_MIN_MS).await else { return };
        let early = self.client.chance().below(20);
        let wait = Duration::from_millis((TTL_MIN_MS + 10).saturating_sub(early));
        tokio::time::sleep(wait).await;
        if self.client.chance().per_mille(300) {
            self.pause(2_000).await;
        }
        self.confirm(trip, &grant).await;
        self.cancel(trip, grant.hold).await;
    }

    async fn hoard(&mut self, trip: &TripId) {
        let Some(grant) = self.hold(trip, 3).await else { return };
        for _ in 0..self.client.chance().between(1, 8) {
            self.pause(2_500).await;
            let body = Extend { hold: grant.hold, ttl_ms: 6_000 };
            self.call(trip, CommandBody::Extend(body)).await;
        }
        self.release(trip, grant.hold).await;
    }

    async fn bring_a_group(&mut self, trip: &TripId) {
        let quantity = self.client.chance().between(3, 6) as u32;
        let adjacent = self.client.chance().per_mille(500);
        let body = CommandBody::HoldBest(HoldBest {
            buyer: self.name.clone(),
            quantity,
            zone: None,
            required: Default::default(),
            wanted: Default::default(),
            avoided: Default::default(),
            adjacent: if adjacent { Adjacent::Required } else { Adjacent::Preferred },
            legs: self.legs(),
            ttl_ms: 0,
        });
        let Some(Reply::Held(grant)) = self.call(trip, body).await else { return };
        self.pause(800).await;
        self.confirm(trip, &grant).await;
        self.pause(3_000).await;
        self.cancel(trip, grant.hold).await;
    }

    async fn churn(&mut self, trip: &TripId) {
        let Some(mut grant) = self.hold_seats(trip, 2, 0).await else { return };
        for _ in 0..self.client.chance().between(1, 4) {
            let Some(&give) = grant.places.seats().first() else { break };
            let take = SeatNo::new(self.client.chance().below(u64::from(SEATS)) as u32);
            let list = |seat: SeatNo| Seats::Numbers(SeatList::from([seat].as_slice()));
            let (give, take) = (list(give), list(take));
            let body = Swap { hold: grant.hold, fence: Some(grant.fence), give, take };
            if let Some(Reply::Swapped(next)) = self.call(trip, CommandBody::Swap(body)).await {
                grant = next;
            }
            self.pause(300).await;
        }
        self.confirm(trip, &grant).await;
        self.cancel(trip, grant.hold).await;
    }

    async fn look(&mut self, trip: &TripId) {
        for _ in 0..5 {
            let read = self.client.read(trip).await;
            self.tally.lock().reads += u64::from(read.is_some());
            self.pause(100).await;
        }
    }

    /// Holds something of at most so many places.
    pub(super) async fn hold(&mut self, trip: &TripId, most: u64) -> Option<Grant> {
        let ttl_ms = match self.client.chance().below(3) {
            0 => 0,
            1 => TTL_MIN_MS,
            _ => self.client.chance().between(TTL_MIN_MS, 10_000),
        };
        self.hold_for(trip, most, ttl_ms).await
    }

    async fn hold_for(&mut self, trip: &TripId, most: u64, ttl_ms: u64) -> Option<Grant> {
        let quantity = self.client.chance().between(1, most) as u32;
        let (buyer, legs) = (self.name.clone(), self.legs());
        let body = match self.client.chance().below(4) {
            0 => return self.hold_seats(trip, most, ttl_ms).await,
            1 => CommandBody::HoldQuantity(HoldQuantity {
                buyer,
                zone: ZoneRef::Number(STANDING),
                quantity,
                legs,
                ttl_ms,
            }),
            _ => CommandBody::HoldBest(HoldBest {
                buyer,
                quantity,
                zone: None,
                required: Default::default(),
                wanted: Default::default(),
                avoided: Default::default(),
                adjacent: Adjacent::Preferred,
                legs,
                ttl_ms,
            }),
        };
        match self.call(trip, body).await {
            Some(Reply::Held(grant)) => Some(grant),
            _ => None,
        }
    }

    async fn hold_seats(&mut self, trip: &TripId, most: u64, ttl_ms: u64) -> Option<Grant> {
        let count = self.client.chance().between(1, most);
        let first = self.client.chance().below(u64::from(SEATS) - count) as u32;
        let seats: Vec<SeatNo> = (first..first + count as u32).map(SeatNo::new).collect();
        let body = CommandBody::Hold(Hold {
            buyer: self.name.clone(),
            seats: Seats::Numbers(SeatList::from(seats.as_slice())),
            legs: self.legs(),
            ttl_ms,
        });
        match self.call(trip, body).await {
            Some(Reply::Held(grant)) => Some(grant),
            _ => None,
        }
    }

    fn legs(&mut self) -> Span {
        let chance = self.client.chance();
        let from = chance.below(u64::from(LEGS)) as u16;
        let to = chance.between(u64::from(from) + 1, u64::from(LEGS)) as u16;
        let legs = Legs::new(from, to).expect("from is smaller than to");
        if chance.per_mille(300) { Span::Whole } else { Span::Legs(legs) }
    }

    async fn confirm(&mut self, trip: &TripId, grant: &Grant) {
        let fence = self.client.chance().per_mille(500).then_some(grant.fence);
        let body = Confirm { hold: grant.hold, fence, late: None };
        self.call(trip, CommandBody::Confirm(body)).await;
    }

    async fn cancel(&mut self, trip: &TripId, hold: HoldId) {
        self.call(trip, CommandBody::Cancel(Cancel { hold, part: Part::All })).await;
    }

    pub(super) async fn release(&mut self, trip: &TripId, hold: HoldId) {
        self.call(trip, CommandBody::Release(Release { hold })).await;
    }

    pub(super) async fn call(&mut self, trip: &TripId, body: CommandBody) -> Option<Reply> {
        let called = self.client.call(trip, body).await;
        self.count(called)
    }

    /// Counts what a call came to; gives the answer if it was yes.
    pub(super) fn count(&self, called: Called) -> Option<Reply> {
        let mut tally = self.tally.lock();
        match called {
            Called::Decided(Ok(reply)) => {
                tally.yes += 1;
                return Some(reply);
            }
            Called::Decided(Err(refusal)) => {
                *tally.refused.entry(refusal.code()).or_default() += 1;
            }
            Called::Unknown => tally.unknown += 1,
            Called::Unavailable => tally.unavailable += 1,
        }
        None
    }

    pub(super) async fn pause(&mut self, longest_ms: u64) {
        let ms = self.client.chance().between(0, longest_ms);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
