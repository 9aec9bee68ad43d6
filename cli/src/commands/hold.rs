//! `seatgrid hold`.

use std::time::Duration;

use clap::ArgGroup;
use clap::builder::NonEmptyStringValueParser;
use client_sdk::ids::{BuyerId, HoldId, Legs, TripId};
use client_sdk::{Held, Hold, HoldBest, HoldQuantity, new_hold_id};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, pairs, unix_ms_text};
use crate::value;

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("what").required(true).args(["seats", "best", "quantity"]))]
pub(crate) struct Args {
    /// The trip.
    trip: TripId,
    /// Names of the seats, all or none.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    seats: Vec<String>,
    /// So many seats, where the cluster finds them best.
    #[arg(long, value_name = "N")]
    best: Option<u32>,
    /// So many places of a general-admission zone.
    #[arg(long, value_name = "N", requires = "zone")]
    quantity: Option<u32>,
    /// The zone, with --best or --quantity.
    #[arg(long, conflicts_with = "seats")]
    zone: Option<String>,
    /// With --best: refuse rather than split the party.
    #[arg(long, requires = "best")]
    adjacent: bool,
    /// Who holds.
    #[arg(long, default_value = "")]
    buyer: BuyerId,
    /// How long; the trip's default unless given.
    #[arg(long, value_parser = value::positive_duration)]
    ttl: Option<Duration>,
    /// Legs such as 0..2; the whole trip unless given.
    #[arg(long, value_parser = value::legs)]
    legs: Option<Legs>,
    /// The id of the hold; a new one unless given. The same command with the same id is one hold.
    #[arg(long)]
    id: Option<HoldId>,
}

/// A hold as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct HeldView {
    trip: String,
    hold: String,
    seats: Vec<String>,
    fence: u64,
    expires_at_ms: u64,
    shard: u32,
    position: u64,
}

impl From<Held> for HeldView {
    fn from(held: Held) -> Self {
        Self {
            trip: held.trip.to_string(),
            hold: held.hold.to_string(),
            fence: held.fence.get(),
            expires_at_ms: held.expires_at.as_unix_ms(),
            shard: held.position.shard.get(),
            position: held.position.log.packed(),
            seats: held.seats,
        }
    }
}

impl Show for HeldView {
    fn text(&self) -> String {
        pairs(&[
            ("hold", self.hold.clone()),
            ("seats", self.seats.join(" ")),
            ("expires", unix_ms_text(self.expires_at_ms)),
            ("fence", self.fence.to_string()),
        ])
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let client = context.client().await?;
    let id = args.id.unwrap_or_else(new_hold_id);
    let held = if let Some(quantity) = args.best {
        let request = HoldBest::new(&args.trip, quantity);
        let request = HoldBest {
            id,
            buyer: args.buyer,
            zone: args.zone.unwrap_or_default(),
            adjacent: args.adjacent,
            legs: args.legs,
            ttl: args.ttl,
            ..request
        };
        client.hold_best(request).await
    } else if let Some(quantity) = args.quantity {
        let request = HoldQuantity::new(&args.trip, args.zone.unwrap_or_default(), quantity);
        let (legs, ttl) = (args.legs, args.ttl);
        client.hold_quantity(HoldQuantity { id, buyer: args.buyer, legs, ttl, ..request }).await
    } else {
        let request = Hold::seats(&args.trip, args.seats);
        let (legs, ttl) = (args.legs, args.ttl);
        client.hold(Hold { id, buyer: args.buyer, legs, ttl, ..request }).await
    };
    let held = held.map_err(|error| {
        let unknown = matches!(error, client_sdk::Error::Unknown { .. });
        let failure = Failure::from(error);
        if unknown { failure.hint(format!("ask again with --id {id}")) } else { failure }
    })?;
    context.print(&HeldView::from(held))
}
