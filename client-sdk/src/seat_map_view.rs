//! A trip's seats as a watcher sees them, kept up to date change by change.

use std::collections::BTreeMap;

use proto::pb;
use proto::pb::{ChangeKind, SeatState};

use crate::watch::Event;

/// The state of every seat of a trip, as far as events tell it.
///
/// On a trip of several legs a seat may be held on some and free on others; the view then shows the seat by
/// the state of its last change, as far as that covers fewer legs than the trip has. For a sale on certain
/// legs, read the trip on these legs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeatMapView {
    version: u64,
    frozen: bool,
    closed: bool,
    seats: BTreeMap<u32, SeatView>,
    /// What the seats were that a swap has just given back: those that it takes become the same.
    swapping: Option<SeatState>,
}

/// One seat of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatView {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its state.
    pub state: SeatState,
}

/// A change that does not follow the one before: something was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("change {found} follows change {after}: something was missed")]
pub struct Gap {
    /// The version of the view.
    pub after: u64,
    /// The version of the change.
    pub found: u64,
}

impl SeatMapView {
    /// The version of the last change that the view has seen.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether new holds are refused for now.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Whether new holds are refused for good.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// A seat by its number.
    #[must_use]
    pub fn seat(&self, number: u32) -> Option<&SeatView> {
        self.seats.get(&number)
    }

    /// Every seat with its number, in order.
    pub fn seats(&self) -> impl Iterator<Item = (u32, &SeatView)> {
        self.seats.iter().map(|(&number, seat)| (number, seat))
    }

    /// How many seats are in a state.
    #[must_use]
    pub fn count(&self, state: SeatState) -> usize {
        self.seats.values().filter(|seat| seat.state == state).count()
    }

    /// Takes an event of a watch.
    ///
    /// # Errors
    /// When the event does not follow the view's version. A [`Watch`](crate::Watch) never delivers such.
    pub fn apply(&mut self, event: &Event) -> Result<(), Gap> {
        match event {
            Event::Snapshot(trip) => {
                self.replace(trip);
                Ok(())
            }
            Event::Change(change) => self.change(change),
        }
    }

    fn replace(&mut self, trip: &pb::GetTripResponse) {
        let seat = |seat: &pb::SeatInfo| {
            let (name, zone) = (seat.name.clone(), seat.zone.clone());
            (seat.number, SeatView { name, zone, state: seat.state() })
        };
        *self = Self {
            version: trip.version,
            frozen: trip.frozen,
            closed: trip.closed,
            seats: trip.seats.iter().map(seat).collect(),
            swapping: None,
        };
    }

    fn change(&mut self, change: &pb::Change) -> Result<(), Gap> {
        if change.version != self.version + 1 {
            return Err(Gap { after: self.version, found: change.version });
        }
        self.version = change.version;
        match change.kind() {
            ChangeKind::Frozen => self.frozen = true,
            ChangeKind::Thawed => self.frozen = false,
            ChangeKind::Closed => self.closed = true,
            ChangeKind::SwappedOut => {
                let first = change.seats.first().and_then(|number| self.seats.get(number));
                self.swapping = first.map(|seat| seat.state);
                self.set(&change.seats, SeatState::Free);
            }
            ChangeKind::SwappedIn => {
                let state = self.swapping.take().unwrap_or(SeatState::Held);
                self.set(&change.seats, state);
            }
            kind => {
                if let Some(state) = state_after(kind) {
                    self.set(&change.seats, state);
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, numbers: &[u32], state: SeatState) {
        for number in numbers {
            if let Some(seat) = self.seats.get_mut(number) {
                seat.state = state;
            }
        }
    }
}

/// What a change makes of its seats; none where it leaves them as they are.
fn state_after(kind: ChangeKind) -> Option<SeatState> {
    match kind {
        ChangeKind::Held => Some(SeatState::Held),
        ChangeKind::PaymentBegun => Some(SeatState::Paying),
        ChangeKind::Confirmed | ChangeKind::Reacquired => Some(SeatState::Sold),
        ChangeKind::Released
        | ChangeKind::Expired
        | ChangeKind::Cancelled
        | ChangeKind::Unblocked => Some(SeatState::Free),
        ChangeKind::Blocked => Some(SeatState::Blocked),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(version: u64) -> Event {
        let seat = |number: u32| pb::SeatInfo {
            number,
            name: format!("{number}A"),
            state: SeatState::Free.into(),
            ..Default::default()
        };
        let seats = (0..3).map(seat).collect();
        Event::Snapshot(Box::new(pb::GetTripResponse { version, seats, ..Default::default() }))
    }

    fn change(version: u64, kind: ChangeKind, seats: &[u32]) -> Event {
        let seats = seats.to_vec();
        Event::Change(pb::Change { version, kind: kind.into(), seats, ..Default::default() })
    }

    #[test]
    fn changes_follow_a_snapshot() {
        let mut view = SeatMapView::default();
        view.apply(&snapshot(4)).unwrap();
        view.apply(&change(5, ChangeKind::Held, &[0, 1])).unwrap();
        view.apply(&change(6, ChangeKind::Confirmed, &[0])).unwrap();
        view.apply(&change(7, ChangeKind::Expired, &[1])).unwrap();
        view.apply(&change(8, ChangeKind::Frozen, &[])).unwrap();
        assert_eq!(view.count(SeatState::Sold), 1);
        assert_eq!(view.count(SeatState::Free), 2);
        assert_eq!((view.version(), view.is_frozen()), (8, true));
    }

    #[test]
    fn a_swap_hands_the_state_of_one_seat_to_another() {
        let mut view = SeatMapView::default();
        view.apply(&snapshot(0)).unwrap();
        view.apply(&change(1, ChangeKind::Held, &[0])).unwrap();
        view.apply(&change(2, ChangeKind::Confirmed, &[0])).unwrap();
        view.apply(&change(3, ChangeKind::SwappedOut, &[0])).unwrap();
        view.apply(&change(4, ChangeKind::SwappedIn, &[2])).unwrap();
        assert_eq!(view.seat(0).unwrap().state, SeatState::Free);
        assert_eq!(view.seat(2).unwrap().state, SeatState::Sold);
    }

    #[test]
    fn a_gap_is_told_and_changes_nothing() {
        let mut view = SeatMapView::default();
        view.apply(&snapshot(4)).unwrap();
        let before = view.clone();
        let gap = view.apply(&change(6, ChangeKind::Held, &[0]));
        assert_eq!(gap, Err(Gap { after: 4, found: 6 }));
        assert_eq!(view, before);
    }
}
