//! The bytes of a trip as it is put on sale.

use std::sync::Arc;

use super::wire::{Reader, invalid, put_moment, put_number, put_text};
use super::{DecodeError, Layouts, Resolver, layout};
use crate::seat_map::limits::{MAX_LEGS, MAX_STOP_NAME_BYTES, MAX_TITLE_BYTES};
use crate::seat_map::open::{LatePolicy, Open, Rules, Stop};

/// Writes the layout (its digest first), title, stops and rules.
pub(super) fn put(out: &mut Vec<u8>, open: &Open, layouts: Layouts) {
    out.extend_from_slice(&open.layout.digest().0);
    match layouts {
        Layouts::ByDigest => out.push(0),
        Layouts::Inline => {
            out.push(1);
            layout::put(out, open.layout.spec());
        }
    }
    put_text(out, &open.title);
    put_number(out, open.stops.len() as u64);
    for stop in &open.stops {
        put_text(out, &stop.name);
        put_moment(out, stop.arrives_at);
        put_moment(out, stop.departs_at);
        out.push(u8::from(stop.boarding) | u8::from(stop.alighting) << 1);
    }
    let rules = &open.rules;
    put_moment(out, rules.sale_opens_at);
    put_moment(out, rules.sale_closes_at);
    put_number(out, rules.max_seats_per_buyer.into());
    put_number(out, rules.max_seats_per_hold.into());
    put_number(out, rules.ttl_min_ms);
    put_number(out, rules.ttl_default_ms);
    put_number(out, rules.ttl_max_ms);
    put_number(out, rules.payment_window_ms);
    put_number(out, rules.hold_cap_ms);
    out.push(put_late(rules.late));
}

/// Reads a trip. It may break rules that [`Open::check`] refuses: an answer, not an error.
pub(super) fn get(reader: &mut Reader<'_>, resolver: Resolver<'_>) -> Result<Open, DecodeError> {
    let digest = reader.digest()?;
    let layout = match reader.byte()? {
        0 => resolver(digest).ok_or(DecodeError::UnknownLayout(digest))?,
        1 => Arc::new(layout::get(reader)?),
        _ => return invalid("form of the layout"),
    };
    if layout.digest() != digest {
        return invalid("digest of the layout");
    }
    let title = reader.text(MAX_TITLE_BYTES, "title")?.into();
    let stops = reader.count(MAX_LEGS + 1, "number of stops")?;
    let stops = (0..stops).map(|_| get_stop(reader)).collect::<Result<_, _>>()?;
    let rules = Rules {
        sale_opens_at: reader.moment()?,
        sale_closes_at: reader.moment()?,
        max_seats_per_buyer: reader.small("seats per buyer")?,
        max_seats_per_hold: reader.small("seats per hold")?,
        ttl_min_ms: reader.number()?,
        ttl_default_ms: reader.number()?,
        ttl_max_ms: reader.number()?,
        payment_window_ms: reader.number()?,
        hold_cap_ms: reader.number()?,
        late: get_late(reader.byte()?)?,
    };
    Ok(Open { title, stops, layout, rules })
}

fn get_stop(reader: &mut Reader<'_>) -> Result<Stop, DecodeError> {
    let name = reader.text(MAX_STOP_NAME_BYTES, "stop name")?.into();
    let (arrives_at, departs_at) = (reader.moment()?, reader.moment()?);
    let flags = reader.byte()?;
    if flags > 3 {
        return invalid("flags of a stop");
    }
    let (boarding, alighting) = (flags & 1 != 0, flags & 2 != 0);
    Ok(Stop { name, arrives_at, departs_at, boarding, alighting })
}

pub(super) fn put_late(late: LatePolicy) -> u8 {
    match late {
        LatePolicy::Refuse => 1,
        LatePolicy::Reacquire => 2,
    }
}

pub(super) fn get_late(byte: u8) -> Result<LatePolicy, DecodeError> {
    match byte {
        1 => Ok(LatePolicy::Refuse),
        2 => Ok(LatePolicy::Reacquire),
        _ => invalid("late policy"),
    }
}
