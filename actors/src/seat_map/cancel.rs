//! Cancel: give places of a booking back, all or some, once.

use proto::ids::Timestamp;

use super::change::ChangeKind;
use super::command::{Cancel, Part};
use super::record::{HoldState, Record};
use super::refusal::Refusal;
use super::reply::{Places, Reply};
use super::{Outcome, SeatMap, Turn, extend};

/// The ladder: the booking, and whether it has the places. Gives its slot and what is freed.
pub(super) fn check(
    map: &SeatMap,
    at: Timestamp,
    cancel: &Cancel,
) -> Result<(u32, Places), Refusal> {
    let (slot, state) = extend::find(map, at, cancel.hold)?;
    match state {
        HoldState::Sold => {}
        HoldState::Expired => return Err(extend::expired(map, at, slot)),
        _ => return Err(Refusal::HoldNotConfirmed),
    }
    let freed = part_of(map.registry.record(slot), &cancel.part)?;
    Ok((slot, freed))
}

/// Frees the places; the rest stays booked.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, cancel: &Cancel) -> Outcome {
    let (slot, freed) = check(map, turn.at, cancel)?;
    let left = shrink(map, turn, slot, freed, (HoldState::Cancelled, ChangeKind::Cancelled));
    Ok(Reply::Cancelled { hold: cancel.hold, left })
}

/// The places of a record that a part stands for; refused if they are not all the record's.
pub(super) fn part_of(record: &Record, part: &Part) -> Result<Places, Refusal> {
    match (part, &record.places) {
        (Part::All, places) => Ok(places.clone()),
        (Part::Seats(seats), Places::Seats(own)) => {
            let seats = seats.numbers();
            match seats.iter().find(|seat| own.binary_search(seat).is_err()) {
                Some(&foreign) => Err(Refusal::NotInHold { seat: Some(foreign) }),
                None => Ok(Places::Seats(seats.clone())),
            }
        }
        (Part::Quantity(count), Places::Quantity { zone, count: own }) => {
            if *count == 0 || count > own {
                return Err(Refusal::InvalidQuantity { quantity: *count, min: 1, max: *own });
            }
            Ok(Places::Quantity { zone: *zone, count: *count })
        }
        _ => Err(Refusal::NotInHold { seat: None }),
    }
}

/// Frees some of a record's places, or ends it if none is left. Says how many are left.
pub(super) fn shrink(
    map: &mut SeatMap,
    turn: Turn,
    slot: u32,
    freed: Places,
    (end, kind): (HoldState, ChangeKind),
) -> u32 {
    let left = without(&map.registry.record(slot).places, &freed);
    let count = left.count();
    if count == 0 {
        map.finish((turn.at, turn.pos), slot, end, kind);
        return 0;
    }
    map.free_places(slot, &freed);
    let record = map.registry.record_mut(slot);
    record.keep_first_grant();
    record.places = left;
    map.note(turn.at, turn.pos, kind, slot, freed);
    count
}

/// What is left of `places` without `freed`, which is a part of them.
fn without(places: &Places, freed: &Places) -> Places {
    match (places, freed) {
        (Places::Seats(own), Places::Seats(freed)) => {
            let left = own.iter().filter(|seat| freed.binary_search(seat).is_err());
            Places::Seats(left.copied().collect())
        }
        (Places::Quantity { zone, count }, Places::Quantity { count: freed, .. }) => {
            Places::Quantity { zone: *zone, count: count - freed }
        }
        _ => panic!("a part has the kind of its whole"),
    }
}
