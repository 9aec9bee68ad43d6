//! Whether the cluster still has what a ledger says it acknowledged.

use std::collections::HashMap;

use client_sdk::ids::TripId;
use client_sdk::pb::{Code, HoldState, SeatState};
use client_sdk::{Client, Error, TripView};
use serde::Serialize;
use tokio::task::JoinSet;

use super::book::{Book, Entry, Fate, MAX_SHOWN};
use crate::failure::Failure;
use crate::output::pairs;

/// Reads under way at a time.
const READERS: usize = 128;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct LedgerAudit {
    holds: usize,
    confirmed: usize,
    released: usize,
    unknown: usize,
    /// Holds that were looked up one by one.
    looked_up: usize,
    pub(crate) violation_count: usize,
    /// The first of them.
    violations: Vec<String>,
    pub(crate) unchecked: Vec<String>,
}

impl LedgerAudit {
    fn violation(&mut self, what: String) {
        self.violation_count += 1;
        if self.violations.len() < MAX_SHOWN {
            self.violations.push(what);
        }
    }

    fn note_unchecked(&mut self, what: String) {
        if self.unchecked.len() < MAX_SHOWN {
            self.unchecked.push(what);
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = pairs(&[
            ("ledger", format!("{} holds", self.holds)),
            ("confirmed", self.confirmed.to_string()),
            ("released", self.released.to_string()),
            ("unknown", self.unknown.to_string()),
            ("looked up", self.looked_up.to_string()),
            ("violations", self.violation_count.to_string()),
        ]);
        for violation in &self.violations {
            text += &format!("\nviolation: {violation}");
        }
        for missing in &self.unchecked {
            text += &format!("\nnot checked: {missing}");
        }
        text
    }
}

/// Checks a ledger against itself, against the seats of its trips, and hold by hold.
pub(crate) async fn verify(
    client: &Client,
    book: &Book,
    lookups: usize,
) -> Result<LedgerAudit, Failure> {
    let mut audit = LedgerAudit {
        holds: book.holds.len(),
        confirmed: book.count(Fate::Confirmed),
        released: book.count(Fate::Released),
        unknown: book.count(Fate::Unknown),
        ..LedgerAudit::default()
    };
    for (sold, later) in book.double_sales() {
        let (sold, later) = (&book.holds[sold], &book.holds[later]);
        audit.violation(format!(
            "trip {}: hold {} was granted seats that hold {} had been sold",
            book.trips[sold.trip as usize], later.hold, sold.hold
        ));
    }
    check_seats(client, book, &mut audit).await?;
    check_holds(client, book, lookups, &mut audit).await?;
    Ok(audit)
}

/// Every confirmed seat must be sold on its trip's seat map.
async fn check_seats(client: &Client, book: &Book, audit: &mut LedgerAudit) -> Result<(), Failure> {
    let mut sold: HashMap<u32, Vec<&Entry>> = HashMap::new();
    for hold in book.holds.iter().filter(|hold| hold.fate == Fate::Confirmed) {
        sold.entry(hold.trip).or_default().push(hold);
    }
    let mut trips = sold.keys().copied().collect::<Vec<u32>>().into_iter();
    let mut readers = JoinSet::new();
    loop {
        while readers.len() < READERS
            && let Some(trip) = trips.next()
        {
            let (client, name) = (client.clone(), book.trips[trip as usize].clone());
            readers.spawn(async move {
                let id = TripId::new(&name).map_err(Error::from);
                let read = match id {
                    Ok(id) => client.trip(&id, TripView::with_seats()).await,
                    Err(error) => Err(error),
                };
                (trip, read)
            });
        }
        let Some(read) = readers.join_next().await else { return Ok(()) };
        let (trip, read) = read.map_err(|error| Failure::new(error.to_string()))?;
        let name = &book.trips[trip as usize];
        let seats = match read {
            Ok(trip) => trip.seats,
            Err(Error::Refused(refusal)) => {
                audit.violation(format!(
                    "trip {name} with {} bookings: {refusal}",
                    sold[&trip].len()
                ));
                continue;
            }
            Err(error) => {
                audit.note_unchecked(format!("trip {name}: {error}"));
                continue;
            }
        };
        let states: HashMap<u32, SeatState> =
            seats.iter().map(|seat| (seat.number, seat.state())).collect();
        for hold in &sold[&trip] {
            for seat in &hold.seats {
                let state = states.get(seat).copied().unwrap_or(SeatState::Unspecified);
                // Of several reasons on several legs the map shows the most lasting one.
                let elsewhere = hold.legs.is_some() && state == SeatState::Blocked;
                if state != SeatState::Sold && !elsewhere {
                    let state = state.as_str_name();
                    audit.violation(format!(
                        "trip {name}: seat {seat} of booking {} is {state}",
                        hold.hold
                    ));
                }
            }
        }
    }
}

/// Every confirmed hold must be a booking of its seats, and no released hold may own any.
async fn check_holds(
    client: &Client,
    book: &Book,
    lookups: usize,
    audit: &mut LedgerAudit,
) -> Result<(), Failure> {
    let ended = |hold: &&Entry| matches!(hold.fate, Fate::Confirmed | Fate::Released);
    let count = book.holds.iter().filter(ended).count();
    let stride = count.div_ceil(lookups.max(1)).max(1);
    let mut holds = book.holds.iter().filter(ended).step_by(stride).cloned();
    let mut readers = JoinSet::new();
    loop {
        while readers.len() < READERS
            && let Some(hold) = holds.next()
        {
            let (client, name) = (client.clone(), book.trips[hold.trip as usize].clone());
            readers.spawn(async move {
                let found = match TripId::new(&name) {
                    Ok(trip) => client
                        .get_hold(&trip, hold.hold)
                        .await
                        .map(|found| (found.state(), found.seats.len())),
                    Err(error) => Err(Error::from(error)),
                };
                (hold, found)
            });
        }
        let Some(read) = readers.join_next().await else { return Ok(()) };
        let (hold, found) = read.map_err(|error| Failure::new(error.to_string()))?;
        audit.looked_up += 1;
        match judge(&hold, found) {
            Ok(None) => {}
            Ok(Some(what)) => {
                let trip = &book.trips[hold.trip as usize];
                audit.violation(format!("trip {trip}: hold {}: {what}", hold.hold));
            }
            Err(error) => audit.note_unchecked(format!("hold {}: {error}", hold.hold)),
        }
    }
}

/// What is wrong with a hold as it was found.
fn judge(hold: &Entry, found: Result<(HoldState, usize), Error>) -> Result<Option<String>, Error> {
    let (state, seats) = match found {
        Ok(found) => found,
        // Ends of holds are remembered for a while only; bookings for ever.
        Err(error) if error.code() == Code::UnknownHold && hold.fate == Fate::Released => {
            return Ok(None);
        }
        Err(Error::Refused(refusal)) => {
            return Ok(Some(format!("was acknowledged, and is lost: {refusal}")));
        }
        Err(error) => return Err(error),
    };
    Ok(match (hold.fate, state) {
        (Fate::Confirmed, HoldState::Confirmed) if seats == hold.seats.len() => None,
        (Fate::Confirmed, HoldState::Confirmed) => {
            Some(format!("was confirmed with {} seats and has {seats}", hold.seats.len()))
        }
        (Fate::Confirmed, state) => Some(format!("was confirmed and is {}", state.as_str_name())),
        (_, HoldState::Held | HoldState::Paying | HoldState::Confirmed) => {
            Some(format!("was released and is {}", state.as_str_name()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use client_sdk::ids::HoldId;
    use client_sdk::pb::Problem;

    fn hold(fate: Fate) -> Entry {
        Entry {
            trip: 0,
            hold: HoldId::from_u128(1).unwrap(),
            seats: vec![4],
            legs: None,
            fate,
            held_at: 1,
            reacquired: false,
        }
    }

    #[test]
    fn a_booking_must_still_be_one_with_all_its_seats() {
        let confirmed = hold(Fate::Confirmed);
        assert_eq!(judge(&confirmed, Ok((HoldState::Confirmed, 1))).unwrap(), None);
        for bad in [(HoldState::Confirmed, 0), (HoldState::Expired, 1), (HoldState::Released, 1)] {
            assert!(judge(&confirmed, Ok(bad)).unwrap().is_some());
        }
        let gone = || Err(Error::from(Problem::new(Code::UnknownHold, "unknown")));
        assert!(judge(&confirmed, gone()).unwrap().is_some());
        assert_eq!(judge(&hold(Fate::Released), gone()).unwrap(), None);
    }

    #[test]
    fn a_released_hold_owns_nothing() {
        let released = hold(Fate::Released);
        assert_eq!(judge(&released, Ok((HoldState::Released, 0))).unwrap(), None);
        assert!(judge(&released, Ok((HoldState::Held, 1))).unwrap().is_some());
        let down = Err(Error::Unavailable { message: String::new() });
        assert!(judge(&released, down).is_err());
    }
}
