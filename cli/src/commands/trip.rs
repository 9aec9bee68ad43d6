//! `seatgrid trip`: open, list, show.

use std::path::PathBuf;

use client_sdk::ids::{Legs, TripId};
use client_sdk::layout::Layout;
use client_sdk::pb::Code;
use client_sdk::{Error, OpenTrip, TripView, pb};
use serde::Serialize;

use super::rules::Rules;
use super::seat_drawing::draw;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, pairs, table, table_text};
use crate::value::{self, word};

#[derive(Debug, clap::Args)]
pub(crate) struct OpenArgs {
    /// The trip's id: up to 128 bytes without blanks.
    trip: TripId,
    /// The layout file.
    #[arg(long)]
    layout: PathBuf,
    /// What people call the trip.
    #[arg(long, default_value = "")]
    title: String,
    /// Names of the stops, at least two; one leg unless given.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    stops: Vec<String>,
    #[command(flatten)]
    rules: Rules,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only trips whose id begins so.
    #[arg(long, default_value = "")]
    prefix: String,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The trip.
    trip: TripId,
    /// Also draw every seat.
    #[arg(long)]
    seats: bool,
    /// Legs such as 0..2; the whole trip unless given.
    #[arg(long, value_parser = value::legs)]
    legs: Option<Legs>,
    /// Take what the asked replica knows, however old.
    #[arg(long)]
    stale: bool,
}

#[derive(Debug, Serialize)]
struct OpenedView {
    trip: String,
    places: u32,
    legs: u32,
    shard: u32,
}

impl Show for OpenedView {
    fn text(&self) -> String {
        pairs(&[
            ("opened", self.trip.clone()),
            ("places", self.places.to_string()),
            ("legs", self.legs.to_string()),
            ("shard", self.shard.to_string()),
        ])
    }
}

pub(crate) async fn open(context: &Context, args: OpenArgs) -> Result<(), Failure> {
    if args.stops.len() == 1 {
        return Err(Failure::usage("--stops: a trip has at least two stops"));
    }
    if let Some(empty) = args.stops.iter().position(|name| name.trim().is_empty()) {
        return Err(Failure::usage(format!("--stops: the name of stop {} is empty", empty + 1)));
    }
    let layout = Layout::read(&args.layout)?;
    let client = context.client().await?;
    let request = OpenTrip::new(&args.trip, &layout)
        .title(args.title)
        .stop_names(args.stops)
        .rules(args.rules.into());
    let opened = client.open_trip(request).await.map_err(not_opened)?;
    context.print(&OpenedView {
        trip: args.trip.to_string(),
        places: opened.places,
        legs: opened.legs,
        shard: client.shard_of(&args.trip).get(),
    })
}

/// The id of the command that opens a trip comes from the trip's, so that only another body reuses it.
fn not_opened(error: Error) -> Failure {
    let differs = error.code() == Code::IdReused;
    let failure = Failure::from(error);
    if differs {
        let hint = "the trip is on sale already, with another title, layout, stops or rules";
        return failure.hint(format!("{hint}: `seatgrid trip show TRIP` has them"));
    }
    failure
}

