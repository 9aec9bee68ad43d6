//! The best choice of seats by trying all of them.

use proto::ids::{Legs, SeatNo, ZoneNo};
use seatgrid_actors::seat_map::*;

use crate::model::Model;

/// The seats that a `HoldBest` has to get. A party in one piece is compared with the best of all
/// pieces; a party in several has the fewest possible, and which they are is taken from `real`. (So a
/// batch that is undone must not hold such a party: its choice is not known.)
pub(crate) fn choose(
    model: &Model,
    best: &HoldBest,
    zone: Option<ZoneNo>,
    legs: Legs,
    real: &Outcome,
) -> Result<Vec<SeatNo>, Refusal> {
    let layout = &model.open.layout;
    let numbered = |zone: &ZoneNo| layout.zone(*zone).unwrap().kind == ZoneKind::Numbered;
    let zones: Vec<ZoneNo> = match zone {
        Some(zone) => vec![zone],
        None => (0..layout.zones().len() as u16).map(ZoneNo::new).filter(numbered).collect(),
    };
    let quantity = best.quantity as usize;
    for &zone in &zones {
        let pieces = windows(model, best, zone, legs, quantity);
        let scored = pieces.into_iter().map(|piece| (score(model, best, legs, &piece), piece));
        if let Some((_, mut seats)) = scored.min() {
            seats.sort();
            return Ok(seats);
        }
    }
    let enough = zones.iter().find(|zone| suitable(model, best, **zone, legs).len() >= quantity);
    let Some(&zone_chosen) = enough else {
        // How many are free is only promised to be an upper bound.
        let Err(Refusal::InsufficientStock { available, .. }) = real else {
            return Err(Refusal::InsufficientStock {
                zone,
                requested: best.quantity,
                available: 0,
            });
        };
        assert!(*available < best.quantity);
        let (requested, available) = (best.quantity, *available);
        return Err(Refusal::InsufficientStock { zone, requested, available });
    };
    if best.adjacent == Adjacent::Required {
        let long = |zone: &ZoneNo, length| !windows(model, best, *zone, legs, length).is_empty();
        let longest = (0..quantity).rev().find(|&length| zones.iter().any(|z| long(z, length)));
        let longest = longest.unwrap_or(0) as u32;
        return Err(Refusal::NotAdjacent { requested: best.quantity, longest });
    }
    let seats = match real {
        Ok(Reply::Held(grant)) => grant.places.seats().to_vec(),
        _ => panic!("there are enough seats in zone {zone_chosen}"),
    };
    let suits = suitable(model, best, zone_chosen, legs);
    assert!(seats.len() == quantity && seats.iter().all(|seat| suits.contains(seat)));
    assert_eq!(pieces_of(model, &seats), fewest(model, best, zone_chosen, legs, quantity));
    Ok(seats)
}

/// Seats of the zone that are free and may be chosen.
fn suitable(model: &Model, best: &HoldBest, zone: ZoneNo, legs: Legs) -> Vec<SeatNo> {
    let kept = [Attributes::ACCESSIBLE, Attributes::COMPANION, Attributes::WOMEN_ONLY];
    let asked = best.required | best.wanted;
    let suits = |seat: &SeatNo| {
        let spec = model.open.layout.seat(*seat).unwrap();
        let keeps_out =
            |kept: &Attributes| spec.attributes.contains(*kept) && !asked.contains(*kept);
        spec.zone == zone
            && model.is_free(*seat, legs)
            && spec.attributes.contains(best.required)
            && spec.attributes.shared_with(best.avoided).is_empty()
            && !kept.iter().any(keeps_out)
    };
    let all = (0..model.open.layout.seats().len() as u32).map(SeatNo::new);
    all.filter(suits).collect()
}

/// Rows as lists of lists without gaps; seats without a row are rows of one.
fn blocks(model: &Model) -> Vec<Vec<SeatNo>> {
    let layout = &model.open.layout;
    let split = |row: &Vec<Option<SeatNo>>| {
        row.split(Option::is_none).map(|part| part.iter().copied().flatten().collect()).collect()
    };
    let mut blocks: Vec<Vec<SeatNo>> =
        layout.rows().iter().flat_map(|row| -> Vec<Vec<SeatNo>> { split(row) }).collect();
    let all = (0..layout.seats().len() as u32).map(SeatNo::new);
    blocks.extend(all.filter(|seat| layout.place(*seat).is_none()).map(|seat| vec![seat]));
    blocks
}

/// All ways to seat so many side by side.
fn windows(
    model: &Model,
    best: &HoldBest,
    zone: ZoneNo,
    legs: Legs,
    length: usize,
) -> Vec<Vec<SeatNo>> {
    if length == 0 {
        return vec![vec![]];
    }
    let suits = suitable(model, best, zone, legs);
    let blocks = blocks(model);
    let windows = blocks.iter().flat_map(|block| block.windows(length));
    windows
        .filter(|window| window.iter().all(|seat| suits.contains(seat)))
        .map(<[SeatNo]>::to_vec)
        .collect()
}

/// How good a piece is: wanted attributes missed, single seats left, legs left over, lowest number.
fn score(
    model: &Model,
    best: &HoldBest,
    legs: Legs,
    piece: &[SeatNo],
) -> (u32, usize, u32, SeatNo) {
    let layout = &model.open.layout;
    let missed = piece
        .iter()
        .map(|seat| best.wanted.without(layout.seat(*seat).unwrap().attributes).count());
    let spare = piece.iter().map(|seat| {
        let leg_free = |leg: &u16| model.is_free(*seat, Legs::new(*leg, leg + 1).unwrap());
        let before = (0..legs.from()).rev().take_while(leg_free).count();
        let after = (legs.to()..model.open.leg_count()).take_while(leg_free).count();
        (before + after) as u32
    });
    let block = blocks(model).into_iter().find(|block| block.contains(&piece[0])).unwrap();
    let free = |at: usize| {
        block.get(at).is_some_and(|seat| model.is_free(*seat, legs) && !piece.contains(seat))
    };
    let start = block.iter().position(|seat| *seat == piece[0]).unwrap();
    let neighbours = [start.wrapping_sub(1), start + piece.len()];
    let single = |at: &&usize| free(**at) && !free(at.wrapping_sub(1)) && !free(**at + 1);
    let orphans = neighbours.iter().filter(single).count();
    (missed.sum(), orphans, spare.sum(), *piece.iter().min().unwrap())
}

/// In how many pieces these seats are.
fn pieces_of(model: &Model, seats: &[SeatNo]) -> usize {
    let runs = |block: Vec<SeatNo>| {
        let parts = block.split(|seat| !seats.contains(seat));
        parts.filter(|part| !part.is_empty()).count()
    };
    blocks(model).into_iter().map(runs).sum()
}

/// The fewest pieces in which so many can be seated: the longest runs first.
fn fewest(model: &Model, best: &HoldBest, zone: ZoneNo, legs: Legs, quantity: usize) -> usize {
    let suits = suitable(model, best, zone, legs);
    let mut runs: Vec<usize> = Vec::new();
    for block in blocks(model) {
        runs.extend(block.split(|seat| !suits.contains(seat)).map(<[SeatNo]>::len));
    }
    runs.sort_by(|a, b| b.cmp(a));
    let (mut pieces, mut left) = (0, quantity);
    for run in runs {
        if left > 0 {
            pieces += 1;
            left -= run.min(left);
        }
    }
    pieces
}
