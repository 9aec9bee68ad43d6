//! Trips to be opened: layout, stops, rules.

use std::sync::Arc;

use actors::ids::{SeatNo, Timestamp, ZoneNo};
use actors::seat_map::limits::{MAX_LEGS, MAX_PLACES, MAX_ROWS, MAX_ZONES};
use actors::seat_map::{
    Attributes, Layout, LayoutFault, LayoutSpec, Open, Refusal, Rules, SeatSpec, Stop, ZoneKind,
    ZoneSpec,
};
use proto::limits::MAX_DECODED_LIST_BYTES;
use proto::pb::{self, Code, Problem};

use super::problem::refusal_problem;
use super::request::late_policy;

const _: () = {
    let rows = MAX_ROWS * size_of::<pb::Row>() + MAX_PLACES * size_of::<pb::Place>();
    let zones = MAX_ZONES * size_of::<pb::Zone>();
    let stops = (MAX_LEGS + 1) * size_of::<pb::Stop>();
    let command = size_of::<pb::PipelineCommand>();
    assert!(command + rows + zones + stops <= MAX_DECODED_LIST_BYTES, "the largest trip is read");
};

/// Reads a trip as it is put on sale.
pub(super) fn open(r: pb::OpenTripRequest) -> Result<Open, Problem> {
    let wire = r.layout.ok_or_else(|| Problem::invalid("layout", "a layout is required"))?;
    let layout = Layout::new(spec(wire)?).map_err(layout_problem)?;
    Ok(Open {
        title: r.title.into(),
        stops: stops(r.stops),
        layout: Arc::new(layout),
        rules: rules(r.rules.unwrap_or_default())?,
    })
}

fn layout_problem(fault: LayoutFault) -> Problem {
    let code = match fault {
        LayoutFault::DuplicateNames { .. } => Code::DuplicateSeat,
        _ => Code::InvalidLayout,
    };
    let problem = refusal_problem(&Refusal::from(fault), None, true);
    Problem { code: code.into(), field: "layout".into(), ..problem }
}

/// Seats get their numbers in the order of the rows.
fn spec(wire: pb::Layout) -> Result<LayoutSpec, Problem> {
    let zones = wire.zones.into_iter().map(|zone| ZoneSpec {
        name: zone.name.into(),
        kind: match zone.general_admission_capacity {
            None => ZoneKind::Numbered,
            Some(capacity) => ZoneKind::GeneralAdmission { capacity },
        },
    });
    let mut spec = LayoutSpec { zones: zones.collect(), ..LayoutSpec::default() };
    for (number, row) in wire.rows.into_iter().enumerate() {
        let invalid = |what: &str, found: u32, max: u32| Problem {
            field: format!("layout.rows[{number}].{what}"),
            ..Problem::new(Code::InvalidLayout, format!("{found} is beyond {max}"))
        };
        let deck = u8::try_from(row.deck).map_err(|_| invalid("deck", row.deck, 255))?;
        let mut places = Vec::with_capacity(row.places.len());
        for place in row.places {
            if place.seat.is_empty() {
                places.push(None);
                continue;
            }
            let zone = u16::try_from(place.zone);
            let zone = zone.map_err(|_| invalid("places.zone", place.zone, 1_023))?;
            let seat = u32::try_from(spec.seats.len()).expect("a message has fewer seats");
            places.push(Some(SeatNo::new(seat)));
            spec.seats.push(SeatSpec {
                name: place.seat.into(),
                zone: ZoneNo::new(zone),
                deck,
                attributes: Attributes::from_bits(place.attributes),
            });
        }
        spec.rows.push(places);
    }
    Ok(spec)
}

/// No stops stand for an event: one leg from its beginning to its end.
fn stops(wire: Vec<pb::Stop>) -> Box<[Stop]> {
    let time = |ms: u64| (ms > 0).then(|| Timestamp::from_unix_ms(ms));
    let event = |name: &str| Stop {
        name: name.into(),
        arrives_at: None,
        departs_at: None,
        boarding: true,
        alighting: true,
    };
    if wire.is_empty() {
        return [event("start"), event("end")].into();
    }
    let stop = |stop: pb::Stop| Stop {
        name: stop.name.into(),
        arrives_at: time(stop.arrival_ms),
        departs_at: time(stop.departure_ms),
        boarding: !stop.no_boarding,
        alighting: !stop.no_alighting,
    };
    wire.into_iter().map(stop).collect()
}

/// Zero stands for the default. A longest time below the default of a shorter one takes that down too,
/// so that a caller may set one limit alone.
fn rules(wire: pb::SaleRules) -> Result<Rules, Problem> {
    let default = Rules::default();
    let late = late_policy(wire.late())?.unwrap_or(default.late);
    let or = |value: u64, default: u64| if value == 0 { default } else { value };
    let time = |ms: u64| (ms > 0).then(|| Timestamp::from_unix_ms(ms));
    let ttl_min_ms = or(wire.min_hold_ttl_ms, default.ttl_min_ms);
    let ttl_max_ms = match (wire.max_hold_ttl_ms, wire.default_hold_ttl_ms) {
        (0, asked) => default.ttl_max_ms.max(asked).max(ttl_min_ms),
        (max, _) => max,
    };
    let ttl_default_ms = match wire.default_hold_ttl_ms {
        0 => default.ttl_default_ms.clamp(ttl_min_ms.min(ttl_max_ms), ttl_max_ms),
        asked => asked,
    };
    Ok(Rules {
        sale_opens_at: time(wire.sale_opens_at_ms),
        sale_closes_at: time(wire.sale_closes_at_ms),
        max_seats_per_buyer: wire.max_seats_per_buyer,
        max_seats_per_hold: match wire.max_seats_per_hold {
            0 => default.max_seats_per_hold,
            max => max,
        },
        ttl_min_ms,
        ttl_default_ms,
        ttl_max_ms,
        payment_window_ms: or(wire.max_payment_window_ms, default.payment_window_ms),
        hold_cap_ms: or(wire.hold_cap_ms, default.hold_cap_ms.max(ttl_max_ms)),
        late,
    })
}
