//! `seatgrid block` and `unblock`: seats out of sale, and back.

use clap::ArgGroup;
use clap::builder::NonEmptyStringValueParser;
use client_sdk::ids::{CommandId, Legs, TripId};
use client_sdk::{Block, Unblock};

use super::booking::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::value;

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).args(["seats", "quantity"]))]
pub(crate) struct BlockArgs {
    /// The trip.
    trip: TripId,
    /// Names of the seats.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    seats: Vec<String>,
    /// The general-admission zone, with --quantity.
    #[arg(long, requires = "quantity")]
    zone: Option<String>,
    /// So many places of the zone.
    #[arg(long, requires = "zone")]
    quantity: Option<u32>,
    /// Legs such as 0..2; the whole trip unless given.
    #[arg(long, value_parser = value::legs)]
    legs: Option<Legs>,
    /// Why, for people.
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UnblockArgs {
    /// The trip.
    trip: TripId,
    /// The id that `block` answered.
    block: CommandId,
    /// Seats to put back; all of the block unless given.
    seats: Vec<String>,
    /// Places of a general-admission zone to put back.
    #[arg(long, conflicts_with = "seats")]
    quantity: Option<u32>,
}

pub(crate) async fn block(context: &Context, args: BlockArgs) -> Result<(), Failure> {
    let request = match args.quantity {
        Some(quantity) => Block::quantity(&args.trip, args.zone.unwrap_or_default(), quantity),
        None => Block::seats(&args.trip, args.seats),
    };
    let request = Block { legs: args.legs, reason: args.reason, ..request };
    let blocked = context.client().await?.block(request).await?;
    let id = Some(blocked.block.to_string());
    context.print(&Outcome { id, ..Outcome::new("blocked", blocked.position) })
}

pub(crate) async fn unblock(context: &Context, args: UnblockArgs) -> Result<(), Failure> {
    let request = Unblock {
        seats: args.seats,
        quantity: args.quantity.unwrap_or(0),
        ..Unblock::all(&args.trip, args.block)
    };
    let unblocked = context.client().await?.unblock(request).await?;
    let left = Some(unblocked.left);
    context.print(&Outcome { left, ..Outcome::new("unblocked", unblocked.position) })
}
