//! The commands: one method each.

use proto::ids::{Fence, HoldId, Timestamp, TripId};
use proto::pb;
use proto::pb::pipeline_reply::Reply;

use crate::client::Client;
use crate::error::Error;
use crate::line;
use crate::reply::{
    Batched, Blocked, Confirmed, Done, Extended, Held, PaymentBegun, Reduced, Swapped, unexpected,
};
use crate::request::{
    Batch, BeginPayment, Block, Cancel, Confirm, Extend, Hold, HoldBest, HoldQuantity, Release,
    Request, SetSale, Swap, Unblock,
};

/// Sends a request and takes its kind of answer.
macro_rules! answer {
    ($client:ident, $request:expr, $kind:ident) => {{
        let request = $request;
        let shard = $client.shared.topology.shard_of(request.trip());
        let command = request.into_command();
        match $client.shared.execute(shard, &command).await? {
            Reply::$kind(reply) => reply,
            other => return Err(unexpected(stringify!($kind), &other)),
        }
    }};
}

impl Client {
    /// Holds named seats, all or none.
    pub async fn hold(&self, request: Hold) -> Result<Held, Error> {
        let (trip, hold, seats) = (request.trip.clone(), request.id, request.seats.clone());
        self.held(trip, hold, seats, request).await
    }

    /// Holds the best seats that the cluster finds.
    pub async fn hold_best(&self, request: HoldBest) -> Result<Held, Error> {
        self.held(request.trip.clone(), request.id, Vec::new(), request).await
    }

    /// Holds places of a general-admission zone.
    pub async fn hold_quantity(&self, request: HoldQuantity) -> Result<Held, Error> {
        self.held(request.trip.clone(), request.id, Vec::new(), request).await
    }

    async fn held(
        &self,
        trip: TripId,
        hold: HoldId,
        seats: Vec<String>,
        request: impl Request,
    ) -> Result<Held, Error> {
        let span = line::begins(|| self.shared.topology.shard_of(&trip), &trip, hold);
        let held = self.take_held(request).await;
        line::ends(&span, &held);
        Ok(Held::new(trip, hold, seats, held?))
    }

    async fn take_held(&self, request: impl Request) -> Result<pb::HoldResponse, Error> {
        Ok(answer!(self, request, Held))
    }

    /// Gives a hold more time.
    pub async fn extend(&self, request: Extend) -> Result<Extended, Error> {
        let reply = answer!(self, request, Extended);
        let expires_at = Timestamp::from_unix_ms(reply.expires_at_ms);
        Ok(Extended { expires_at, position: reply.position.into() })
    }

    /// Pins a hold while its buyer pays: it cannot expire before the window ends.
    pub async fn begin_payment(
        &self,
        request: impl Into<BeginPayment>,
    ) -> Result<PaymentBegun, Error> {
        let reply = answer!(self, request.into(), PaymentBegun);
        let pinned_until = Timestamp::from_unix_ms(reply.pinned_until_ms);
        Ok(PaymentBegun { pinned_until, position: reply.position.into() })
    }

    /// Turns a hold into a booking.
    pub async fn confirm(&self, request: impl Into<Confirm>) -> Result<Confirmed, Error> {
        let reply = answer!(self, request.into(), Confirmed);
        Ok(Confirmed {
            reacquired: reply.reacquired,
            fence: Fence::new(reply.fence),
            position: reply.position.into(),
        })
    }

    /// Gives a hold back.
    pub async fn release(&self, request: impl Into<Release>) -> Result<Done, Error> {
        let reply = answer!(self, request.into(), Released);
        Ok(Done { position: reply.position.into() })
    }

    /// Gives seats of a booking back.
    pub async fn cancel(&self, request: Cancel) -> Result<Reduced, Error> {
        let reply = answer!(self, request, Cancelled);
        Ok(Reduced { left: reply.left, position: reply.position.into() })
    }

    /// Exchanges seats of a hold or booking, all or none.
    pub async fn swap(&self, request: Swap) -> Result<Swapped, Error> {
        let reply = answer!(self, request, Swapped);
        Ok(Swapped { fence: Fence::new(reply.fence), position: reply.position.into() })
    }

    /// Takes free seats out of sale.
    pub async fn block(&self, request: Block) -> Result<Blocked, Error> {
        let block = request.id;
        let reply = answer!(self, request, Blocked);
        Ok(Blocked { block, position: reply.position.into() })
    }

    /// Puts blocked seats back on sale.
    pub async fn unblock(&self, request: Unblock) -> Result<Reduced, Error> {
        let reply = answer!(self, request, Unblocked);
        Ok(Reduced { left: reply.left, position: reply.position.into() })
    }

    /// Freezes, thaws or closes the sale of a trip.
    pub async fn set_sale(&self, request: SetSale) -> Result<Done, Error> {
        let reply = answer!(self, request, SaleSet);
        Ok(Done { position: reply.position.into() })
    }

    /// Carries out several commands on one trip, all or none.
    pub async fn batch(&self, request: Batch) -> Result<Batched, Error> {
        let reply = answer!(self, request, Batch);
        let replies = reply.replies.into_iter().map(|reply| {
            reply.reply.ok_or_else(|| Error::protocol("a reply of a batch has no content"))
        });
        Ok(Batched { replies: replies.collect::<Result<_, _>>()?, position: reply.position.into() })
    }
}
