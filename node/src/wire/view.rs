//! Seat maps for reading.

use actors::ids::{HoldId, Legs, LogPosition, SeatNo};
use actors::seat_map::{
    Change, ChangeKind, Class, Counts, HoldState, HoldView, LatePolicy, Layout, Places, SeatMap,
    Span, ZoneKind,
};
use bytes::Bytes;
use proto::ids::{ShardId, TripId, ZoneNo};
use proto::pb::{self, Code, Problem};

use super::problem::{legs_out, seat_name};
use super::reply::Origin;

fn origin(shard: ShardId, position: LogPosition) -> Option<pb::Position> {
    Some(Origin { shard, position }.wire())
}

/// The legs of a span on this trip.
fn resolve(map: &SeatMap, span: Span) -> Result<Legs, Problem> {
    let last = map.trip().leg_count();
    match span {
        Span::Whole => Ok(map.trip().whole()),
        Span::Legs(legs) if legs.to() <= last => Ok(legs),
        Span::Legs(legs) => Err(Problem {
            field: "legs".into(),
            ..Problem::new(
                Code::InvalidLegs,
                format!("the legs {legs} go beyond the last stop, which is {last}"),
            )
        }),
    }
}

/// A trip with its totals, and its seats on request.
pub(crate) fn trip_view(
    map: &SeatMap,
    trip: &TripId,
    shard: ShardId,
    span: Span,
    with_seats: bool,
) -> Result<pb::GetTripResponse, Problem> {
    let legs = resolve(map, span)?;
    let (view, open) = (map.view(), map.trip());
    let zones: Vec<pb::ZoneTotals> = (0..)
        .zip(open.layout.zones())
        .map(|(number, zone)| pb::ZoneTotals {
            zone: zone.name.to_string(),
            general_admission: zone.kind != ZoneKind::Numbered,
            totals: Some(zone_totals(map, ZoneNo::new(number), legs)),
        })
        .collect();
    let sum = zones.iter().filter_map(|zone| zone.totals).fold(pb::Totals::default(), add);
    Ok(pb::GetTripResponse {
        trip_id: trip.to_string(),
        title: open.title.to_string(),
        stops: open.stops.iter().map(stop).collect(),
        rules: Some(rules(map)),
        version: map.version(),
        position: origin(shard, map.position()),
        frozen: view.is_frozen(),
        closed: view.is_closed(),
        totals: Some(sum),
        zones,
        seats: if with_seats { seats(map, legs) } else { Vec::new() },
        live_holds: u32::try_from(view.live_holds()).unwrap_or(u32::MAX),
    })
}

fn add(sum: pb::Totals, other: pb::Totals) -> pb::Totals {
    pb::Totals {
        capacity: sum.capacity + other.capacity,
        free: sum.free + other.free,
        held: sum.held + other.held,
        paying: sum.paying + other.paying,
        sold: sum.sold + other.sold,
        blocked: sum.blocked + other.blocked,
    }
}

/// Numbered seats count once, by what takes them most lastingly on any of the legs; places of general
/// admission by the fullest leg.
fn zone_totals(map: &SeatMap, zone: ZoneNo, legs: Legs) -> pb::Totals {
    let layout = &map.trip().layout;
    let numbered = layout.zone(zone).is_some_and(|zone| zone.kind == ZoneKind::Numbered);
    let counts = if numbered {
        let mut counts = Counts { capacity: layout.capacity(zone), ..Counts::default() };
        let states = layout.seats().iter().zip(map.view().seats(legs));
        for (_, class) in states.filter(|(seat, _)| seat.zone == zone) {
            match class {
                None => {}
                Some(Class::Held) => counts.held += 1,
                Some(Class::Paying) => counts.paying += 1,
                Some(Class::Sold) => counts.sold += 1,
                Some(Class::Blocked) => counts.blocked += 1,
            }
        }
        counts
    } else {
        let on_legs = (legs.from()..legs.to()).map(|leg| map.view().zone(zone, leg));
        on_legs.min_by_key(Counts::free).unwrap_or_default()
    };
    pb::Totals {
        capacity: counts.capacity,
        free: counts.free(),
        held: counts.held,
        paying: counts.paying,
        sold: counts.sold,
        blocked: counts.blocked,
    }
}

