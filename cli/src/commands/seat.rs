//! `seatgrid seat explain`: who owns a seat, and how that came about.

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use client_sdk::ids::{Legs, TripId};
use client_sdk::pb;
use serde::Serialize;

use super::watch::ChangeView;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, table, table_text, unix_ms_text};
use crate::value::{id_text, legs_text, word};

#[derive(Debug, Subcommand)]
pub(crate) enum SeatCommand {
    /// Tell who owns a seat, and its story from the log.
    Explain {
        /// The trip.
        trip: TripId,
        /// The seat.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        seat: String,
        /// One leg, counted from 0; all legs unless given.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(..65_535))]
        leg: Option<u16>,
    },
}

#[derive(Debug, Serialize)]
struct Explained {
    seat: String,
    zone: String,
    owners: Vec<Owner>,
    story: Vec<ChangeView>,
    story_from_version: u64,
}

#[derive(Debug, Serialize)]
struct Owner {
    legs: String,
    state: String,
    hold: String,
    buyer: String,
    fence: u64,
    expires_at_ms: u64,
    reason: String,
}

impl From<pb::SeatOwner> for Owner {
    fn from(owner: pb::SeatOwner) -> Self {
        Self {
            legs: owner.legs.map(legs_text).unwrap_or_default(),
            state: word(owner.state().as_str_name(), "SEAT_STATE_"),
            hold: id_text(&owner.hold_id),
            buyer: owner.buyer_id,
            fence: owner.fence,
            expires_at_ms: owner.expires_at_ms,
            reason: owner.reason,
        }
    }
}

impl Show for Explained {
    fn text(&self) -> String {
        let mut owners = table(["LEGS", "STATE", "HOLD", "BUYER", "UNTIL", "REASON"]);
        for owner in &self.owners {
            let until = if owner.expires_at_ms > 0 {
                unix_ms_text(owner.expires_at_ms)
            } else {
                String::new()
            };
            owners.add_row([
                &owner.legs,
                &owner.state,
                &owner.hold,
                &owner.buyer,
                &until,
                &owner.reason,
            ]);
        }
        let mut story = table(["VERSION", "AT", "WHAT", "LEGS", "HOLD", "BUYER"]);
        for change in &self.story {
            story.add_row([
                change.version.to_string(),
                unix_ms_text(change.at_ms),
                change.kind.clone(),
                change.legs.clone().unwrap_or_default(),
                change.hold.clone(),
                change.buyer.clone(),
            ]);
        }
        let title = format!("seat {} ({})", self.seat, self.zone);
        let forgotten = if self.story_from_version > 1 {
            format!("\n(changes before version {} are forgotten)", self.story_from_version)
        } else {
            String::new()
        };
        let (owners, story) = (table_text(&owners), table_text(&story));
        format!("{title}\n\n{owners}\n\n{story}{forgotten}")
    }
}

pub(crate) async fn run(context: &Context, command: SeatCommand) -> Result<(), Failure> {
    let SeatCommand::Explain { trip, seat, leg } = command;
    let legs = leg
        .map(|leg| Legs::new(leg, leg.saturating_add(1)))
        .transpose()
        .map_err(|error| Failure::usage(error.to_string()))?;
    let told = context.client().await?.explain_seat(&trip, &seat, legs).await?;
    context.print(&Explained {
        seat: told.seat,
        zone: told.zone,
        owners: told.owners.into_iter().map(Owner::from).collect(),
        story: told.story.into_iter().map(ChangeView::from).collect(),
        story_from_version: told.story_from_version,
    })
}
