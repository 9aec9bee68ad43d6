//! `seatgrid trip`: open, list, show, watch.

use std::path::PathBuf;
use std::time::Duration;

use client_sdk::ids::{Legs, TripId};
use client_sdk::layout::Layout;
use client_sdk::pb::{LatePolicy, SaleRules};
use client_sdk::{Event, OpenTrip, SeatMapView, TripView, pb};
use serde::Serialize;

use super::booking::Late;
use super::seat_drawing::draw;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, pairs, table, table_text, unix_ms_text};
use crate::value::{self, id_text, legs_text, word};

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

/// What trips allow.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct Rules {
    /// Holds are refused before this time, such as 2026-12-01T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    opens_at: Option<jiff::Timestamp>,
    /// Holds are refused from this time on.
    #[arg(long, value_name = "TIME")]
    closes_at: Option<jiff::Timestamp>,
    /// Seats that one buyer may hold and own together.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    max_per_buyer: u32,
    /// Seats in one hold.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    max_per_hold: u32,
    /// Shortest life of a hold.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    min_ttl: Option<Duration>,
    /// Life of a hold whose buyer asks for none.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    default_ttl: Option<Duration>,
    /// Longest life of a hold.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    max_ttl: Option<Duration>,
    /// Longest payment window.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    payment_window: Option<Duration>,
    /// Longest life of a hold over all extensions and payments.
    #[arg(long, value_name = "TIME", value_parser = value::duration)]
    hold_cap: Option<Duration>,
    /// What a confirm does that comes after its hold has expired.
    #[arg(long, value_enum)]
    late: Option<Late>,
}

impl From<Rules> for SaleRules {
    fn from(rules: Rules) -> Self {
        let ms = |time: Option<Duration>| time.map_or(0, |time| time.as_millis() as u64);
        let at = |moment: Option<jiff::Timestamp>| {
            moment.and_then(|moment| u64::try_from(moment.as_millisecond()).ok()).unwrap_or(0)
        };
        Self {
            sale_opens_at_ms: at(rules.opens_at),
            sale_closes_at_ms: at(rules.closes_at),
            max_seats_per_buyer: rules.max_per_buyer,
            max_seats_per_hold: rules.max_per_hold,
            min_hold_ttl_ms: ms(rules.min_ttl),
            default_hold_ttl_ms: ms(rules.default_ttl),
            max_hold_ttl_ms: ms(rules.max_ttl),
            max_payment_window_ms: ms(rules.payment_window),
            hold_cap_ms: ms(rules.hold_cap),
            late: rules.late.map_or(LatePolicy::Unspecified, LatePolicy::from).into(),
        }
    }
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

#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// The trip.
    trip: TripId,
    /// The version to go on from; a snapshot comes first unless given.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    from: u64,
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
        return Err(Failure::usage("a trip has at least two stops"));
    }
    let layout = Layout::read(&args.layout)?;
    let client = context.client().await?;
    let request = OpenTrip::new(&args.trip, &layout)
        .title(args.title)
        .stop_names(args.stops)
        .rules(args.rules.into());
    let opened = client.open_trip(request).await?;
    context.print(&OpenedView {
        trip: args.trip.to_string(),
        places: opened.places,
        legs: opened.legs,
        shard: client.shard_of(&args.trip).get(),
    })
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
struct TripText {
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

pub(crate) async fn watch(context: &Context, args: WatchArgs) -> Result<(), Failure> {
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