fn stop(stop: &actors::seat_map::Stop) -> pb::Stop {
    pb::Stop {
        name: stop.name.to_string(),
        arrival_ms: stop.arrives_at.map_or(0, |at| at.as_unix_ms()),
        departure_ms: stop.departs_at.map_or(0, |at| at.as_unix_ms()),
        no_boarding: !stop.boarding,
        no_alighting: !stop.alighting,
    }
}

fn rules(map: &SeatMap) -> pb::SaleRules {
    let rules = &map.trip().rules;
    let late = match rules.late {
        LatePolicy::Refuse => pb::LatePolicy::Refuse,
        LatePolicy::Reacquire => pb::LatePolicy::Reacquire,
    };
    pb::SaleRules {
        sale_opens_at_ms: rules.sale_opens_at.map_or(0, |at| at.as_unix_ms()),
        sale_closes_at_ms: rules.sale_closes_at.map_or(0, |at| at.as_unix_ms()),
        max_seats_per_buyer: rules.max_seats_per_buyer,
        max_seats_per_hold: rules.max_seats_per_hold,
        min_hold_ttl_ms: rules.ttl_min_ms,
        default_hold_ttl_ms: rules.ttl_default_ms,
        max_hold_ttl_ms: rules.ttl_max_ms,
        max_payment_window_ms: rules.payment_window_ms,
        hold_cap_ms: rules.hold_cap_ms,
        late: late.into(),
    }
}

fn state(class: Option<Class>) -> pb::SeatState {
    match class {
        None => pb::SeatState::Free,
        Some(Class::Held) => pb::SeatState::Held,
        Some(Class::Paying) => pb::SeatState::Paying,
        Some(Class::Sold) => pb::SeatState::Sold,
        Some(Class::Blocked) => pb::SeatState::Blocked,
    }
}

fn seats(map: &SeatMap, legs: Legs) -> Vec<pb::SeatInfo> {
    let layout = &map.trip().layout;
    let zone_name = |zone| layout.zone(zone).map_or_else(String::new, |z| z.name.to_string());
    let states = layout.seats().iter().zip(map.view().seats(legs));
    (0..)
        .zip(states)
        .map(|(number, (seat, class))| {
            let place = layout.place(SeatNo::new(number));
            pb::SeatInfo {
                number,
                name: seat.name.to_string(),
                zone: zone_name(seat.zone),
                state: state(class).into(),
                attributes: seat.attributes.bits(),
                row: place.map(|place| place.row),
                place: place.map_or(0, |place| place.place),
                deck: seat.deck.into(),
            }
        })
        .collect()
}

