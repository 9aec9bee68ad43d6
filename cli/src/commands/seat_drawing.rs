//! A drawing of a trip's seats: what is free has its name, what is not has a sign.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use client_sdk::pb::{SeatInfo, SeatState};

/// Draws seats by deck, row and place; seats without a row come last.
pub(crate) fn draw(seats: &[SeatInfo]) -> String {
    let width = seats.iter().map(|seat| seat.name.chars().count()).max().unwrap_or(1);
    let mut decks: BTreeMap<u32, BTreeMap<u32, Vec<&SeatInfo>>> = BTreeMap::new();
    let mut loose = Vec::new();
    for seat in seats {
        match seat.row {
            Some(row) => decks.entry(seat.deck).or_default().entry(row).or_default().push(seat),
            None => loose.push(seat),
        }
    }
    let several = decks.len() > 1;
    let mut text = String::from("free seats by name; h held, p paying, # sold, x blocked\n");
    for (deck, rows) in decks {
        if several {
            let _ = write!(text, "\ndeck {deck}\n");
        }
        for mut row in rows.into_values() {
            row.sort_by_key(|seat| seat.place);
            text.push_str(draw_row(&row, width).trim_end());
            text.push('\n');
        }
    }
    if !loose.is_empty() {
        let names: Vec<String> = loose.iter().map(|seat| sign(seat, width)).collect();
        text.push_str(names.join(" ").trim_end());
    }
    text.trim_end().to_owned()
}

fn draw_row(row: &[&SeatInfo], width: usize) -> String {
    let mut line = String::new();
    let mut place = 0;
    for seat in row {
        while place < seat.place {
            line.push_str(&" ".repeat(width + 1));
            place += 1;
        }
        line.push_str(&sign(seat, width));
        line.push(' ');
        place += 1;
    }
    line
}

fn sign(seat: &SeatInfo, width: usize) -> String {
    let sign = match seat.state() {
        SeatState::Held => "h",
        SeatState::Paying => "p",
        SeatState::Sold => "#",
        SeatState::Blocked => "x",
        SeatState::Free | SeatState::Unspecified => &seat.name,
    };
    format!("{sign:<width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aisle_stays_free_and_a_sold_seat_loses_its_name() {
        let seat = |name: &str, row, place, state: SeatState| SeatInfo {
            name: name.into(),
            row: Some(row),
            place,
            state: state.into(),
            ..Default::default()
        };
        let seats = [
            seat("1A", 0, 0, SeatState::Free),
            seat("1B", 0, 2, SeatState::Sold),
            seat("2A", 1, 0, SeatState::Held),
            seat("2B", 1, 2, SeatState::Free),
        ];
        let drawn = draw(&seats);
        let lines: Vec<&str> = drawn.lines().skip(1).collect();
        assert_eq!(lines, ["1A    #", "h     2B"]);
    }
}
