//! Replies of the seat map on the wire.

use actors::ids::LogPosition;
use actors::seat_map::{Grant, Lateness, Layout, Reply};
use proto::ids::ShardId;
use proto::pb::{self, pipeline_reply::Reply as Wire};

use super::problem::seat_name;

/// Where an answer was decided.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) shard: ShardId,
    pub(crate) position: LogPosition,
}

impl Origin {
    pub(crate) fn wire(self) -> pb::Position {
        pb::Position { shard: self.shard.get(), index: self.position.packed() }
    }
}

/// A yes of the seat map. `layout` is there where seats have to be named.
pub(crate) fn reply(reply: &Reply, origin: Origin, layout: Option<&Layout>) -> Wire {
    let position = Some(origin.wire());
    match reply {
        Reply::Opened { places, legs } => {
            Wire::Opened(pb::OpenTripResponse { position, places: *places, legs: (*legs).into() })
        }
        Reply::Held(grant) => Wire::Held(held(grant, origin, layout)),
        Reply::Extended { expires_at, .. } => {
            Wire::Extended(pb::ExtendResponse { expires_at_ms: expires_at.as_unix_ms(), position })
        }
        Reply::Paying { expires_at, .. } => Wire::PaymentBegun(pb::BeginPaymentResponse {
            pinned_until_ms: expires_at.as_unix_ms(),
            position,
        }),
        Reply::Confirmed { fence, late, .. } => Wire::Confirmed(pb::ConfirmResponse {
            position,
            reacquired: *late == Lateness::Reacquired,
            fence: fence.get(),
        }),
        Reply::Released { .. } => Wire::Released(pb::ReleaseResponse { position }),
        Reply::Cancelled { left, .. } => {
            Wire::Cancelled(pb::CancelResponse { position, left: *left })
        }
        Reply::Swapped(grant) => {
            Wire::Swapped(pb::SwapResponse { position, fence: grant.fence.get() })
        }
        Reply::Blocked { .. } => Wire::Blocked(pb::BlockResponse { position }),
        Reply::Unblocked { left, .. } => {
            Wire::Unblocked(pb::UnblockResponse { position, left: *left })
        }
        Reply::Frozen | Reply::Thawed | Reply::SalesClosed | Reply::Expired { .. } => {
            Wire::SaleSet(pb::SetSaleResponse { position })
        }
        Reply::Batch(replies) => Wire::Batch(batch(replies, origin, layout)),
    }
}

fn held(grant: &Grant, origin: Origin, layout: Option<&Layout>) -> pb::HoldResponse {
    let name =
        |layout| grant.places.seats().iter().map(move |&s| seat_name(Some(layout), s).into_owned());
    pb::HoldResponse {
        fence: grant.fence.get(),
        expires_at_ms: grant.expires_at.as_unix_ms(),
        seats: layout.map_or_else(Vec::new, |layout| name(layout).collect()),
        position: Some(origin.wire()),
    }
}

fn batch(replies: &[Reply], origin: Origin, layout: Option<&Layout>) -> pb::BatchResponse {
    let replies = (0..)
        .zip(replies)
        .map(|(tag, inner)| pb::PipelineReply { tag, reply: Some(reply(inner, origin, layout)) });
    pb::BatchResponse { replies: replies.collect(), position: Some(origin.wire()) }
}