fn id(id: HoldId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

/// A hold or booking.
pub(crate) fn hold_view(
    map: &SeatMap,
    shard: ShardId,
    hold: HoldId,
) -> Result<pb::GetHoldResponse, Problem> {
    let unknown = || Problem::new(Code::UnknownHold, "there is no such hold, or it was forgotten");
    let found = map.view().hold(hold).ok_or_else(unknown)?;
    let layout = &map.trip().layout;
    let state = match found.state {
        HoldState::Held => pb::HoldState::Held,
        HoldState::Paying => pb::HoldState::Paying,
        HoldState::Sold => pb::HoldState::Confirmed,
        HoldState::Expired => pb::HoldState::Expired,
        HoldState::Released => pb::HoldState::Released,
        HoldState::Cancelled => pb::HoldState::Cancelled,
        HoldState::Blocked | HoldState::Unblocked => return Err(unknown()),
    };
    let (zone, quantity) = quantity(found.places, layout);
    Ok(pb::GetHoldResponse {
        hold_id: id(hold),
        buyer_id: found.buyer.as_str().to_owned(),
        state: state.into(),
        seats: found.places.seats().iter().map(|&s| seat_name(Some(layout), s).into()).collect(),
        zone,
        quantity,
        legs: Some(legs_out(found.legs)),
        fence: found.fence.get(),
        expires_at_ms: found.expires_at.as_unix_ms(),
        position: origin(shard, map.position()),
    })
}

fn quantity(places: &Places, layout: &Layout) -> (String, u32) {
    match places {
        Places::Seats(_) => (String::new(), 0),
        Places::Quantity { zone, count } => {
            (layout.zone(*zone).map_or_else(String::new, |z| z.name.to_string()), *count)
        }
    }
}

/// Who has a seat, and what happened to it.
pub(crate) fn explain(
    map: &SeatMap,
    shard: ShardId,
    seat: &str,
    span: Span,
) -> Result<pb::ExplainSeatResponse, Problem> {
    let legs = resolve(map, span)?;
    let layout = &map.trip().layout;
    let number = layout.seat_named(seat).ok_or_else(|| Problem {
        field: "seat".into(),
        ..Problem::new(Code::UnknownSeat, format!("there is no seat {seat}"))
    })?;
    let story = map.seat_story(number, legs);
    let zone = layout.seat(number).and_then(|seat| layout.zone(seat.zone));
    Ok(pb::ExplainSeatResponse {
        seat: seat.to_owned(),
        zone: zone.map_or_else(String::new, |zone| zone.name.to_string()),
        owners: story.owners.iter().map(|o| owner(o.legs, o.class, &o.hold)).collect(),
        story: story.changes.iter().map(|c| change(c, shard, layout)).collect(),
        story_from_version: story.kept_from,
        position: origin(shard, map.position()),
    })
}

fn owner(legs: Legs, class: Class, hold: &HoldView<'_>) -> pb::SeatOwner {
    pb::SeatOwner {
        legs: Some(legs_out(legs)),
        state: state(Some(class)).into(),
        hold_id: id(hold.id),
        buyer_id: hold.buyer.as_str().to_owned(),
        fence: hold.fence.get(),
        expires_at_ms: match class {
            Class::Held | Class::Paying => hold.expires_at.as_unix_ms(),
            Class::Sold | Class::Blocked => 0,
        },
        reason: hold.note.to_owned(),
    }
}

/// One change of a trip.
pub(crate) fn change(change: &Change, shard: ShardId, layout: &Layout) -> pb::Change {
    let (zone, quantity) = quantity(&change.places, layout);
    pb::Change {
        version: change.version,
        position: origin(shard, change.pos),
        at_ms: change.at.as_unix_ms(),
        kind: kind(change.kind).into(),
        hold_id: change.hold.map_or_else(Bytes::new, id),
        buyer_id: change.buyer.as_str().to_owned(),
        legs: change.legs.map(legs_out),
        seats: change.places.seats().iter().map(|seat| seat.get()).collect(),
        zone,
        quantity,
    }
}

fn kind(kind: ChangeKind) -> pb::ChangeKind {
    match kind {
        ChangeKind::Opened => pb::ChangeKind::Opened,
        ChangeKind::Held => pb::ChangeKind::Held,
        ChangeKind::Extended => pb::ChangeKind::Extended,
        ChangeKind::Paying => pb::ChangeKind::PaymentBegun,
        ChangeKind::Confirmed => pb::ChangeKind::Confirmed,
        ChangeKind::Reacquired => pb::ChangeKind::Reacquired,
        ChangeKind::Released => pb::ChangeKind::Released,
        ChangeKind::Expired => pb::ChangeKind::Expired,
        ChangeKind::Cancelled => pb::ChangeKind::Cancelled,
        ChangeKind::SwappedOut => pb::ChangeKind::SwappedOut,
        ChangeKind::SwappedIn => pb::ChangeKind::SwappedIn,
        ChangeKind::Blocked => pb::ChangeKind::Blocked,
        ChangeKind::Unblocked => pb::ChangeKind::Unblocked,
        ChangeKind::Frozen => pb::ChangeKind::Frozen,
        ChangeKind::Thawed => pb::ChangeKind::Thawed,
        ChangeKind::SalesClosed => pb::ChangeKind::Closed,
    }
}
