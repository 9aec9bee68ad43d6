//! What a history knows of one hold, over all calls about it.

use super::call::{Call, Kind, Legs, Outcome};
use super::history::History;

/// One hold.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// Its calls to hold.
    pub hold: Request,
    /// Its calls to confirm.
    pub confirm: Request,
    /// Its calls to release.
    pub release: Request,
    /// Its calls to cancel.
    pub cancel: Request,
    /// The first call that names its seats: its place in the history.
    pub named: Option<u32>,
    /// When anything was first asked about it whose effect is not known here, in microseconds.
    pub other_us: Option<u64>,
    /// When it was first asked to live longer without an answer, in microseconds.
    pub maybe_extended_us: Option<u64>,
    /// Acknowledged extensions: their places in the history.
    pub extensions: Vec<u32>,
}

/// All calls with one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// When it was first asked, however that ended, in microseconds.
    pub asked_us: Option<u64>,
    /// When it was first asked by a call that may have happened, in microseconds.
    pub maybe_us: Option<u64>,
    /// The first acknowledgement: its place in the history.
    pub ok: Option<u32>,
    /// Whether an answer was lost.
    pub unknown: bool,
}

impl Request {
    fn take(&mut self, place: u32, call: &Call, calls: &[Call]) {
        let earlier =
            |known: Option<u64>| Some(known.map_or(call.invoked_us, |us| us.min(call.invoked_us)));
        self.asked_us = earlier(self.asked_us);
        if call.may_have_happened() {
            self.maybe_us = earlier(self.maybe_us);
        }
        self.unknown |= call.outcome == Outcome::Unknown;
        let first = |ok: u32| calls[ok as usize].completed_us <= call.completed_us;
        if call.outcome == Outcome::Ok && !self.ok.is_some_and(first) {
            self.ok = Some(place);
        }
    }

    /// The first acknowledgement.
    #[must_use]
    pub fn acknowledged<'a>(&self, history: &'a History) -> Option<&'a Call> {
        self.ok.map(|place| &history.calls()[place as usize])
    }

    /// Whether it may have happened.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.maybe_us.is_some()
    }
}

/// Every hold of a history, by its number.
#[must_use]
pub fn lives(history: &History) -> Vec<Life> {
    let mut lives = vec![Life::default(); history.hold_count()];
    let calls = history.calls();
    for (place, call) in (0..).zip(calls) {
        let life = &mut lives[call.hold as usize];
        if life.named.is_none() && !history.seats(call).is_empty() {
            life.named = Some(place);
        }
        match call.kind {
            Kind::Hold => life.hold.take(place, call, calls),
            Kind::Confirm => life.confirm.take(place, call, calls),
            Kind::Release => life.release.take(place, call, calls),
            Kind::Cancel => life.cancel.take(place, call, calls),
            Kind::Extend if call.outcome == Outcome::Ok && call.expires_at_ms.is_some() => {
                life.extensions.push(place);
            }
            Kind::Extend if call.may_have_happened() => {
                let first = life.maybe_extended_us.unwrap_or(u64::MAX).min(call.invoked_us);
                life.maybe_extended_us = Some(first);
            }
            Kind::Other if call.may_have_happened() => {
                let first = life.other_us.unwrap_or(u64::MAX).min(call.invoked_us);
                life.other_us = Some(first);
            }
            Kind::Extend | Kind::Other => {}
        }
    }
    lives
}

impl Life {
    /// The call that tells of its seats: the one that was granted, or else any that names them.
    #[must_use]
    pub fn described_by<'a>(&self, history: &'a History) -> Option<&'a Call> {
        let named = || self.named.map(|place| &history.calls()[place as usize]);
        self.hold.acknowledged(history).or_else(named)
    }

    /// Whether it certainly existed: it was acknowledged, or what follows from it was.
    #[must_use]
    pub fn existed(&self) -> bool {
        [self.hold, self.confirm, self.release, self.cancel].iter().any(|r| r.ok.is_some())
            || !self.extensions.is_empty()
    }

    /// It was confirmed before it expired: a booking from then on.
    #[must_use]
    pub fn booked<'a>(&self, history: &'a History) -> Option<&'a Call> {
        self.confirm.acknowledged(history).filter(|call| !call.reacquired)
    }

    /// It was confirmed after it had expired: its seats were taken again.
    #[must_use]
    pub fn reacquired<'a>(&self, history: &'a History) -> Option<&'a Call> {
        self.confirm.acknowledged(history).filter(|call| call.reacquired)
    }

    /// The position of its grant: what its answer says, or that of its booking.
    #[must_use]
    pub fn granted_at(&self, history: &History) -> Option<u64> {
        let held = self.hold.acknowledged(history).and_then(|call| call.fence);
        held.or_else(|| self.booked(history)?.fence).map(std::num::NonZeroU64::get)
    }

    /// When its seats were certainly its own at the latest, in microseconds.
    #[must_use]
    pub fn granted_by_us(&self, history: &History) -> Option<u64> {
        let requests = [self.hold, self.confirm, self.release, self.cancel];
        let answers = requests.iter().filter_map(|request| request.acknowledged(history));
        let extended = self.extensions.iter().map(|&place| &history.calls()[place as usize]);
        answers.chain(extended).map(|call| call.completed_us).min()
    }

    /// The latest end that was acknowledged, in Unix milliseconds of log time: nothing if it may have
    /// been given a later one, or none is known.
    #[must_use]
    pub fn ends_at_most_ms(&self, history: &History) -> Option<u64> {
        if self.other_us.is_some() || self.maybe_extended_us.is_some() {
            return None;
        }
        let held = self.hold.acknowledged(history)?.expires_at_ms?.get();
        let extended = self.extensions.iter().filter_map(|&place| {
            history.calls()[place as usize].expires_at_ms.map(std::num::NonZeroU64::get)
        });
        Some(extended.fold(held, u64::max))
    }

    /// The end that it certainly had at a position, in Unix milliseconds of log time: never a later one.
    #[must_use]
    pub fn ends_at_least_ms(&self, history: &History, position: u64) -> Option<u64> {
        let held = self.hold.acknowledged(history)?.expires_at_ms?.get();
        let extended = self.extensions.iter().filter_map(|&place| {
            let call = &history.calls()[place as usize];
            call.position.filter(|at| at.get() <= position)?;
            call.expires_at_ms.map(std::num::NonZeroU64::get)
        });
        Some(extended.fold(held, u64::max))
    }

    /// Its legs.
    #[must_use]
    pub fn legs(&self, history: &History) -> Legs {
        self.described_by(history).map_or(Legs::ALL, |call| call.legs)
    }
}
