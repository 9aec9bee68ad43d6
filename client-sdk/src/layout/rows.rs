//! The rows of one deck, from shorthand to seats.

use super::assemble::Assembly;
use super::attribute::{Attribute, Attributes};
use super::error::Problem;
use super::json::Node;
use super::limits::MAX_ROWS;
use super::model::{Row, Seat};
use super::pattern::{SeatNameInput, labels};
use super::scope::Scope;
use super::walk::{Cursor, Fault};

const ROW_KEYS: &[&str] = &[
    "row",
    "from",
    "to",
    "step",
    "except",
    "comment",
    "pattern",
    "places",
    "zone",
    "attributes",
    "columns",
    "derive",
    "seat_name",
];
const SEAT_KEYS: &[&str] = &["name", "zone", "attributes"];

/// A deck that is being filled with rows.
pub(super) struct Deck<'a> {
    name: &'a str,
    scope: &'a Scope,
    assembly: &'a mut Assembly,
    /// The running number of its next seat.
    number: u32,
    /// How many rows it has so far.
    rows: usize,
}

impl<'a> Deck<'a> {
    /// An empty deck.
    pub(super) fn new(name: &'a str, scope: &'a Scope, assembly: &'a mut Assembly) -> Self {
        Self { name, scope, assembly, number: scope.first_number.unwrap_or(1), rows: 0 }
    }

    /// `rows` is a list, or the only row object.
    pub(super) fn read_rows(&mut self, rows: &Cursor<'_>) -> Result<(), Fault> {
        match rows.node() {
            Node::Object(_) => self.read_row(rows),
            _ => rows.items()?.try_for_each(|row| self.read_row(&row)),
        }
    }

    /// A row is an object, or simply the list of its seats.
    fn read_row(&mut self, row: &Cursor<'_>) -> Result<(), Fault> {
        if matches!(row.node(), Node::List(_)) {
            let name = (self.rows + 1).to_string();
            return self.push_places(name, row, row, &self.scope.clone());
        }
        row.only(ROW_KEYS)?;
        let scope = self.scope.narrowed(row, self.assembly)?;
        match (row.get("pattern"), row.get("places")) {
            (Some(_), Some(_)) => Err(row.fault(Problem::Conflict("pattern", "places"))),
            (None, None) => Err(row.fault(Problem::MissingKey(vec!["pattern", "places"]))),
            (Some(pattern), None) => {
                let text = pattern.text()?;
                let labels = labels(text).map_err(|why| {
                    pattern.fault(Problem::BadPattern { pattern: text.to_owned(), why })
                })?;
                for name in self.row_names(row)? {
                    self.push_pattern(name, row, &labels, &scope)?;
                }
                Ok(())
            }
            (None, Some(places)) => {
                if let Some(from) = row.get("from") {
                    return Err(from.fault(Problem::Conflict("from", "places")));
                }
                let name = self.row_names(row)?.remove(0);
                self.push_places(name, row, &places, &scope)
            }
        }
    }

    /// The names of the rows that one object stands for: always at least one.
    fn row_names(&self, row: &Cursor<'_>) -> Result<Vec<String>, Fault> {
        let (from, to) = match (row.get("row"), row.get("from"), row.get("to")) {
            (Some(_), Some(from), _) => return Err(from.fault(Problem::Conflict("row", "from"))),
            (_, Some(_), None) => return Err(row.fault(Problem::MissingKey(vec!["to"]))),
            (_, None, Some(_)) => return Err(row.fault(Problem::MissingKey(vec!["from"]))),
            (Some(name), None, None) => return Ok(vec![name.label()?]),
            (None, None, None) => return Ok(vec![(self.rows + 1).to_string()]),
            (None, Some(from), Some(to)) => (from, to),
        };
        let step = row.get("step").map_or(Ok(1), |step| step.integer("step", 1, 1_000))?;
        let except: Vec<String> = match row.get("except") {
            None => Vec::new(),
            Some(list) => list.items()?.map(|name| name.label()).collect::<Result<_, _>>()?,
        };
        let names = match (from.node(), to.node()) {
            (Node::Text(first), Node::Text(last)) => match (letter(first), letter(last)) {
                (Some(first), Some(last)) if first <= last => {
                    let letters = (first..=last).step_by(step as usize);
                    letters.map(|row| char::from(row).to_string()).collect()
                }
                _ => {
                    let found = format!("{first:?} to {last:?}");
                    let allowed = "two letters from A to Z in order, or two numbers";
                    return Err(from.fault(Problem::WrongType { found, allowed }));
                }
            },
            _ => {
                let first = from.integer("from", 0, 1_000_000)?;
                let last = to.integer("to", first, first + MAX_ROWS as i64 - 1)?;
                (first..=last).step_by(step as usize).map(|row| row.to_string()).collect::<Vec<_>>()
            }
        };
        let named: Vec<String> = names.into_iter().filter(|name| !except.contains(name)).collect();
        if named.is_empty() {
            let allowed = "at least one row that is not excepted";
            return Err(row.fault(Problem::WrongType { found: "no row".into(), allowed }));
        }
        Ok(named)
    }

