//! Where every format ends: rows go in, a checked [`Layout`] comes out.

use std::collections::{BTreeMap, HashMap};

use super::attribute::{Attribute, Attributes};
use super::error::{DuplicateSeat, Problem};
use super::limits::{
    MAX_LAYOUT_NAME_BYTES, MAX_PLACES, MAX_PLACES_PER_ROW, MAX_ROW_NAME_BYTES, MAX_ROWS,
    MAX_SEAT_NAME_BYTES, MAX_SEATS, MAX_ZONE_NAME_BYTES, MAX_ZONES,
};
use super::model::{Layout, Row, Seat, Zone, ZoneKind};
use super::walk::{Fault, Place};

/// A layout that is being put together.
#[derive(Default)]
pub(super) struct Assembly {
    zones: Vec<Zone>,
    zone_index: HashMap<String, u16>,
    rows: Vec<Row>,
    seats: usize,
    places: usize,
    marks: Vec<Mark>,
}

/// Something that is said of seats by name, outside of their rows.
struct Mark {
    seats: Vec<String>,
    effect: Effect,
    at: Place,
}

/// What a mark does to its seats.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// Adds attributes.
    Attributes(Attributes),
    /// Moves them to a zone.
    Zone(u16),
}

impl Assembly {
    /// Declares a zone.
    pub(super) fn declare(&mut self, name: &str, kind: ZoneKind, at: &Place) -> Result<u16, Fault> {
        check_name("zone name", name, MAX_ZONE_NAME_BYTES, at)?;
        check_count("zones", self.zones.len() + 1, MAX_ZONES, at)?;
        let index = self.zones.len() as u16;
        if self.zone_index.insert(name.to_owned(), index).is_some() {
            return Err(Fault::new(at.clone(), Problem::DuplicateZone(name.to_owned())));
        }
        self.zones.push(Zone { name: name.to_owned(), kind });
        Ok(index)
    }

    /// The numbered zone of that name.
    pub(super) fn numbered(&self, name: &str, at: &Place) -> Result<u16, Fault> {
        let problem = match self.zone_index.get(name) {
            None => Problem::UnknownZone { found: name.to_owned(), allowed: self.zone_names() },
            Some(index) if self.zones[usize::from(*index)].kind == ZoneKind::Numbered => {
                return Ok(*index);
            }
            Some(_) => Problem::NotNumbered(name.to_owned()),
        };
        Err(Fault::new(at.clone(), problem))
    }

    /// The only numbered zone, if there is exactly one.
    pub(super) fn only_numbered(&self) -> Option<u16> {
        let mut numbered =
            (0_u16..).zip(&self.zones).filter(|(_, zone)| zone.kind == ZoneKind::Numbered);
        match (numbered.next(), numbered.next()) {
            (Some((index, _)), None) => Some(index),
            _ => None,
        }
    }

    /// The declared zones.
    pub(super) fn zone_names(&self) -> Vec<String> {
        self.zones.iter().map(|zone| zone.name.clone()).collect()
    }

    /// Says something of seats by name; they may be added later.
    pub(super) fn mark(&mut self, seats: Vec<String>, effect: Effect, at: Place) {
        self.marks.push(Mark { seats, effect, at });
    }

