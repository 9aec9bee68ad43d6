//! What a few seats are while their calls take effect one after the other: who has them, and until when.
//! It is the whole specification that the search knows.

use crate::verify::call::Legs;

/// Something that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A hold was granted.
    Grant {
        /// The hold.
        hold: Wanted,
        /// At this log time, in Unix milliseconds, if it is known.
        at_ms: Option<u64>,
        /// Until this log time, in Unix milliseconds, if it is known.
        until_ms: Option<u64>,
    },
    /// A hold became a booking.
    Confirm(u32),
    /// A hold that had expired was taken again as a booking.
    Reacquire(Wanted),
    /// A hold was given back.
    Release(u32),
    /// A booking was given back.
    Cancel(u32),
    /// A hold got a later end, in Unix milliseconds of log time.
    Extend(u32, u64),
    /// Somebody was refused because one of some seats was taken.
    Taken(Wanted),
}

/// A hold and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The hold.
    pub(super) hold: u32,
    /// Its seats, ascending.
    pub(super) seats: Vec<u32>,
    /// Its legs.
    pub(super) legs: Legs,
}

impl Wanted {
    /// Whether both want a seat on the same leg.
    #[must_use]
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.legs.shared(other.legs).is_some()
            && self.seats.iter().any(|seat| other.seats.binary_search(seat).is_ok())
    }
}

/// Until when a hold has its seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Until {
    /// It may be over already, or have no end: nothing is concluded from it.
    Uncertain,
    /// This log time, in Unix milliseconds.
    At(u64),
    /// It is a booking.
    Booked,
}

/// What is known by now of the effects that nobody acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// It may have been released, or its end moved.
    pub(super) may_be_over: bool,
    /// It may be a booking.
    pub(super) may_be_booked: bool,
    /// Its booking may have been cancelled.
    pub(super) may_be_cancelled: bool,
    /// It may have become anything, and have other seats.
    pub(super) may_be_another: bool,
}

/// Who has the seats. The seats and legs of each hold are the same for ever, and kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    /// The log time, as far as it is known, in Unix milliseconds.
    clock_ms: u64,
    /// Holds that have seats, by their numbers.
    owners: Vec<(u32, Until)>,
}

/// What the model looks up of a hold.
pub(super) trait Holds {
    /// What it asks for.
    fn wanted(&self, hold: u32) -> &Wanted;
    /// What is known by now of effects that nobody acknowledged.
    fn doubt(&self, hold: u32) -> Doubt;
    /// Whether another hold may be a booking of the same seats, whatever else became of it.
    fn may_be_booked(&self, wanted: &Wanted) -> bool;
}

impl State {
    /// The state after an action; the hold that stands in the way, or the one that lacks, if the action
    /// is not possible here.
    ///
    /// # Errors
    /// The hold that makes it impossible.
    pub(super) fn after(&self, action: &Action, holds: &impl Holds) -> Result<Self, u32> {
        let mut next = self.clone();
        match action {
            Action::Grant { hold, at_ms, until_ms } => {
                if let Some(at_ms) = *at_ms {
                    if at_ms < self.clock_ms {
                        return Err(hold.hold);
                    }
                    next.clock_ms = at_ms;
                }
                next.make_room(hold, *at_ms, holds)?;
                let doubt = holds.doubt(hold.hold);
                let doubted = doubt.may_be_over || doubt.may_be_cancelled;
                let until = until_ms.filter(|_| !doubted).map_or(Until::Uncertain, Until::At);
                next.set(hold.hold, until);
            }
            Action::Confirm(hold) => {
                next.live(*hold, holds)?;
                if next.until(*hold).is_some() {
                    next.set(*hold, booked(holds.doubt(*hold)));
                }
            }
            Action::Reacquire(hold) if holds.doubt(hold.hold).may_be_another => {}
            Action::Reacquire(hold) => {
                next.make_room(hold, None, holds)?;
                next.set(hold.hold, booked(holds.doubt(hold.hold)));
            }
            Action::Release(hold) => {
                next.live(*hold, holds)?;
                next.owners.retain(|(owner, _)| owner != hold);
            }
            Action::Cancel(hold) => {
                match next.until(*hold) {
                    Some(Until::Booked | Until::Uncertain) => {}
                    _ if holds.doubt(*hold).may_be_booked => {}
                    _ if holds.doubt(*hold).may_be_another => {}
                    _ => return Err(*hold),
                }
                next.owners.retain(|(owner, _)| owner != hold);
            }
            Action::Extend(hold, until_ms) => {
                if let Until::At(before_ms) = next.live(*hold, holds)? {
                    next.set(*hold, Until::At(before_ms.max(*until_ms)));
                }
            }
            Action::Taken(wanted) if self.is_taken(wanted, holds) => {}
            Action::Taken(wanted) => return Err(wanted.hold),
        }
        Ok(next)
    }

