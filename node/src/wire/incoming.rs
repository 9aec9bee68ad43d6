//! Commands of a pipeline, each as it comes.

use actors::ids::{BuyerId, HoldId, SeatNo, TripId};
use actors::seat_map::{Command, CommandBody, Hold, Seats};
use prost::{DecodeError, Message as _};
use proto::pb::{Legs, PipelineCommand, Problem};
use proto::seat_hold::SeatHold;

use super::request::{Routed, legs, route};

/// A command with what the stream adds to it.
pub(crate) struct Incoming {
    pub(crate) tag: u32,
    pub(crate) timeout_ms: u32,
    pub(crate) resent: bool,
    pub(crate) routed: Result<Routed, Problem>,
}

impl Incoming {
    /// Reads a `PipelineCommand`.
    pub(crate) fn read(command: &[u8]) -> Result<Self, DecodeError> {
        if let Some(hold) = SeatHold::read(command)
            && let Some(routed) = seat_hold(&hold)
        {
            let SeatHold { tag, timeout_ms, resent, .. } = hold;
            return Ok(Self { tag, timeout_ms, resent, routed: Ok(routed) });
        }
        let PipelineCommand { tag, timeout_ms, resent, command } =
            PipelineCommand::decode(command)?;
        let command = command.ok_or_else(|| Problem::invalid("command", "it is empty"));
        Ok(Self { tag, timeout_ms, resent, routed: command.and_then(route) })
    }
}

/// The shorter way of [`route`]. What is wrong with a hold that is not good is told by the longer one.
fn seat_hold(hold: &SeatHold<'_>) -> Option<Routed> {
    let trip = TripId::new(hold.trip_id).ok()?;
    let id = HoldId::new(hold.hold_id).ok()?;
    let seats = hold.seats().map(SeatNo::new).collect();
    let body = Hold {
        buyer: BuyerId::new(hold.buyer_id).ok()?,
        seats: (!hold.packed_seats.is_empty()).then_some(Seats::Numbers(seats))?,
        legs: legs(hold.legs.map(|(from, to)| Legs { from, to })).ok()?,
        ttl_ms: hold.ttl_ms,
    };
    Some(Routed { trip, command: Command { id: id.into(), body: CommandBody::Hold(body) } })
}
