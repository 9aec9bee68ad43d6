//! What one level of a layout says for everything inside it.

use std::collections::BTreeMap;

use super::assemble::Assembly;
use super::attribute::{Attribute, Attributes};
use super::error::Problem;
use super::pattern::SeatName;
use super::walk::{Cursor, Fault};

/// What the layout says for all its decks, a deck for all its rows, and a row for all its seats.
#[derive(Clone, Default)]
pub(super) struct Scope {
    pub(super) zone: Option<u16>,
    pub(super) attributes: Attributes,
    /// Attributes by the label of the place in a pattern.
    pub(super) columns: BTreeMap<String, Attributes>,
    pub(super) seat_name: SeatName,
    /// [`Attribute::Window`] and [`Attribute::Aisle`], where they follow from the gaps.
    pub(super) derive: Attributes,
    /// The running number of a deck's first seat; 1 if nobody says.
    pub(super) first_number: Option<u32>,
}

impl Scope {
    /// This scope with what `object` says itself: attributes add up, everything else replaces.
    pub(super) fn narrowed(&self, object: &Cursor<'_>, assembly: &Assembly) -> Result<Self, Fault> {
        let mut scope = self.clone();
        if let Some(zone) = object.get("zone") {
            scope.zone = Some(assembly.numbered(zone.text()?, &zone.place())?);
        }
        if let Some(attributes) = object.get("attributes") {
            scope.attributes = scope.attributes.union(attributes.attributes()?);
        }
        if let Some(columns) = object.get("columns") {
            for (label, attributes) in columns.members()? {
                scope.columns.insert(label.to_owned(), attributes.attributes()?);
            }
        }
        if let Some(derive) = object.get("derive") {
            scope.derive = derive.attributes()?;
            let possible = [Attribute::Window, Attribute::Aisle].into_iter().collect();
            if !scope.derive.difference(possible).is_empty() {
                let found = format!("[{}]", scope.derive);
                let allowed = "a list of \"window\" and \"aisle\"";
                return Err(derive.fault(Problem::WrongType { found, allowed }));
            }
        }
        if let Some(seat_name) = object.get("seat_name") {
            let template = seat_name.text()?;
            scope.seat_name = SeatName::parse(template).map_err(|why| {
                let found = template.to_owned();
                seat_name.fault(Problem::BadName { what: "seat_name", found, why })
            })?;
        }
        if let Some(first) = object.get("first_number") {
            scope.first_number = Some(first.integer("first_number", 0, 1_000_000)? as u32);
        }
        Ok(scope)
    }
}