#[derive(Debug, Serialize)]
struct Listing {
    trips: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct Listed {
    trip: String,
    shard: u32,
    active: bool,
}

impl Show for Listing {
    fn text(&self) -> String {
        let mut table = table(["TRIP", "SHARD", "STATE"]);
        for trip in &self.trips {
            let state = if trip.active { "active" } else { "idle" };
            table.add_row([trip.trip.as_str(), &trip.shard.to_string(), state]);
        }
        table_text(&table)
    }
}

pub(crate) async fn list(context: &Context, args: ListArgs) -> Result<(), Failure> {
    let found = context.client().await?.list_trips(&args.prefix, args.limit).await?;
    let cut = found.len() == args.limit;
    let trips = found.into_iter().map(|trip| Listed {
        trip: trip.trip_id,
        shard: trip.shard,
        active: trip.active,
    });
    context.print(&Listing { trips: trips.collect() })?;
    if cut {
        context.output.say(&format!("the first {} trips; see --limit and --prefix", args.limit));
    }
    Ok(())
}

#[derive(Debug, Serialize)]
pub(crate) struct TripText {
    trip: String,
    title: String,
    version: u64,
    sale: &'static str,
    live_holds: u32,
    stops: Vec<String>,
    totals: Counts,
    zones: Vec<Zone>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    seats: Vec<Seat>,
    #[serde(skip)]
    drawing: Option<String>,
}

#[derive(Debug, Serialize)]
struct Zone {
    zone: String,
    general_admission: bool,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    capacity: u32,
    free: u32,
    held: u32,
    paying: u32,
    sold: u32,
    blocked: u32,
}

#[derive(Debug, Serialize)]
struct Seat {
    number: u32,
    name: String,
    zone: String,
    state: String,
}

impl From<Option<pb::Totals>> for Counts {
    fn from(totals: Option<pb::Totals>) -> Self {
        let pb::Totals { capacity, free, held, paying, sold, blocked } = totals.unwrap_or_default();
        Self { capacity, free, held, paying, sold, blocked }
    }
}

impl From<pb::GetTripResponse> for TripText {
    fn from(trip: pb::GetTripResponse) -> Self {
        let drawing = (!trip.seats.is_empty()).then(|| draw(&trip.seats));
        let zones = trip.zones.into_iter().map(|zone| Zone {
            zone: zone.zone,
            general_admission: zone.general_admission,
            counts: zone.totals.into(),
        });
        let seats = trip.seats.into_iter().map(|seat| Seat {
            number: seat.number,
            state: word(seat.state().as_str_name(), "SEAT_STATE_"),
            name: seat.name,
            zone: seat.zone,
        });
        Self {
            sale: match (trip.closed, trip.frozen) {
                (true, _) => "closed",
                (false, true) => "frozen",
                (false, false) => "open",
            },
            trip: trip.trip_id,
            title: trip.title,
            version: trip.version,
            live_holds: trip.live_holds,
            stops: trip.stops.into_iter().map(|stop| stop.name).collect(),
            totals: trip.totals.into(),
            zones: zones.collect(),
            seats: seats.collect(),
            drawing,
        }
    }
}

impl Show for TripText {
    fn text(&self) -> String {
        let head = pairs(&[
            ("trip", self.trip.clone()),
            ("title", self.title.clone()),
            ("sale", self.sale.to_owned()),
            ("version", self.version.to_string()),
            ("live holds", self.live_holds.to_string()),
            ("stops", self.stops.join(" → ")),
        ]);
        let mut table = table(["ZONE", "CAPACITY", "FREE", "HELD", "PAYING", "SOLD", "BLOCKED"]);
        let all = Zone { zone: "all".into(), general_admission: false, counts: self.totals };
        for Zone { zone, counts, .. } in self.zones.iter().chain([&all]) {
            let Counts { capacity, free, held, paying, sold, blocked } = counts;
            let numbers = [capacity, free, held, paying, sold, blocked].map(u32::to_string);
            table.add_row(std::iter::once(zone.clone()).chain(numbers));
        }
        let drawing = self.drawing.as_ref().map(|text| format!("\n\n{text}"));
        format!("{head}\n\n{}{}", table_text(&table), drawing.unwrap_or_default())
    }
}

pub(crate) async fn show(context: &Context, args: ShowArgs) -> Result<(), Failure> {
    let view = TripView { seats: args.seats, legs: args.legs, stale: args.stale };
    let trip = context.client().await?.trip(&args.trip, view).await?;
    context.print(&TripText::from(trip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trip_is_shown_by_zone_with_its_totals() {
        let totals = pb::Totals { capacity: 50, free: 47, held: 1, sold: 2, ..Default::default() };
        let zone =
            pb::ZoneTotals { zone: "First".into(), totals: Some(totals), ..Default::default() };
        let trip = pb::GetTripResponse {
            trip_id: "t1".into(),
            version: 9,
            totals: Some(totals),
            zones: vec![zone],
            ..Default::default()
        };
        let text = TripText::from(trip).text();
        assert!(text.contains("First  50        47    1     0       2     0"), "{text}");
        assert!(text.starts_with("trip        t1\nsale        open\nversion     9"), "{text}");
    }
}
