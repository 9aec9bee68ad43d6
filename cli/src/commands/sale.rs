//! `seatgrid sale`: freeze, thaw or close the sale of a trip.

use clap::Subcommand;
use client_sdk::ids::TripId;
use client_sdk::{SaleAction, SetSale};

use super::booking::Outcome;
use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum SaleCommand {
    /// Refuse new holds until thawed.
    Freeze {
        /// The trip.
        trip: TripId,
    },
    /// Take new holds again.
    Thaw {
        /// The trip.
        trip: TripId,
    },
    /// Refuse new holds for good.
    Close {
        /// The trip.
        trip: TripId,
    },
}

pub(crate) async fn run(context: &Context, command: SaleCommand) -> Result<(), Failure> {
    let (trip, action, done) = match command {
        SaleCommand::Freeze { trip } => (trip, SaleAction::Freeze, "frozen"),
        SaleCommand::Thaw { trip } => (trip, SaleAction::Thaw, "thawed"),
        SaleCommand::Close { trip } => (trip, SaleAction::Close, "closed"),
    };
    let set = context.client().await?.set_sale(SetSale::new(&trip, action)).await?;
    context.print(&Outcome::new(done, set.position))
}
