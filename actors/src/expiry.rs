//! Which trips have something due, and when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::ids::Timestamp;

/// Trips by the deadline under which they are registered, the earliest first.
///
/// A trip stands here once for the deadline that it is registered under. When an earlier one comes it is
/// registered again, and the later registration is found to be outdated when its turn comes.
#[derive(Debug, Default)]
pub(crate) struct Expiry(BinaryHeap<Reverse<(Timestamp, u32)>>);

impl Expiry {
    /// Registers a trip, unless it is registered for then or earlier.
    pub(crate) fn register(
        &mut self,
        trip: u32,
        registered: &mut Option<Timestamp>,
        deadline: Timestamp,
    ) {
        if registered.is_none_or(|at| deadline < at) {
            *registered = Some(deadline);
            self.0.push(Reverse((deadline, trip)));
        }
    }

    /// The next registration that is due, with the deadline it was made for.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<(Timestamp, u32)> {
        match self.0.peek() {
            Some(&Reverse((deadline, _))) if deadline <= now => {
                self.0.pop().map(|Reverse(due)| due)
            }
            _ => None,
        }
    }
}