    /// Adds a row behind the ones that are there.
    pub(super) fn push_row(&mut self, row: Row, at: &Place) -> Result<(), Fault> {
        check_name("row name", &row.name, MAX_ROW_NAME_BYTES, at)?;
        if !row.deck.is_empty() {
            check_name("deck name", &row.deck, MAX_ROW_NAME_BYTES, at)?;
        }
        check_count("places of the row", row.places.len(), MAX_PLACES_PER_ROW, at)?;
        self.places += row.places.len();
        self.seats += row.places.iter().flatten().count();
        check_count("rows", self.rows.len() + 1, MAX_ROWS, at)?;
        check_count("seats", self.seats, MAX_SEATS, at)?;
        check_count("seats and gaps", self.places, MAX_PLACES, at)?;
        for seat in row.places.iter().flatten() {
            check_name("seat name", &seat.name, MAX_SEAT_NAME_BYTES, at)?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// Checks what only the whole can tell, and hands it out.
    pub(super) fn finish(mut self, name: &str, at: &Place) -> Result<Layout, Fault> {
        check_name("layout name", name, MAX_LAYOUT_NAME_BYTES, at)?;
        refuse_duplicates(&self.rows)?;
        self.apply_marks()?;
        let counters = self.zones.iter().any(|zone| zone.kind != ZoneKind::Numbered);
        if self.seats == 0 && !counters {
            return Err(Fault::new(Place::File, Problem::Empty));
        }
        let mut used = vec![false; self.zones.len()];
        for seat in self.rows.iter().flat_map(|row| row.places.iter().flatten()) {
            used[usize::from(seat.zone)] = true;
            refuse_contradiction(seat)?;
        }
        for (zone, used) in self.zones.iter().zip(used) {
            if !used && zone.kind == ZoneKind::Numbered {
                return Err(Fault::new(Place::File, Problem::UnusedZone(zone.name.clone())));
            }
        }
        Ok(Layout { name: name.to_owned(), zones: self.zones, rows: self.rows })
    }

    fn apply_marks(&mut self) -> Result<(), Fault> {
        if self.marks.is_empty() {
            return Ok(());
        }
        let mut by_name: HashMap<String, &mut Seat> = HashMap::with_capacity(self.seats);
        for seat in self.rows.iter_mut().flat_map(|row| row.places.iter_mut().flatten()) {
            by_name.insert(seat.name.clone(), seat);
        }
        for mark in &self.marks {
            let mut unknown = Vec::new();
            for name in &mark.seats {
                match (by_name.get_mut(name), mark.effect) {
                    (None, _) => unknown.push(name.clone()),
                    (Some(seat), Effect::Zone(zone)) => seat.zone = zone,
                    (Some(seat), Effect::Attributes(added)) => {
                        seat.attributes = seat.attributes.union(added);
                    }
                }
            }
            if !unknown.is_empty() {
                return Err(Fault::new(mark.at.clone(), Problem::UnknownSeats(unknown)));
            }
        }
        Ok(())
    }
}

/// A `count` of things that must not exceed `max`.
fn check_count(what: &'static str, count: usize, max: usize, at: &Place) -> Result<(), Fault> {
    if count <= max {
        return Ok(());
    }
    let problem = Problem::OutOfRange { what, found: count as i64, min: 0, max: max as i64 };
    Err(Fault::new(at.clone(), problem))
}

/// A name must be there, short, and printable from its first character to its last.
fn check_name(what: &'static str, name: &str, max: usize, at: &Place) -> Result<(), Fault> {
    let why = if name.is_empty() {
        format!("is empty; allowed are 1 to {max} bytes")
    } else if name.len() > max {
        format!("has {} bytes; allowed are 1 to {max}", name.len())
    } else if name.chars().any(char::is_control) {
        "has a control character".to_owned()
    } else if name.trim() != name {
        "begins or ends with a space".to_owned()
    } else {
        return Ok(());
    };
    let found = name.chars().take(80).collect();
    Err(Fault::new(at.clone(), Problem::BadName { what, found, why }))
}

/// All names that are used twice, each with all the rows that use it.
fn refuse_duplicates(rows: &[Row]) -> Result<(), Fault> {
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    for seat in rows.iter().flat_map(|row| row.places.iter().flatten()) {
        *by_name.entry(&seat.name).or_default() += 1;
    }
    let mut duplicates: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows {
        for seat in row.places.iter().flatten() {
            if by_name[seat.name.as_str()] > 1 {
                let row_name = format!("{} row {}", row.deck, row.name);
                duplicates.entry(&seat.name).or_default().push(row_name.trim_start().to_owned());
            }
        }
    }
    if duplicates.is_empty() {
        return Ok(());
    }
    let seats = duplicates
        .into_iter()
        .map(|(name, rows)| DuplicateSeat { name: name.to_owned(), rows })
        .collect();
    Err(Fault::new(Place::File, Problem::DuplicateSeats(seats)))
}

/// Attributes of which a seat has at most one.
const EXCLUSIVE: [&[Attribute]; 2] = [
    &[Attribute::BerthLower, Attribute::BerthMiddle, Attribute::BerthUpper],
    &[Attribute::Forward, Attribute::Backward],
];

fn refuse_contradiction(seat: &Seat) -> Result<(), Fault> {
    for group in EXCLUSIVE {
        let mut has = group.iter().filter(|attribute| seat.attributes.contains(**attribute));
        if let (Some(first), Some(second)) = (has.next(), has.next()) {
            let problem = Problem::Contradiction {
                seat: seat.name.clone(),
                first: first.name(),
                second: second.name(),
            };
            return Err(Fault::new(Place::File, problem));
        }
    }
    Ok(())
}