    /// One row of a pattern.
    fn push_pattern(
        &mut self,
        name: String,
        at: &Cursor<'_>,
        labels: &[Option<String>],
        scope: &Scope,
    ) -> Result<(), Fault> {
        let zone = self.zone(at, scope)?;
        let mut places = Vec::with_capacity(labels.len());
        for label in labels {
            let Some(label) = label else {
                places.push(None);
                continue;
            };
            let number = self.number;
            self.number += 1;
            let input = SeatNameInput { deck: self.name, row: &name, place: label, number };
            let of_column = scope.columns.get(label).copied().unwrap_or_default();
            let attributes = scope.attributes.union(of_column);
            places.push(Some(Seat { name: scope.seat_name.of(&input), zone, attributes }));
        }
        self.push(name, at, places, scope)
    }

    /// One row whose seats are written out.
    fn push_places(
        &mut self,
        name: String,
        at: &Cursor<'_>,
        list: &Cursor<'_>,
        scope: &Scope,
    ) -> Result<(), Fault> {
        let mut places = Vec::new();
        for item in list.items()? {
            if matches!(item.node(), Node::Null) {
                places.push(None);
                continue;
            }
            let (mut zone, mut attributes) = (scope.zone, scope.attributes);
            let name = if matches!(item.node(), Node::Object(_)) {
                item.only(SEAT_KEYS)?;
                if let Some(own) = item.get("zone") {
                    zone = Some(self.assembly.numbered(own.text()?, &own.place())?);
                }
                if let Some(own) = item.get("attributes") {
                    attributes = attributes.union(own.attributes()?);
                }
                item.need("name")?.label()?
            } else {
                item.label()?
            };
            let zone = match zone {
                Some(zone) => zone,
                None => self.zone(&item, scope)?,
            };
            places.push(Some(Seat { name, zone, attributes }));
        }
        self.number += places.iter().flatten().count() as u32;
        self.push(name, at, places, scope)
    }

    fn push(
        &mut self,
        name: String,
        at: &Cursor<'_>,
        mut places: Vec<Option<Seat>>,
        scope: &Scope,
    ) -> Result<(), Fault> {
        derive_attributes(&mut places, scope.derive);
        self.rows += 1;
        let row = Row { name, deck: self.name.to_owned(), places };
        self.assembly.push_row(row, &at.place())
    }

    fn zone(&self, at: &Cursor<'_>, scope: &Scope) -> Result<u16, Fault> {
        scope.zone.ok_or_else(|| at.fault(Problem::NoZone(self.assembly.zone_names())))
    }
}

/// The byte of a text that is one capital letter.
fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(*letter),
        _ => None,
    }
}

/// The ends of a row are at the windows; a seat beside a gap is at the aisle.
pub(super) fn derive_attributes(places: &mut [Option<Seat>], derive: Attributes) {
    let taken: Vec<bool> = places.iter().map(Option::is_some).collect();
    let last = taken.len().saturating_sub(1);
    for (index, seat) in places.iter_mut().enumerate() {
        let Some(seat) = seat else { continue };
        let at_end = index == 0 || index == last;
        let gap_left = index > 0 && !taken[index - 1];
        let gap_right = index < last && !taken[index + 1];
        if derive.contains(Attribute::Window) && at_end {
            seat.attributes.insert(Attribute::Window);
        }
        if derive.contains(Attribute::Aisle) && (gap_left || gap_right) {
            seat.attributes.insert(Attribute::Aisle);
        }
    }
}
