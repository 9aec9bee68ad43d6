//! Taking seats out of sale, and stopping the sale.

use proto::ids::{CommandId, Legs, TripId};
use proto::pb;
pub use proto::pb::SaleAction;
use proto::pb::pipeline_command::Command;

use super::{Request, command_bytes, strings, wire_legs};
use crate::id::new_command_id;

/// Takes free seats out of sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The trip.
    pub trip: TripId,
    /// The id of this command, which names the block from then on.
    pub id: CommandId,
    /// Names of the seats.
    pub seats: Vec<String>,
    /// Or a general-admission zone, of which `quantity` places are blocked.
    pub zone: String,
    /// Places of the zone.
    pub quantity: u32,
    /// The legs; the whole trip unless set.
    pub legs: Option<Legs>,
    /// Why, for people.
    pub reason: String,
}

/// Puts blocked seats back on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unblock {
    /// The trip.
    pub trip: TripId,
    /// The block: the id of the command that made it.
    pub block: CommandId,
    /// The id of this command.
    pub id: CommandId,
    /// Seats to put back; all of the block when empty.
    pub seats: Vec<String>,
    /// Places of a general-admission zone to put back.
    pub quantity: u32,
}

/// Freezes, thaws or closes the sale of a trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetSale {
    /// The trip.
    pub trip: TripId,
    /// The id of this command.
    pub id: CommandId,
    /// What to do.
    pub action: SaleAction,
}

impl Block {
    /// Blocks named seats.
    #[must_use]
    pub fn seats(trip: &TripId, seats: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            trip: trip.clone(),
            id: new_command_id(),
            seats: strings(seats),
            zone: String::new(),
            quantity: 0,
            legs: None,
            reason: String::new(),
        }
    }

    /// Blocks places of a general-admission zone.
    #[must_use]
    pub fn quantity(trip: &TripId, zone: impl Into<String>, quantity: u32) -> Self {
        Self { zone: zone.into(), quantity, ..Self::seats(trip, [""; 0]) }
    }

    /// Says why.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

impl Unblock {
    /// Puts all of a block back on sale.
    #[must_use]
    pub fn all(trip: &TripId, block: CommandId) -> Self {
        Self { trip: trip.clone(), block, id: new_command_id(), seats: Vec::new(), quantity: 0 }
    }
}

impl SetSale {
    /// Freezes, thaws or closes the sale.
    #[must_use]
    pub fn new(trip: &TripId, action: SaleAction) -> Self {
        Self { trip: trip.clone(), id: new_command_id(), action }
    }
}

impl Request for Block {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Block(pb::BlockRequest {
            trip_id: self.trip.as_str().to_owned(),
            command_id: command_bytes(self.id),
            seats: self.seats,
            zone: self.zone,
            quantity: self.quantity,
            legs: wire_legs(self.legs),
            reason: self.reason,
        })
    }
}

impl Request for Unblock {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Unblock(pb::UnblockRequest {
            trip_id: self.trip.as_str().to_owned(),
            block_id: command_bytes(self.block),
            command_id: command_bytes(self.id),
            seats: self.seats,
            quantity: self.quantity,
        })
    }
}

impl Request for SetSale {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::SetSale(pb::SetSaleRequest {
            trip_id: self.trip.as_str().to_owned(),
            command_id: command_bytes(self.id),
            action: self.action.into(),
        })
    }
}
