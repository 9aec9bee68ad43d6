//! The bytes of a layout.

use proto::ids::SeatNo;

use super::DecodeError;
use super::wire::{Reader, invalid, put_number, put_text};
use crate::seat_map::attributes::Attributes;
use crate::seat_map::layout::{Layout, LayoutSpec, SeatSpec, ZoneKind, ZoneSpec};
use crate::seat_map::layout_check::LayoutFault;
use crate::seat_map::limits::{
    MAX_PLACES, MAX_ROWS, MAX_SEAT_NAME_BYTES, MAX_SEATS, MAX_ZONE_NAME_BYTES, MAX_ZONES,
};

/// Writes zones, seats and rows. In a row a gap is 0 and a seat is one more than its number.
pub(super) fn put(out: &mut Vec<u8>, spec: &LayoutSpec) {
    put_number(out, spec.zones.len() as u64);
    for zone in &spec.zones {
        put_text(out, &zone.name);
        match zone.kind {
            ZoneKind::Numbered => out.push(0),
            ZoneKind::GeneralAdmission { capacity } => {
                out.push(1);
                put_number(out, capacity.into());
            }
        }
    }
    put_number(out, spec.seats.len() as u64);
    for seat in &spec.seats {
        put_text(out, &seat.name);
        put_number(out, seat.zone.get().into());
        out.push(seat.deck);
        put_number(out, seat.attributes.bits().into());
    }
    put_number(out, spec.rows.len() as u64);
    for row in &spec.rows {
        put_number(out, row.len() as u64);
        for place in row {
            put_number(out, place.map_or(0, |seat| u64::from(seat.get()) + 1));
        }
    }
}

/// Reads a layout and checks it.
pub(super) fn get(reader: &mut Reader<'_>) -> Result<Layout, DecodeError> {
    let zones = (0..reader.count(MAX_ZONES, "number of zones")?).map(|_| get_zone(reader));
    let zones = zones.collect::<Result<_, _>>()?;
    let seats = (0..reader.count(MAX_SEATS, "number of seats")?).map(|_| get_seat(reader));
    let seats = seats.collect::<Result<_, _>>()?;
    let rows = (0..reader.count(MAX_ROWS, "number of rows")?).map(|_| get_row(reader));
    let rows = rows.collect::<Result<_, _>>()?;
    Layout::new(LayoutSpec { zones, seats, rows })
        .map_err(|fault| DecodeError::Invalid { what: name_of(&fault) })
}

fn get_zone(reader: &mut Reader<'_>) -> Result<ZoneSpec, DecodeError> {
    let name = reader.text(MAX_ZONE_NAME_BYTES, "zone name")?.into();
    let kind = match reader.byte()? {
        0 => ZoneKind::Numbered,
        1 => ZoneKind::GeneralAdmission { capacity: reader.small("capacity")? },
        _ => return invalid("zone kind"),
    };
    Ok(ZoneSpec { name, kind })
}

fn get_seat(reader: &mut Reader<'_>) -> Result<SeatSpec, DecodeError> {
    Ok(SeatSpec {
        name: reader.text(MAX_SEAT_NAME_BYTES, "seat name")?.into(),
        zone: reader.zone()?,
        deck: reader.byte()?,
        attributes: Attributes::from_bits(reader.small("attributes")?),
    })
}

fn get_row(reader: &mut Reader<'_>) -> Result<Vec<Option<SeatNo>>, DecodeError> {
    let count = reader.count(MAX_PLACES, "number of places")?;
    let place = |place: u64| match place.checked_sub(1) {
        None => Ok(None),
        Some(seat) => match u32::try_from(seat) {
            Ok(seat) => Ok(Some(SeatNo::new(seat))),
            Err(_) => invalid("place"),
        },
    };
    (0..count).map(|_| reader.number().and_then(place)).collect()
}

fn name_of(fault: &LayoutFault) -> &'static str {
    match fault {
        LayoutFault::TooMany { what, .. } => what,
        LayoutFault::NothingToSell => "layout",
        LayoutFault::BadZone { .. } => "zone",
        LayoutFault::BadSeat { .. } | LayoutFault::DuplicateNames { .. } => "seat",
        LayoutFault::BadRow { .. } => "row",
    }
}
