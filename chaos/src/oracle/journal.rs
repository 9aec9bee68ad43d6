//! What callers asked and were told, for the search for an order that explains it: a check that shares
//! nothing with the replay of the log.

use std::collections::BTreeSet;

use actors::ids::{HoldId, TripId};
use actors::seat_map::{
    Command, CommandBody, Grant, Lateness, Part, Refusal, Reply, SeatList, Seats, Span,
};
use proto::ids::SeatNo;

use crate::verify::call::{Kind, Outcome};
use crate::verify::history::{Line, Seat};
use crate::verify::{self, History, Verdict};
use crate::workload::{Called, TTL_DEFAULT_MS};

/// The calls of a simulation that are about numbered seats.
#[derive(Debug)]
pub(super) struct Journal {
    history: History,
    /// Holds of numbered seats that are in it.
    holds: BTreeSet<HoldId>,
    lines: u32,
}

/// What a line says of a call.
struct Told {
    kind: Kind,
    hold: HoldId,
    seats: Vec<SeatNo>,
    legs: Option<(u16, u16)>,
    ttl_ms: u64,
    expires_at_ms: u64,
    reacquired: bool,
}

impl Default for Journal {
    fn default() -> Self {
        // Nobody else touches the trips.
        Self { history: History::new(true), holds: BTreeSet::new(), lines: 0 }
    }
}

impl Journal {
    /// Adds a call that was asked and answered at these moments, in microseconds of virtual time.
    pub(super) fn add(
        &mut self,
        trip: &TripId,
        command: &Command,
        called: &Called,
        (invoked_us, completed_us): (u64, u64),
        fresh: bool,
    ) {
        let outcome = match called {
            Called::Decided(Ok(_)) => Outcome::Ok,
            Called::Decided(Err(_)) => Outcome::Refused,
            Called::Unavailable => Outcome::Failed,
            Called::Unknown => Outcome::Unknown,
        };
        let Some(told) = self.tell(command, called, fresh) else { return };
        self.lines += 1;
        let code = match called {
            Called::Decided(outcome) => outcome.as_ref().err().map_or("", Refusal::code),
            _ => "",
        };
        let line = Line {
            kind: told.kind,
            outcome,
            trip: trip.as_str(),
            hold: &told.hold.to_string(),
            seats: told.seats.iter().map(|seat| Seat::Number(seat.get())).collect(),
            legs: told.legs,
            invoked_us,
            completed_us,
            again: false,
            reacquired: told.reacquired,
            code,
            shard: 0,
            ttl_ms: told.ttl_ms,
            position: 0,
            fence: 0,
            expires_at_ms: told.expires_at_ms,
            at_ms: 0,
        };
        self.history.add(self.lines, &line);
    }

    /// Looks for an order that explains every answer.
    pub(super) fn verify(&self) -> Verdict {
        verify::verify(&self.history)
    }

    /// What is said of a call; nothing of one that is about no numbered seat.
    fn tell(&mut self, command: &Command, called: &Called, fresh: bool) -> Option<Told> {
        let reply = match called {
            Called::Decided(Ok(reply)) => Some(reply),
            _ => None,
        };
        let is_no = matches!(called, Called::Decided(Err(_)) | Called::Unavailable);
        let about = |kind, hold| Told {
            kind,
            hold,
            seats: Vec::new(),
            legs: None,
            ttl_ms: 0,
            expires_at_ms: 0,
            reacquired: false,
        };
        let told = match &command.body {
            // Which of its uses an id stands for is not followed.
            _ if !fresh => about(Kind::Other, command.id.into()),
            CommandBody::Hold(hold) => {
                let seats = numbers(&hold.seats)?.to_vec();
                let legs = span(hold.legs);
                let ttl_ms = life(hold.ttl_ms);
                let told = about(Kind::Hold, command.id.into());
                let expires_at_ms = granted(reply).map_or(0, |grant| grant.expires_at.as_unix_ms());
                Told { seats, legs, ttl_ms, expires_at_ms, ..told }
            }
            CommandBody::HoldBest(best) => match granted(reply) {
                Some(grant) => Told {
                    seats: grant.places.seats().to_vec(),
                    legs: Some((grant.legs.from(), grant.legs.to())),
                    ttl_ms: life(best.ttl_ms),
                    expires_at_ms: grant.expires_at.as_unix_ms(),
                    ..about(Kind::Hold, grant.hold)
                },
                None if is_no => return None,
                // Nobody can tell which seats it has.
                None => about(Kind::Other, command.id.into()),
            },
            CommandBody::Confirm(confirm) => {
                let reacquired =
                    matches!(reply, Some(Reply::Confirmed { late: Lateness::Reacquired, .. }));
                Told { reacquired, ..about(Kind::Confirm, confirm.hold) }
            }
            CommandBody::Release(release) => about(Kind::Release, release.hold),
            CommandBody::Extend(extend) => {
                let expires_at_ms = match reply {
                    Some(Reply::Extended { expires_at, .. }) => expires_at.as_unix_ms(),
                    _ => 0,
                };
                Told {
                    ttl_ms: life(extend.ttl_ms),
                    expires_at_ms,
                    ..about(Kind::Extend, extend.hold)
                }
            }
            CommandBody::Cancel(cancel) if cancel.part == Part::All => {
                about(Kind::Cancel, cancel.hold)
            }
            CommandBody::BeginPayment(begin) => {
                Told { expires_at_ms: end(reply), ..about(Kind::Extend, begin.hold) }
            }
            CommandBody::Swap(swap) => about(Kind::Other, swap.hold),
            CommandBody::Open(_) | CommandBody::HoldQuantity(_) => return None,
            _ => about(Kind::Other, command.id.into()),
        };
        let first = match told.kind {
            Kind::Hold => self.holds.insert(told.hold),
            Kind::Other => true,
            _ => self.holds.contains(&told.hold),
        };
        first.then_some(told)
    }
}

fn granted(reply: Option<&Reply>) -> Option<&Grant> {
    match reply {
        Some(Reply::Held(grant)) => Some(grant),
        _ => None,
    }
}

/// The end that a hold got, in Unix milliseconds of log time.
fn end(reply: Option<&Reply>) -> u64 {
    match reply {
        Some(Reply::Extended { expires_at, .. } | Reply::Paying { expires_at, .. }) => {
            expires_at.as_unix_ms()
        }
        _ => 0,
    }
}

fn numbers(seats: &Seats) -> Option<&SeatList> {
    match seats {
        Seats::Numbers(numbers) => Some(numbers),
        Seats::Names(_) => None,
    }
}

fn span(legs: Span) -> Option<(u16, u16)> {
    match legs {
        Span::Whole => None,
        Span::Legs(legs) => Some((legs.from(), legs.to())),
    }
}

/// The life that is meant by what was asked for.
fn life(ttl_ms: u64) -> u64 {
    if ttl_ms == 0 { TTL_DEFAULT_MS } else { ttl_ms }
}
