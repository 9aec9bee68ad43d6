//! HoldBest: seats that the seat map chooses, all or none.

use proto::ids::{HoldId, Timestamp, ZoneNo};

use super::choose::{self, Miss};
use super::command::{HoldBest, SeatList};
use super::grant::{self, Ask};
use super::layout::ZoneKind;
use super::limits::MAX_BEST_QUANTITY;
use super::refusal::Refusal;
use super::reply::Places;
use super::{Outcome, SeatMap, Turn};

/// The ladder: which zone, how many, the rungs of every hold, and whether there is a choice. Gives the
/// seats chosen.
pub(super) fn check(map: &SeatMap, at: Timestamp, best: &HoldBest) -> Result<SeatList, Refusal> {
    let zone = best.zone.as_ref().map(|zone| zone.number());
    if let Some(zone) = zone {
        map.check_zone(zone)?;
        if map.terms.layout.zones()[zone.index()].kind != ZoneKind::Numbered {
            return Err(Refusal::WrongZone { zone, general_admission: true });
        }
    }
    grant::check_quantity(best.quantity, MAX_BEST_QUANTITY)?;
    grant::check(map, at, &ask(best))?;
    choose(map, best, zone)
}

/// Holds the seats chosen.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, id: HoldId, best: &HoldBest) -> Outcome {
    let seats = check(map, turn.at, best)?;
    grant::give(map, turn, id, &ask(best), Places::Seats(seats))
}

/// Seats of the zone asked for; else of the first zone that has them side by side; else, unless they
/// have to be, of the first zone that has enough.
fn choose(map: &SeatMap, best: &HoldBest, zone: Option<ZoneNo>) -> Result<SeatList, Refusal> {
    let requested = best.quantity;
    let zones = map.terms.layout.zones();
    let numbered = (0..).map(ZoneNo::new).zip(zones).filter(|(_, z)| z.kind == ZoneKind::Numbered);
    let candidates: Vec<ZoneNo> = match zone {
        Some(zone) => vec![zone],
        None => numbered.map(|(zone, _)| zone).collect(),
    };
    let mut nearest = Miss { available: 0, longest: 0 };
    for &zone in &candidates {
        match choose::side_by_side(map, best, zone) {
            Ok(seats) => return Ok(seats),
            Err(miss) => {
                nearest.available = nearest.available.max(miss.available);
                nearest.longest = nearest.longest.max(miss.longest);
            }
        }
    }
    if nearest.available < requested {
        let available = nearest.available;
        return Err(Refusal::InsufficientStock { zone, requested, available });
    }
    if best.adjacent == super::command::Adjacent::Required {
        return Err(Refusal::NotAdjacent { requested, longest: nearest.longest });
    }
    let pieces = candidates.iter().find_map(|&zone| choose::in_pieces(map, best, zone));
    Ok(pieces.expect("a zone has enough seats, as counted above"))
}

fn ask(best: &HoldBest) -> Ask<'_> {
    Ask { buyer: &best.buyer, quantity: best.quantity, legs: best.legs.legs(), ttl_ms: best.ttl_ms }
}
