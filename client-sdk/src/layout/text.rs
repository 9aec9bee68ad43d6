//! The drawn variant of the format: rows are lines, seats are words, `_` is a gap.

use super::assemble::{Assembly, Effect};
use super::attribute::{Attribute, Attributes};
use super::error::Problem;
use super::limits::MAX_CAPACITY;
use super::model::{Layout, Row, Seat, ZoneKind};
use super::pattern::GAP;
use super::rows::derive_attributes;
use super::walk::{Fault, Place};

/// The words before a colon, besides those of the attributes.
const WORDS: [&str; 7] = ["name", "zone", "standing", "deck", "coach", "section", "derive"];

/// Reads a whole drawing.
pub(super) fn read(text: &str) -> Result<Layout, Fault> {
    let mut drawing = Drawing::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            drawing.read_line(line, &Place::Line(number))?;
        }
    }
    let missing = || Fault::new(Place::File, Problem::MissingKey(vec!["name: …"]));
    let (name, at) = drawing.name.ok_or_else(missing)?;
    drawing.assembly.finish(&name, &at)
}

/// A drawing that is being read, with what the lines above said for those below.
#[derive(Default)]
struct Drawing {
    name: Option<(String, Place)>,
    assembly: Assembly,
    zone: Option<u16>,
    deck: String,
    derive: Attributes,
    rows_of_deck: usize,
}

impl Drawing {
    fn read_line(&mut self, line: &str, at: &Place) -> Result<(), Fault> {
        let Some((word, rest)) = line.split_once(':') else {
            return self.read_row(line, at);
        };
        let (word, rest) = (word.trim(), rest.trim());
        match word {
            "name" => self.name = Some((rest.to_owned(), at.clone())),
            "zone" => self.zone = Some(self.enter_zone(rest, at)?),
            "standing" => self.read_standing(rest, at)?,
            "deck" | "coach" | "section" => {
                rest.clone_into(&mut self.deck);
                self.rows_of_deck = 0;
            }
            "derive" => self.derive = read_derive(rest, at)?,
            _ => match Attribute::from_name(word) {
                Some(attribute) => {
                    let seats = rest.split_whitespace().map(str::to_owned).collect();
                    let effect = Effect::Attributes([attribute].into_iter().collect());
                    self.assembly.mark(seats, effect, at.clone());
                }
                None => {
                    let allowed = WORDS.into_iter().chain(Attribute::NAMES).collect();
                    let problem = Problem::UnknownKey { key: word.to_owned(), allowed };
                    return Err(Fault::new(at.clone(), problem));
                }
            },
        }
        Ok(())
    }

    /// The rows below are in this zone; the first mention declares it.
    fn enter_zone(&mut self, name: &str, at: &Place) -> Result<u16, Fault> {
        if self.assembly.zone_names().iter().any(|known| known == name) {
            self.assembly.numbered(name, at)
        } else {
            self.assembly.declare(name, ZoneKind::Numbered, at)
        }
    }

    /// `standing: Floor 400`
    fn read_standing(&mut self, rest: &str, at: &Place) -> Result<(), Fault> {
        let parsed = rest
            .rsplit_once(char::is_whitespace)
            .and_then(|(name, capacity)| Some((name.trim(), capacity.parse::<u32>().ok()?)));
        let Some((name, capacity)) = parsed else {
            let allowed = "a zone and how many it admits: `standing: Floor 400`";
            let problem = Problem::WrongType { found: format!("{rest:?}"), allowed };
            return Err(Fault::new(at.clone(), problem));
        };
        if !(1..=MAX_CAPACITY).contains(&capacity) {
            let (found, max) = (i64::from(capacity), i64::from(MAX_CAPACITY));
            let problem = Problem::OutOfRange { what: "capacity", found, min: 1, max };
            return Err(Fault::new(at.clone(), problem));
        }
        self.assembly.declare(name, ZoneKind::GeneralAdmission { capacity }, at).map(drop)
    }

    /// `1A 1B _ 1C 1D`, or with a name for the row in front: `12 | 1 2 3 _ 4 5 6`
    fn read_row(&mut self, line: &str, at: &Place) -> Result<(), Fault> {
        let Some(zone) = self.zone else {
            return Err(Fault::new(at.clone(), Problem::MissingKey(vec!["zone: …"])));
        };
        self.rows_of_deck += 1;
        let (name, drawn) = match line.split_once('|') {
            Some((name, drawn)) => (name.trim().to_owned(), drawn),
            None => (self.rows_of_deck.to_string(), line),
        };
        let mut places = Vec::new();
        for word in drawn.split_whitespace() {
            if word.chars().all(|letter| letter == GAP) {
                places.extend(word.chars().map(|_| None));
            } else {
                let attributes = Attributes::NONE;
                places.push(Some(Seat { name: word.to_owned(), zone, attributes }));
            }
        }
        derive_attributes(&mut places, self.derive);
        self.assembly.push_row(Row { name, deck: self.deck.clone(), places }, at)
    }
}

fn read_derive(words: &str, at: &Place) -> Result<Attributes, Fault> {
    words
        .split_whitespace()
        .map(|word| match Attribute::from_name(word) {
            Some(attribute @ (Attribute::Window | Attribute::Aisle)) => Ok(attribute),
            _ => {
                let (found, allowed) = (format!("{word:?}"), "`window`, `aisle` or both");
                Err(Fault::new(at.clone(), Problem::WrongType { found, allowed }))
            }
        })
        .collect()
}
