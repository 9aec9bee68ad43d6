//! Seating plans of pretix: rows of seats at pixel positions.
//!
//! Categories become zones, plan zones become sections, and a seat's `seat_guid` becomes its name.
//! Everything that only draws the plan (areas, colours, labels, radii) is passed over, and so are
//! keys that later versions of the plan format added.

use super::assemble::Assembly;
use super::attribute::Attributes;
use super::json::Node;
use super::model::{Layout, Row, Seat, ZoneKind};
use super::walk::{Cursor, Fault};

/// Most gaps that one hole between two neighbours is drawn with.
const MAX_GAPS: usize = 8;

/// Whether this is a seating plan rather than a layout of ours.
pub(super) fn is_plan(root: &Node) -> bool {
    root.get("categories").is_some()
}

/// Reads a whole plan.
pub(super) fn read(root: &Cursor<'_>) -> Result<Layout, Fault> {
    let name = root.need("name")?;
    let mut assembly = Assembly::default();
    let used = used_categories(root)?;
    for category in root.need("categories")?.items()? {
        let name = category.need("name")?;
        // A price list may have more classes than this hall has seats for.
        if used.contains(&name.text()?) {
            assembly.declare(name.text()?, ZoneKind::Numbered, &name.place())?;
        }
    }
    for (number, zone) in (1..).zip(root.need("zones")?.items()?) {
        let deck = match zone.get("name").map(|name| name.text()).transpose()?.map(str::trim) {
            None | Some("") => format!("Zone {number}"),
            Some(name) => name.to_owned(),
        };
        for (number, row) in (1..).zip(zone.need("rows")?.items()?) {
            let name = match row.get("row_number").map(|name| name.label()).transpose()? {
                Some(name) if !name.trim().is_empty() => name.trim().to_owned(),
                _ => number.to_string(),
            };
            let places = read_seats(&row, &assembly)?;
            if !places.is_empty() {
                assembly.push_row(Row { name, deck: deck.clone(), places }, &row.place())?;
            }
        }
    }
    assembly.finish(name.text()?.trim(), &name.place())
}

/// The categories that a seat has; one that is not declared is refused later, at its seat.
fn used_categories<'a>(root: &Cursor<'a>) -> Result<Vec<&'a str>, Fault> {
    let mut used = Vec::new();
    for zone in root.need("zones")?.items()? {
        for row in zone.need("rows")?.items()? {
            for seat in row.need("seats")?.items()? {
                let category = seat.need("category")?.text()?;
                if used.last() != Some(&category) && !used.contains(&category) {
                    used.push(category);
                }
            }
        }
    }
    Ok(used)
}

/// A seat and where it stands in the plan.
struct Placed {
    seat: Seat,
    x: f64,
    y: f64,
}

fn read_seats(row: &Cursor<'_>, assembly: &Assembly) -> Result<Vec<Option<Seat>>, Fault> {
    let mut placed = Vec::new();
    for seat in row.need("seats")?.items()? {
        let category = seat.need("category")?;
        let zone = assembly.numbered(category.text()?, &category.place())?;
        let position = seat.need("position")?;
        let (x, y) = (position.need("x")?.number()?, position.need("y")?.number()?);
        let name = seat_name(seat.need("seat_guid")?.text()?);
        placed.push(Placed { seat: Seat { name, zone, attributes: Attributes::NONE }, x, y });
    }
    Ok(with_gaps(placed))
}

/// A UUID loses its hyphens, because a seat name has at most 32 bytes; any other id stays as it is.
fn seat_name(guid: &str) -> String {
    let guid = guid.trim();
    let hyphens = |(index, byte)| matches!(index, 8 | 13 | 18 | 23) == (byte == b'-');
    if guid.len() == 36 && guid.bytes().enumerate().all(hyphens) {
        return guid.replace('-', "");
    }
    guid.to_owned()
}

/// The seats from left to right (or from top to bottom, in a row that runs that way), with a gap
/// wherever neighbours stand further apart than the seats of this row usually do.
fn with_gaps(mut placed: Vec<Placed>) -> Vec<Option<Seat>> {
    let spread = |of: fn(&Placed) -> f64| {
        let values = || placed.iter().map(of);
        values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
    };
    if spread(|seat| seat.x) >= spread(|seat| seat.y) {
        placed.sort_by(|a, b| a.x.total_cmp(&b.x));
    } else {
        placed.sort_by(|a, b| a.y.total_cmp(&b.y));
    }
    let distances: Vec<f64> = placed
        .windows(2)
        .map(|pair| (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y))
        .collect();
    // The lower quartile: in a row of pairs, half of the distances are aisles.
    let mut sorted = distances.clone();
    sorted.sort_by(f64::total_cmp);
    let pitch = sorted.get(sorted.len() / 4).copied().unwrap_or(0.0);
    let mut places = Vec::with_capacity(placed.len());
    for (index, seat) in placed.into_iter().enumerate() {
        let before = index.checked_sub(1).map_or(0.0, |previous| distances[previous]);
        if pitch > 0.0 && before > 1.5 * pitch {
            let gaps = ((before / pitch).round() as usize).saturating_sub(1);
            places.extend((0..gaps.clamp(1, MAX_GAPS)).map(|_| None));
        }
        places.push(Some(seat.seat));
    }
    places
}