    /// Whether somebody may be refused here because some of the seats are taken.
    pub(super) fn is_taken(&self, wanted: &Wanted, holds: &impl Holds) -> bool {
        let mut others = self.overlapping(wanted, holds);
        others.any(|(_, until)| self.may_have(until)) || holds.may_be_booked(wanted)
    }

    /// From now on nothing is concluded from a hold, or from its booking.
    pub(super) fn doubt(&mut self, hold: u32, doubt: Doubt) {
        for (owner, until) in &mut self.owners {
            let doubted = match until {
                Until::Booked => doubt.may_be_cancelled,
                _ => doubt.may_be_over || doubt.may_be_cancelled,
            };
            if *owner == hold && doubted {
                *until = Until::Uncertain;
            }
        }
    }

    /// Ends whoever is in the way and may be over; the one who is not.
    fn make_room(
        &mut self,
        wanted: &Wanted,
        at_ms: Option<u64>,
        holds: &impl Holds,
    ) -> Result<(), u32> {
        let over = |until| match until {
            Until::Uncertain => true,
            // Where the time of the grant is not known, it may be late enough.
            Until::At(until_ms) => at_ms.is_none_or(|at_ms| until_ms <= at_ms),
            Until::Booked => false,
        };
        let in_the_way = self.overlapping(wanted, holds).find(|(_, until)| !over(*until));
        if let Some((hold, _)) = in_the_way {
            return Err(hold);
        }
        self.owners
            .retain(|(owner, _)| *owner == wanted.hold || !holds.wanted(*owner).overlaps(wanted));
        Ok(())
    }

    /// Other holds that have any of the seats.
    fn overlapping<'a>(
        &'a self,
        wanted: &'a Wanted,
        holds: &'a impl Holds,
    ) -> impl Iterator<Item = (u32, Until)> + 'a {
        let others = self.owners.iter().copied();
        others.filter(move |(owner, _)| {
            *owner != wanted.hold && holds.wanted(*owner).overlaps(wanted)
        })
    }

    /// Whether somebody could still be refused because of a hold.
    fn may_have(&self, until: Until) -> bool {
        match until {
            Until::At(until_ms) => until_ms > self.clock_ms,
            Until::Uncertain | Until::Booked => true,
        }
    }

    /// A hold that may be confirmed or released now.
    fn live(&self, hold: u32, holds: &impl Holds) -> Result<Until, u32> {
        match self.until(hold) {
            _ if holds.doubt(hold).may_be_another => Ok(Until::Uncertain),
            Some(Until::At(until_ms)) if until_ms <= self.clock_ms => Err(hold),
            Some(Until::Booked) | None => Err(hold),
            Some(until) => Ok(until),
        }
    }

    fn until(&self, hold: u32) -> Option<Until> {
        self.owners.iter().find(|(owner, _)| *owner == hold).map(|(_, until)| *until)
    }

    fn set(&mut self, hold: u32, until: Until) {
        match self.owners.binary_search_by_key(&hold, |(owner, _)| *owner) {
            Ok(place) => self.owners[place].1 = until,
            Err(place) => self.owners.insert(place, (hold, until)),
        }
    }
}

fn booked(doubt: Doubt) -> Until {
    if doubt.may_be_cancelled { Until::Uncertain } else { Until::Booked }
}
