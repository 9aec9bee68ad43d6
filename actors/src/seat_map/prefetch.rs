//! Bringing a trip into the cache before its turn.
//!
//! A shard has far more trips than fit a cache, so nearly everything that a command touches has to come
//! from memory, one wait after the other. The functions here ask for the lines that a command will need,
//! and do not wait for them. Each is called for all commands of a batch before the next one is, and all
//! before the first command is decided: so the waits of all overlap. Nothing depends on it: leaving it out
//! changes only the speed.

use proto::ids::{Legs, SeatNo};

use super::SeatMap;
use super::answer::hold_of;
use super::command::{Command, CommandBody, Seats, Span};

impl SeatMap {
    /// First: what is in places that the state's own lines tell, which should be there by now.
    pub fn prefetch(&self, command: &Command) {
        self.registry.prefetch(command.id);
        if let Some(hold) = hold_of(&command.body) {
            self.registry.prefetch(hold.into());
        } else if let CommandBody::Hold(hold) = &command.body {
            self.deadlines.prefetch();
            self.prefetch_seats(&hold.seats, &hold.legs);
        }
    }

    /// Then: the record that will be entered, or changed.
    pub fn prefetch_record(&self, command: &Command) {
        match hold_of(&command.body) {
            Some(hold) => self.registry.prefetch_record_of(hold),
            None => self.registry.prefetch_next(),
        }
    }

    /// Last: what the end of a hold changes.
    pub fn prefetch_end(&self, command: &Command) {
        let Some(slot) =
            hold_of(&command.body).and_then(|hold| self.registry.probable_record(hold))
        else {
            return;
        };
        let record = self.registry.record(slot);
        self.registry.prefetch_memory();
        record.places.seats().iter().for_each(|&seat| self.prefetch_seat(seat, record.legs));
    }

    #[inline]
    fn prefetch_seats(&self, seats: &Seats, legs: &Span) {
        let legs = match legs {
            Span::Legs(legs) => *legs,
            Span::Whole => self.terms.whole(),
        };
        match seats {
            Seats::Numbers(numbers) => {
                numbers.iter().for_each(|&seat| self.prefetch_seat(seat, legs));
            }
            Seats::Names(names) => {
                let numbers = names.iter().filter_map(|name| self.terms.layout.seat_named(name));
                numbers.for_each(|seat| self.prefetch_seat(seat, legs));
            }
        }
    }

    #[inline]
    fn prefetch_seat(&self, seat: SeatNo, legs: Legs) {
        if seat.index() < self.terms.layout.seats().len() && legs.to() <= self.terms.leg_count {
            self.occupancy.prefetch(seat);
            self.counters.prefetch(self.terms.layout.zone_of(seat), legs);
        }
    }
}
