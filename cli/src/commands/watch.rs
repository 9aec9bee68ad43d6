//! `seatgrid trip watch`: the changes of a trip, one a line.

use client_sdk::ids::TripId;
use client_sdk::{Event, SeatMapView, pb};
use serde::Serialize;

use super::trip::TripText;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, unix_ms_text};
use crate::value::{id_text, legs_text, word};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The trip.
    trip: TripId,
    /// The version to go on from; a snapshot comes first unless given.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    from: u64,
}

/// A change as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeView {
    pub(crate) version: u64,
    pub(crate) at_ms: u64,
    pub(crate) kind: String,
    pub(crate) hold: String,
    pub(crate) buyer: String,
    pub(crate) legs: Option<String>,
    pub(crate) seats: Vec<u32>,
    pub(crate) zone: String,
    pub(crate) quantity: u32,
}

impl From<pb::Change> for ChangeView {
    fn from(change: pb::Change) -> Self {
        Self {
            version: change.version,
            at_ms: change.at_ms,
            kind: word(change.kind().as_str_name(), "CHANGE_KIND_"),
            hold: id_text(&change.hold_id),
            buyer: change.buyer_id,
            legs: change.legs.map(legs_text),
            seats: change.seats,
            zone: change.zone,
            quantity: change.quantity,
        }
    }
}

/// A change with the names of its seats.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    change: ChangeView,
    names: Vec<String>,
}

impl Show for Told {
    fn text(&self) -> String {
        let ChangeView { version, at_ms, kind, hold, buyer, legs, zone, quantity, .. } =
            &self.change;
        let what = if self.names.is_empty() && *quantity > 0 {
            format!("{quantity} × {zone}")
        } else {
            self.names.join(" ")
        };
        let legs = legs.clone().unwrap_or_default();
        let line = format!(
            "{version:>6}  {}  {kind:<13} {what}  {legs}  {hold}  {buyer}",
            unix_ms_text(*at_ms)
        );
        line.trim_end().to_owned()
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let client = context.client().await?;
    let mut watch = client.watch(&args.trip, args.from);
    let mut view = SeatMapView::default();
    loop {
        let event = watch.next().await?;
        // Without a snapshot first the view knows no names; the changes are shown all the same.
        let _ = view.apply(&event);
        match event {
            Event::Snapshot(trip) => context.print(&TripText::from(*trip))?,
            Event::Change(change) => {
                let name = |&number: &u32| {
                    view.seat(number).map_or_else(|| format!("#{number}"), |seat| seat.name.clone())
                };
                let names = change.seats.iter().map(name).collect();
                context.print(&Told { change: change.into(), names })?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_line() {
        let change = pb::Change {
            version: 12,
            at_ms: 1_000,
            kind: pb::ChangeKind::Held.into(),
            buyer_id: "ann".into(),
            legs: Some(pb::Legs { from: 0, to: 2 }),
            ..Default::default()
        };
        let told = Told { change: change.into(), names: vec!["1A".into(), "1B".into()] };
        assert_eq!(told.text(), "    12  1970-01-01T00:00:01Z  held          1A 1B  0..2    ann");
    }
}
