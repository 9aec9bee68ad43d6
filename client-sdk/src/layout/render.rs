//! A layout as text for a terminal.

use std::fmt::Write as _;

use super::attribute::{Attribute, Attributes};
use super::model::{Layout, Row, Seat, ZoneKind};

/// The letter behind a seat that has the attribute; window and aisle can be seen.
const LETTERS: [(Attribute, char); 14] = [
    (Attribute::Table, 't'),
    (Attribute::Accessible, 'a'),
    (Attribute::Companion, 'c'),
    (Attribute::WomenOnly, 'w'),
    (Attribute::BerthLower, 'l'),
    (Attribute::BerthMiddle, 'm'),
    (Attribute::BerthUpper, 'u'),
    (Attribute::Quiet, 'q'),
    (Attribute::Power, 'p'),
    (Attribute::ExtraLegroom, 'x'),
    (Attribute::Family, 'f'),
    (Attribute::LimitedView, 'v'),
    (Attribute::Forward, '>'),
    (Attribute::Backward, '<'),
];

impl Layout {
    /// Draws the layout for a terminal: a line a row, what all names of the row begin with on the
    /// left, its zone on the right, and a letter for each thing that is special about a seat.
    #[must_use]
    pub fn render_text(&self) -> String {
        let mut out = String::new();
        self.render_zones(&mut out);
        let mut shown = Attributes::NONE;
        let mut rest = self.rows.as_slice();
        while let Some(first) = rest.first() {
            let length = rest.iter().take_while(|row| row.deck == first.deck).count();
            let (deck, behind) = rest.split_at(length);
            self.render_deck(deck, &mut out, &mut shown);
            rest = behind;
        }
        let legend: Vec<String> = LETTERS
            .iter()
            .filter(|(attribute, _)| shown.contains(*attribute))
            .map(|(attribute, letter)| format!("{letter} {}", attribute.name()))
            .collect();
        if !legend.is_empty() {
            let _ = writeln!(out, "\n'{}", legend.join("  '"));
        }
        out
    }

    fn render_zones(&self, out: &mut String) {
        let seats = self.seat_count();
        let _ = writeln!(out, "{}: {seats} seats, {} zone(s)", self.name, self.zones.len());
        let mut counts = vec![0_usize; self.zones.len()];
        for seat in self.seats() {
            if let Some(count) = counts.get_mut(usize::from(seat.zone)) {
                *count += 1;
            }
        }
        let width = self.zones.iter().map(|zone| columns(&zone.name)).max().unwrap_or(0);
        for (zone, count) in self.zones.iter().zip(counts) {
            let name = padded(&zone.name, width);
            let _ = match zone.kind {
                ZoneKind::Numbered => writeln!(out, "  {name}  {count} seats"),
                ZoneKind::GeneralAdmission { capacity } => {
                    writeln!(out, "  {name}  {capacity} places without numbers")
                }
            };
        }
    }

