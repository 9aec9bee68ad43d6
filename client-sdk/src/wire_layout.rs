//! A layout from a file as it goes over the wire.

use std::collections::HashMap;

use proto::pb;
use proto::pb::SeatAttribute;

use crate::layout::{Attribute, Attributes, Layout, ZoneKind};

/// The wire form of a layout. Decks are numbered in the order in which they first occur.
#[must_use]
pub fn wire_layout(layout: &Layout) -> pb::Layout {
    let zones = layout.zones.iter().map(|zone| pb::Zone {
        name: zone.name.clone(),
        general_admission_capacity: match zone.kind {
            ZoneKind::Numbered => None,
            ZoneKind::GeneralAdmission { capacity } => Some(capacity),
        },
    });
    let mut decks: HashMap<&str, u32> = HashMap::new();
    let rows = layout.rows.iter().map(|row| {
        let next = u32::try_from(decks.len()).unwrap_or(u32::MAX);
        let deck = *decks.entry(&row.deck).or_insert(next);
        let places = row.places.iter().map(|place| match place {
            None => pb::Place::default(),
            Some(seat) => pb::Place {
                seat: seat.name.clone(),
                zone: seat.zone.into(),
                attributes: attribute_bits(seat.attributes),
            },
        });
        pb::Row { deck, places: places.collect() }
    });
    let rows = rows.collect();
    pb::Layout { name: layout.name.clone(), zones: zones.collect(), rows }
}

/// The wire's set of attributes. The two lists grow apart from each other, so each is named.
#[must_use]
pub fn attribute_bits(attributes: Attributes) -> u32 {
    attributes.iter().map(|attribute| 1 << (wire_attribute(attribute) as u32 - 1)).sum()
}

/// The wire's name of an attribute.
fn wire_attribute(attribute: Attribute) -> SeatAttribute {
    match attribute {
        Attribute::Window => SeatAttribute::Window,
        Attribute::Aisle => SeatAttribute::Aisle,
        Attribute::Table => SeatAttribute::Table,
        Attribute::Accessible => SeatAttribute::Accessible,
        Attribute::Companion => SeatAttribute::Companion,
        Attribute::WomenOnly => SeatAttribute::WomenOnly,
        Attribute::BerthLower => SeatAttribute::BerthLower,
        Attribute::BerthMiddle => SeatAttribute::BerthMiddle,
        Attribute::BerthUpper => SeatAttribute::BerthUpper,
        Attribute::Quiet => SeatAttribute::Quiet,
        Attribute::Power => SeatAttribute::Power,
        Attribute::ExtraLegroom => SeatAttribute::Legroom,
        Attribute::LimitedView => SeatAttribute::RestrictedView,
        Attribute::Forward => SeatAttribute::Forward,
        Attribute::Family => SeatAttribute::Family,
        Attribute::Backward => SeatAttribute::Backward,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_decks_and_aisles_arrive_as_they_were_drawn() {
        let layout = Layout::parse(
            "coach.json",
            r#"{"name": "Coach", "zones": [{"name": "Standard"}],
                "rows": {"from": 1, "to": 2, "pattern": "AB_C"}}"#,
        )
        .unwrap();
        let wire = wire_layout(&layout);
        assert_eq!((wire.name.as_str(), wire.zones.len(), wire.rows.len()), ("Coach", 1, 2));
        let names: Vec<&str> = wire.rows[1].places.iter().map(|p| p.seat.as_str()).collect();
        assert_eq!(names, ["2A", "2B", "", "2C"]);
    }

    #[test]
    fn each_attribute_has_its_own_bit() {
        let all: Attributes = Attribute::ALL.into_iter().collect();
        assert_eq!(attribute_bits(all).count_ones() as usize, Attribute::ALL.len());
        let lower = Attributes::from_iter([Attribute::BerthLower]);
        assert_eq!(attribute_bits(lower), 1 << (SeatAttribute::BerthLower as u32 - 1));
    }
}
