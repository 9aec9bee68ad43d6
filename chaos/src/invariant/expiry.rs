//! Time is log time, and on a trip it never runs backwards, even if the stamp of an entry does: a hold
//! can be confirmed before its deadline and not after, unless its places are taken again and the answer
//! says so; nothing expires early.

use std::collections::BTreeMap;

use actors::ids::{HoldId, Timestamp, TripId};
use actors::seat_map::{CommandBody, Lateness, Refusal, Reply};

use super::{Event, Invariant};

#[derive(Default)]
pub(super) struct Expiry {
    newest: BTreeMap<TripId, Timestamp>,
    /// Until when each hold lives, while it is not a booking.
    deadlines: BTreeMap<HoldId, Timestamp>,
    /// Holds that have become bookings, or have been given back.
    ended: BTreeMap<HoldId, ()>,
}

impl Invariant for Expiry {
    fn name(&self) -> &'static str {
        "expiry"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        let Event::Decided { trip, position, command, outcome, map, .. } = event else {
            return Ok(());
        };
        let what = |what: String| Err(format!("trip {} at {position}: {what}", trip.as_str()));
        let at = &map.view().clock();
        let newest = self.newest.entry((*trip).clone()).or_default();
        if *at < *newest {
            return what(format!("log time went back from {newest:?} to {at:?}"));
        }
        *newest = *at;
        let lives = |hold| self.deadlines.get(hold).is_some_and(|deadline| at < deadline);
        match outcome {
            Ok(Reply::Held(grant)) => {
                self.deadlines.entry(grant.hold).or_insert(grant.expires_at);
            }
            Ok(Reply::Extended { hold, expires_at } | Reply::Paying { hold, expires_at }) => {
                let deadline = self.deadlines.entry(*hold).or_insert(*expires_at);
                *deadline = (*deadline).max(*expires_at);
            }
            Ok(Reply::Confirmed { hold, late, .. }) => {
                let first = self.ended.insert(*hold, ()).is_none();
                if first && *late == Lateness::InTime && !lives(hold) {
                    return what(format!("hold {hold} is confirmed after its deadline"));
                }
            }
            Ok(Reply::Released { hold }) => {
                self.ended.insert(*hold, ());
            }
            Err(Refusal::HoldExpired { .. } | Refusal::HoldLost { .. }) => {
                let hold = match &command.body {
                    CommandBody::Confirm(confirm) => confirm.hold,
                    CommandBody::Extend(extend) => extend.hold,
                    CommandBody::BeginPayment(payment) => payment.hold,
                    CommandBody::Release(release) => release.hold,
                    CommandBody::Swap(swap) => swap.hold,
                    _ => return Ok(()),
                };
                if lives(&hold) && !self.ended.contains_key(&hold) {
                    return what(format!("hold {hold} has expired before its deadline"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
