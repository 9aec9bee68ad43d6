//! Bringing a trip into the cache before its turn.
//!
//! A shard has far more trips than fit a cache, so nearly everything that a command touches has to come
//! from memory, one wait after the other. The functions here read a word of what a command will need
//! and do nothing with it. Called for all commands of a batch before the first is decided, the waits of
//! one overlap with those of the others. Nothing depends on it: leaving it out changes only the speed.

use proto::ids::{HoldId, Legs, SeatNo};

use super::SeatMap;
use super::command::{Command, CommandBody, Seats, Span};

impl SeatMap {
    /// Reads the state's own lines, which say where the rest is.
    #[must_use]
    pub fn prefetch(&self) -> u64 {
        let lengths = self.deadlines.len() ^ self.registry.id_count();
        self.position.packed()
            ^ self.last_change
            ^ self.clock.as_unix_ms()
            ^ lengths as u64
            ^ u64::from(self.frozen)
    }

    /// Reads what deciding the command will read and write.
    #[must_use]
    pub fn prefetch_for(&self, command: &Command) -> u64 {
        let entered = self.registry.prefetch(command.id);
        entered
            ^ match &command.body {
                CommandBody::Hold(hold) => {
                    self.deadlines.prefetch() ^ self.prefetch_seats(&hold.seats, &hold.legs)
                }
                CommandBody::Extend(extend) => self.prefetch_hold(extend.hold),
                CommandBody::BeginPayment(payment) => self.prefetch_hold(payment.hold),
                CommandBody::Confirm(confirm) => self.prefetch_hold(confirm.hold),
                CommandBody::Release(release) => self.prefetch_hold(release.hold),
                CommandBody::Cancel(cancel) => self.prefetch_hold(cancel.hold),
                _ => 0,
            }
    }

    #[inline]
    fn prefetch_seats(&self, seats: &Seats, legs: &Span) -> u64 {
        let legs = match legs {
            Span::Legs(legs) => *legs,
            Span::Whole => self.terms.whole(),
        };
        let one = |seen, seat| seen ^ self.prefetch_seat(seat, legs);
        match seats {
            Seats::Numbers(numbers) => numbers.iter().copied().fold(0, one),
            Seats::Names(names) => {
                names.iter().filter_map(|name| self.terms.layout.seat_named(name)).fold(0, one)
            }
        }
    }

    #[inline]
    fn prefetch_seat(&self, seat: SeatNo, legs: Legs) -> u64 {
        if seat.index() >= self.terms.layout.seats().len() || legs.to() > self.terms.leg_count {
            return 0;
        }
        let zone = self.terms.layout.zone_of(seat);
        self.occupancy.prefetch(seat) ^ self.counters.prefetch(zone, legs)
    }

    /// What is known of a hold, and where its end is remembered.
    #[inline]
    fn prefetch_hold(&self, hold: HoldId) -> u64 {
        let Some(slot) = self.registry.find_record(hold, self.clock) else { return 0 };
        let record = self.registry.record(slot);
        let remembered = self.registry.prefetch_memory();
        let seats = record.places.seats();
        seats.iter().fold(remembered, |seen, &seat| seen ^ self.prefetch_seat(seat, record.legs))
    }
}
