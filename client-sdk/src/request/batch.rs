//! Several commands on one trip, all or none.

use proto::ids::{CommandId, TripId};
use proto::pb;
use proto::pb::pipeline_command::Command;

use super::{
    BeginPayment, Block, Cancel, Confirm, Extend, Hold, HoldBest, HoldQuantity, Release, Request,
    SetSale, Swap, Unblock, command_bytes,
};
use crate::id::new_command_id;

/// Several commands on one trip, carried out all or none.
///
/// The answers come in the order of the commands. Each command is about the batch's trip, whatever trip
/// it was built with.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The trip.
    pub trip: TripId,
    /// The id of the whole batch.
    pub id: CommandId,
    commands: Vec<pb::PipelineCommand>,
}

macro_rules! batch_commands {
    ($($method:ident $request:ident $what:literal;)*) => {
        impl Batch {
            $(
                #[doc = concat!("Adds a command that ", $what, ".")]
                #[must_use]
                pub fn $method(self, request: $request) -> Self {
                    self.add(request)
                }
            )*
        }
    };
}

batch_commands! {
    hold Hold "holds named seats";
    hold_best HoldBest "holds the best seats";
    hold_quantity HoldQuantity "holds places of a zone";
    extend Extend "gives a hold more time";
    begin_payment BeginPayment "pins a hold";
    confirm Confirm "turns a hold into a booking";
    release Release "gives a hold back";
    cancel Cancel "gives seats of a booking back";
    swap Swap "exchanges seats";
    block Block "takes seats out of sale";
    unblock Unblock "puts seats back on sale";
    set_sale SetSale "freezes, thaws or closes the sale";
}

impl Batch {
    /// A batch without commands.
    #[must_use]
    pub fn new(trip: &TripId) -> Self {
        Self { trip: trip.clone(), id: new_command_id(), commands: Vec::new() }
    }

    /// How many commands there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there is no command.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    fn add(mut self, request: impl Request) -> Self {
        let tag = u32::try_from(self.commands.len()).unwrap_or(u32::MAX);
        let command = Some(request.into_command());
        self.commands.push(pb::PipelineCommand { tag, command, ..Default::default() });
        self
    }
}

impl Request for Batch {
    fn trip(&self) -> &TripId {
        &self.trip
    }

    fn into_command(self) -> Command {
        Command::Batch(pb::BatchRequest {
            trip_id: self.trip.as_str().to_owned(),
            command_id: command_bytes(self.id),
            commands: self.commands,
        })
    }
}
