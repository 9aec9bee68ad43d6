//! No place is sold twice: at every position of the log a seat has at most one owner on a leg, and
//! whoever is granted seats gets all of them, all free.
//!
//! A ledger that knows nothing of the seat map: it is told what was granted and what was given back.

use std::collections::BTreeMap;

use actors::ids::{CommandId, HoldId, Legs, Timestamp, TripId};
use actors::seat_map::{Grant, Lateness, Places, Reply};

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct OneOwner {
    trips: BTreeMap<TripId, Ledger>,
}

#[derive(Default)]
struct Ledger {
    /// Who has a seat on a leg.
    owners: BTreeMap<(u32, u16), HoldId>,
    holds: BTreeMap<HoldId, Held>,
    /// Commands that had their effect.
    done: BTreeMap<CommandId, ()>,
}

#[derive(Clone)]
struct Held {
    places: Places,
    legs: Legs,
    deadline: Timestamp,
    sold: bool,
    /// It owns its places.
    owns: bool,
}

impl Invariant for OneOwner {
    fn name(&self) -> &'static str {
        "one_owner"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Event::Decided { trip, position, command, outcome, map, .. } = event else {
            return Ok(());
        };
        let ledger = self.trips.entry((*trip).clone()).or_default();
        ledger.expire(map.view().clock());
        let Ok(reply) = outcome else { return Ok(()) };
        if ledger.done.insert(command.id, ()).is_some() {
            return Ok(());
        }
        let done = ledger.book(reply).and_then(|()| ledger.fits(map));
        done.map_err(|what| format!("trip {} at {position}: {what}", trip.as_str()))
    }
}

impl Ledger {
    fn expire(&mut self, at: Timestamp) {
        let due = |held: &Held| held.owns && !held.sold && held.deadline <= at;
        let due: Vec<_> = self.holds.iter().filter(|(_, h)| due(h)).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.give_back(id));
    }

    fn book(&mut self, reply: &Reply) -> Result<(), String> {
        match reply {
            Reply::Held(grant) => self.grant(grant, false),
            Reply::Swapped(grant) => {
                let sold = self.owning(grant.hold)?.sold;
                self.give_back(grant.hold);
                self.grant(grant, sold)
            }
            Reply::Extended { hold, expires_at } | Reply::Paying { hold, expires_at } => {
                self.owning(*hold)?.deadline = *expires_at;
                Ok(())
            }
            Reply::Confirmed { hold, late, .. } => {
                if *late == Lateness::Reacquired {
                    self.take_again(*hold)?;
                }
                self.owning(*hold)?.sold = true;
                Ok(())
            }
            Reply::Released { hold } | Reply::Cancelled { hold, left: 0 } => {
                self.owning(*hold)?;
                self.give_back(*hold);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn owning(&mut self, hold: HoldId) -> Result<&mut Held, String> {
        let held = self.holds.get_mut(&hold).filter(|held| held.owns);
        held.ok_or_else(|| format!("hold {hold} owns nothing, and yet the answer is yes"))
    }

    fn grant(&mut self, grant: &Grant, sold: bool) -> Result<(), String> {
        let (places, legs, deadline) = (grant.places.clone(), grant.legs, grant.expires_at);
        self.holds.insert(grant.hold, Held { places, legs, deadline, sold, owns: false });
        self.take_again(grant.hold)
    }

    fn take_again(&mut self, hold: HoldId) -> Result<(), String> {
        let unknown = || format!("hold {hold} was never granted");
        let held = self.holds.get_mut(&hold).ok_or_else(unknown)?;
        held.owns = true;
        let (places, legs) = (held.places.clone(), held.legs);
        for seat in places.seats() {
            for leg in legs.from()..legs.to() {
                if let Some(other) = self.owners.insert((seat.get(), leg), hold) {
                    return Err(format!("seat {seat} on leg {leg} is {other}'s and {hold}'s"));
                }
            }
        }
        Ok(())
    }

    fn give_back(&mut self, hold: HoldId) {
        let Some(held) = self.holds.get_mut(&hold) else { return };
        held.owns = false;
        let (places, legs) = (held.places.clone(), held.legs);
        for seat in places.seats() {
            for leg in legs.from()..legs.to() {
                if self.owners.get(&(seat.get(), leg)) == Some(&hold) {
                    self.owners.remove(&(seat.get(), leg));
                }
            }
        }
    }

    /// Places of general admission: never more than there are.
    fn fits(&self, map: &actors::seat_map::SeatMap) -> Result<(), String> {
        let mut taken: BTreeMap<_, u32> = BTreeMap::new();
        for held in self.holds.values().filter(|held| held.owns) {
            if let Places::Quantity { zone, count } = held.places {
                for leg in held.legs.from()..held.legs.to() {
                    *taken.entry((zone, leg)).or_default() += count;
                }
            }
        }
        let layout = &map.trip().layout;
        match taken.into_iter().find(|((zone, _), count)| *count > layout.capacity(*zone)) {
            Some(((zone, leg), count)) => Err(format!("{count} in zone {zone} on leg {leg}")),
            None => Ok(()),
        }
    }
}
