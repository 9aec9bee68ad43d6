//! The layout format of `docs/layout-format.md`.

use super::assemble::{Assembly, Effect};
use super::attribute::Attribute;
use super::error::Problem;
use super::limits::MAX_CAPACITY;
use super::model::{Layout, ZoneKind};
use super::rows::Deck;
use super::scope::Scope;
use super::walk::{Cursor, Fault};

const LAYOUT_KEYS: &[&str] = &[
    "format",
    "name",
    "comment",
    "zones",
    "zone",
    "attributes",
    "columns",
    "derive",
    "seat_name",
    "first_number",
    "decks",
    "coaches",
    "sections",
    "rows",
    "marks",
];
const ZONE_KEYS: &[&str] = &["name", "comment", "capacity", "seats"];
const DECK_KEYS: &[&str] = &[
    "name",
    "names",
    "comment",
    "zone",
    "attributes",
    "columns",
    "derive",
    "seat_name",
    "first_number",
    "rows",
];
/// Three words for the same thing: whichever fits the vehicle or the hall.
const DECKS: [&str; 3] = ["decks", "coaches", "sections"];

/// Reads a whole layout.
pub(super) fn read(root: &Cursor<'_>) -> Result<Layout, Fault> {
    root.only(LAYOUT_KEYS)?;
    if let Some(format) = root.get("format") {
        format.integer("format version", 1, 1)?;
    }
    let name = root.need("name")?;
    let title = name.text()?;
    let mut assembly = Assembly::default();
    let mut seats_of_zones = Vec::new();
    for zone in root.need("zones")?.items()? {
        read_zone(&zone, &mut assembly, &mut seats_of_zones)?;
    }
    let scope = Scope { zone: assembly.only_numbered(), ..Scope::default() };
    let scope = scope.narrowed(root, &assembly)?;
    read_decks(root, &scope, &mut assembly)?;
    for (seats, effect) in seats_of_zones {
        let names = seats.items()?.map(|seat| seat.label()).collect::<Result<_, _>>()?;
        assembly.mark(names, effect, seats.place());
    }
    if let Some(marks) = root.get("marks") {
        marks.only(&Attribute::NAMES)?;
        for (word, seats) in marks.members()? {
            let names = seats.items()?.map(|seat| seat.label()).collect::<Result<_, _>>()?;
            let added = Attribute::from_name(word).into_iter().collect();
            assembly.mark(names, Effect::Attributes(added), seats.place());
        }
    }
    assembly.finish(title, &name.place())
}

fn read_zone<'a>(
    zone: &Cursor<'a>,
    assembly: &mut Assembly,
    seats_of_zones: &mut Vec<(Cursor<'a>, Effect)>,
) -> Result<(), Fault> {
    zone.only(ZONE_KEYS)?;
    let name = zone.need("name")?;
    let kind = match zone.get("capacity") {
        None => ZoneKind::Numbered,
        Some(_) if zone.get("seats").is_some() => {
            return Err(zone.fault(Problem::Conflict("capacity", "seats")));
        }
        Some(capacity) => {
            let capacity = capacity.integer("capacity", 1, i64::from(MAX_CAPACITY))?;
            ZoneKind::GeneralAdmission { capacity: capacity as u32 }
        }
    };
    let index = assembly.declare(name.text()?, kind, &name.place())?;
    if let Some(seats) = zone.get("seats") {
        seats_of_zones.push((seats, Effect::Zone(index)));
    }
    Ok(())
}

fn read_decks(root: &Cursor<'_>, scope: &Scope, assembly: &mut Assembly) -> Result<(), Fault> {
    let mut lists = DECKS.into_iter().filter_map(|key| root.get(key).map(|list| (key, list)));
    let (decks, second) = (lists.next(), lists.next());
    match (decks, second, root.get("rows")) {
        (Some((first, _)), Some((second, _)), _) => {
            Err(root.fault(Problem::Conflict(first, second)))
        }
        (Some((deck, _)), None, Some(_)) => Err(root.fault(Problem::Conflict("rows", deck))),
        (None, _, Some(rows)) => Deck::new("", scope, assembly).read_rows(&rows),
        (Some((_, decks)), None, None) => {
            for deck in decks.items()? {
                read_deck(&deck, scope, assembly)?;
            }
            Ok(())
        }
        // A layout of standing places only has no rows.
        (None, _, None) => Ok(()),
    }
}

fn read_deck(deck: &Cursor<'_>, scope: &Scope, assembly: &mut Assembly) -> Result<(), Fault> {
    deck.only(DECK_KEYS)?;
    let names = match (deck.get("name"), deck.get("names")) {
        (Some(_), Some(_)) => return Err(deck.fault(Problem::Conflict("name", "names"))),
        (Some(name), None) => vec![name.label()?],
        (None, Some(names)) => {
            names.items()?.map(|name| name.label()).collect::<Result<Vec<_>, _>>()?
        }
        (None, None) => return Err(deck.fault(Problem::MissingKey(vec!["name", "names"]))),
    };
    let scope = scope.narrowed(deck, assembly)?;
    let rows = deck.need("rows")?;
    for name in names {
        Deck::new(&name, &scope, assembly).read_rows(&rows)?;
    }
    Ok(())
}