    fn render_deck(&self, rows: &[Row], out: &mut String, shown: &mut Attributes) {
        // What all seats of a deck have is said once, in its heading; likewise for a row.
        let seats = rows.iter().flat_map(|row| row.places.iter().flatten());
        let of_deck = common_attributes(seats.clone());
        let zones_of_deck = self.zones_of(seats.clone());
        let mut heading = vec![format!("{} seats", seats.count())];
        if self.zones.len() > 1 && zones_of_deck.len() == 1 {
            heading.extend(zones_of_deck.iter().map(|zone| (*zone).to_owned()));
        }
        heading.extend(of_deck.iter().map(|attribute| attribute.name().to_owned()));
        let deck = rows.first().map_or("", |row| row.deck.as_str());
        let separator = if deck.is_empty() { "" } else { ": " };
        let _ = writeln!(out, "\n{deck}{separator}{}", heading.join(", "));

        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            let seats = row.places.iter().flatten();
            let of_row = common_attributes(seats.clone());
            let mut tail = Vec::new();
            if zones_of_deck.len() > 1 {
                tail.push(self.zones_of(seats.clone()).join(" / "));
            }
            tail.extend(of_row.difference(of_deck).iter().map(|a| a.name().to_owned()));
            let prefix = common_prefix(row);
            let cell = |place: &Option<Seat>| {
                place.as_ref().map_or(String::new(), |seat| cell(seat, prefix, of_row))
            };
            let cells: Vec<String> = row.places.iter().map(cell).collect();
            for seat in seats {
                *shown = shown.union(seat.attributes.difference(of_row));
            }
            lines.push(Line { prefix, cells, tail: tail.join(", ") });
        }
        render_lines(&lines, out);
    }

    /// The names of the zones of some seats, each once.
    fn zones_of<'a>(&'a self, seats: impl Iterator<Item = &'a Seat>) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for seat in seats {
            let name = self.zones.get(usize::from(seat.zone)).map_or("?", |zone| &zone.name);
            if names.last() != Some(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// A row that is ready to be drawn.
struct Line<'a> {
    prefix: &'a str,
    cells: Vec<String>,
    tail: String,
}

/// Draws rows below each other: places of the same index share a column.
fn render_lines(lines: &[Line<'_>], out: &mut String) {
    let left = lines.iter().map(|line| columns(line.prefix)).max().unwrap_or(0);
    let longest = lines.iter().map(|line| line.cells.len()).max().unwrap_or(0);
    let mut widths = vec![1; longest];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(&line.cells) {
            *width = columns(cell).max(*width);
        }
    }
    for Line { prefix, cells, tail } in lines {
        let cell = |index: usize| cells.get(index).map_or("", String::as_str);
        let drawn: Vec<String> = (0..longest).map(|i| padded(cell(i), widths[i])).collect();
        let line = format!("  {} | {} | {tail}", right(prefix, left), drawn.join(" "));
        let _ = writeln!(out, "{}", line.trim_end().trim_end_matches('|').trim_end());
    }
}

/// What all these seats have, apart from what can be seen.
fn common_attributes<'a>(seats: impl Iterator<Item = &'a Seat>) -> Attributes {
    let drawn: Attributes = LETTERS.iter().map(|(attribute, _)| *attribute).collect();
    let all = seats.map(|seat| seat.attributes).reduce(Attributes::intersection);
    all.unwrap_or_default().intersection(drawn)
}

/// A seat without what its row says already.
fn cell(seat: &Seat, prefix: &str, of_row: Attributes) -> String {
    let own = seat.attributes.difference(of_row);
    let letters: String = LETTERS
        .iter()
        .filter(|(attribute, _)| own.contains(*attribute))
        .map(|(_, letter)| *letter)
        .collect();
    let name = seat.name.strip_prefix(prefix).unwrap_or(&seat.name);
    if letters.is_empty() { name.to_owned() } else { format!("{name}'{letters}") }
}

/// What all seat names of a row begin with, short of splitting a number or leaving nothing over.
fn common_prefix(row: &Row) -> &str {
    let mut names = row.places.iter().flatten().map(|seat| seat.name.as_str());
    let Some(first) = names.next() else { return "" };
    let mut length = first.len();
    let mut only = true;
    for name in names {
        only = false;
        let same = first.char_indices().zip(name.chars()).find(|((_, a), b)| a != b);
        let same = same.map_or(first.len().min(name.len()), |((at, _), _)| at);
        length = length.min(same);
    }
    if only {
        return "";
    }
    let starts_number = |at: usize| {
        let mut names = row.places.iter().flatten().map(|seat| seat.name.as_str());
        names.any(|name| name[at..].starts_with(|next: char| next.is_ascii_digit()))
    };
    if starts_number(length) {
        length = first[..length].trim_end_matches(|digit: char| digit.is_ascii_digit()).len();
    }
    &first[..length]
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

fn right(text: &str, width: usize) -> String {
    format!("{text:>width$}")
}
