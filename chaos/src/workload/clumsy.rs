//! A buyer whose service has defects of its own: every one of them has to be refused.

use actors::ids::TripId;
use actors::seat_map::{Command, CommandBody, Confirm, Extend, Hold, Reply, SeatList, Seats, Span};
use proto::ids::{Fence, SeatNo};

use super::buyer::Buyer;
use super::trips::{HOLD_CAP_MS, SEATS};

/// How often a hold is prolonged, in milliseconds.
const EXTEND_EVERY_MS: u64 = 4_000;

impl Buyer {
    /// One visit of a clumsy buyer.
    pub(super) async fn blunder(&mut self, trip: &TripId) {
        match self.client.chance().below(4) {
            0 => self.confirm_for_another(trip).await,
            1 => self.use_an_id_twice(trip).await,
            2 => self.batch_with_a_taken_seat(trip).await,
            _ => self.never_let_go(trip).await,
        }
    }

    /// A confirm with the fence of somebody else.
    async fn confirm_for_another(&mut self, trip: &TripId) {
        let Some(grant) = self.hold(trip, 2).await else { return };
        let fence = Some(Fence::new(grant.fence.get() + 1));
        let body = Confirm { hold: grant.hold, fence, late: None };
        self.call(trip, CommandBody::Confirm(body)).await;
        self.release(trip, grant.hold).await;
    }

    /// The id of a hold for another hold.
    async fn use_an_id_twice(&mut self, trip: &TripId) {
        let (id, body) = (self.client.new_id(), self.seat(0));
        let called = self.client.call_with(trip, Command { id, body }).await;
        self.count(called);
        let body = self.seat(1);
        let called = self.client.call_with(trip, Command { id, body }).await;
        self.count(called);
        self.release(trip, id.into()).await;
    }

    /// Two holds at once, the second of a seat that the first takes.
    async fn batch_with_a_taken_seat(&mut self, trip: &TripId) {
        let body = self.seat(2);
        let commands = [self.client.new_id(), self.client.new_id()];
        let commands = commands.map(|id| Command { id, body: body.clone() });
        self.call(trip, CommandBody::Batch(commands.into())).await;
    }

    /// A hold that is prolonged for longer than any may live.
    async fn never_let_go(&mut self, trip: &TripId) {
        let Some(Reply::Held(grant)) = self.call(trip, self.seat(3)).await else { return };
        for _ in 0..HOLD_CAP_MS / EXTEND_EVERY_MS + 2 {
            let body = Extend { hold: grant.hold, ttl_ms: 9_000 };
            self.call(trip, CommandBody::Extend(body)).await;
            self.pause(EXTEND_EVERY_MS).await;
        }
    }

    /// A hold of a seat near the end of the coach.
    fn seat(&self, nth: u32) -> CommandBody {
        CommandBody::Hold(Hold {
            buyer: self.name.clone(),
            seats: Seats::Numbers(SeatList::from([SeatNo::new(SEATS - 1 - nth)].as_slice())),
            legs: Span::Whole,
            ttl_ms: 0,
        })
    }
}
