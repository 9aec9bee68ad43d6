//! Splits a history into seats that have nothing to do with each other, so that each is searched by
//! itself.

use crate::verify::Facts;
use crate::verify::call::{Call, Kind, Outcome, Reason};
use crate::verify::life::{Life, Request};

use super::model::{Action, Doubt, Wanted};
use super::order::{Loosened, Object, Op};

/// Most seats that are searched together: seats that one hold has are linked, and with them all that are
/// linked to these.
pub const MAX_SEATS_TOGETHER: usize = 8;

/// All seats of a history, and which of them are searched together.
pub(super) struct Objects {
    /// Trips and seats, ascending.
    seats: Vec<(u32, u32)>,
    /// The object of each seat: the place of one of its seats.
    object_of: Vec<u32>,
    /// Objects with their holds, ascending.
    holds: Vec<(u32, u32)>,
    /// Objects with refusals that nothing in doubt explains, as places in the history, ascending.
    refusals: Vec<(u32, u32)>,
    /// Refusals of taken seats that are not looked at.
    pub(super) passed_over: u64,
}

/// Some seats, and the calls about them.
pub(super) struct Seats {
    /// Their numbers.
    pub(super) seats: Vec<u32>,
    /// Their calls.
    pub(super) object: Object,
}

impl Objects {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let mut seats: Vec<(u32, u32)> = Vec::new();
        for life in &facts.lives {
            if let Some(call) = granted(facts, life) {
                seats.extend(facts.history.seats(call).iter().map(|&seat| (call.trip, seat)));
            }
        }
        // Of a seat that nobody ever had a refusal is told by itself.
        for call in facts.history.calls().iter().filter(|call| is_refusal(call)) {
            if facts.history.complete {
                seats.extend(facts.history.seats(call).iter().map(|&seat| (call.trip, seat)));
            }
        }
        seats.sort_unstable();
        seats.dedup();
        let object_of = link(facts, &seats);
        let (holds, refusals) = (Vec::new(), Vec::new());
        let mut objects = Self { seats, object_of, holds, refusals, passed_over: 0 };
        for (hold, life) in (0..).zip(&facts.lives) {
            if let Some(call) = granted(facts, life) {
                let own = objects.objects_of(facts, call);
                objects.holds.extend(own.into_iter().map(|object| (object, hold)));
            }
        }
        objects.holds.sort_unstable();
        objects.refusals = objects.refusals(facts);
        let all = facts.history.calls().iter().filter(|call| is_refusal(call)).count();
        objects.passed_over = (all - objects.refusals.len()) as u64;
        objects
    }

    /// Each with its calls.
    pub(super) fn iter<'a>(&'a self, facts: &'a Facts<'_>) -> impl Iterator<Item = Seats> + 'a {
        let mut members: Vec<(u32, u32)> =
            (0..).zip(&self.object_of).map(|(seat, &object)| (object, seat)).collect();
        members.sort_unstable();
        let objects: Vec<(u32, Vec<u32>)> = members
            .chunk_by(|a, b| a.0 == b.0)
            .map(|own| {
                (own[0].0, own.iter().map(|(_, seat)| self.seats[*seat as usize].1).collect())
            })
            .collect();
        objects.into_iter().map(move |(number, seats)| {
            let mut object = Object::default();
            for &(_, hold) in of_object(&self.holds, number) {
                add(facts, &mut object, hold, &seats);
            }
            for &(_, place) in of_object(&self.refusals, number) {
                let call = &facts.history.calls()[place as usize];
                let wanted = wanted(facts, call, &seats);
                object.ops.push(op(Action::Taken(wanted), call.invoked_us, call));
            }
            Seats { seats, object }
        })
    }

    /// The objects that a call's seats belong to.
    fn objects_of(&self, facts: &Facts<'_>, call: &Call) -> Vec<u32> {
        let seats = facts.history.seats(call).iter();
        let place = |&seat| self.seats.binary_search(&(call.trip, seat)).ok();
        let mut objects: Vec<u32> = seats.filter_map(place).map(|at| self.object_of[at]).collect();
        objects.sort_unstable();
        objects.dedup();
        objects
    }

    /// Refusals of taken seats of one object, where only a hold of this history can have been the reason.
    fn refusals(&self, facts: &Facts<'_>) -> Vec<(u32, u32)> {
        if !facts.history.complete {
            return Vec::new();
        }
        let mut doubtful: Vec<(u32, u32, &Call)> = Vec::new();
        for life in facts.lives.iter().filter(|life| life.hold.unknown && !life.existed()) {
            if let Some(call) = life.described_by(facts.history) {
                let seats = facts.history.seats(call).iter();
                doubtful.extend(seats.map(|&seat| (call.trip, seat, call)));
            }
        }
        doubtful.sort_unstable_by_key(|(trip, seat, call)| (*trip, *seat, call.line));
        let is_doubtful = |refused: &Call, seat: u32| {
            let first =
                doubtful.partition_point(|(trip, at, _)| (*trip, *at) < (refused.trip, seat));
            doubtful[first..]
                .iter()
                .take_while(|(trip, at, _)| (*trip, *at) == (refused.trip, seat))
                .any(|(_, _, call)| {
                    call.invoked_us <= refused.completed_us
                        && call.legs.shared(refused.legs).is_some()
                })
        };
        let mut refusals = Vec::new();
        for (place, call) in (0..).zip(facts.history.calls()) {
            if !is_refusal(call) || !facts.is_followed(call) {
                continue;
            }
            let seats = facts.history.seats(call);
            if let [object] = self.objects_of(facts, call)[..]
                && !seats.iter().any(|&seat| is_doubtful(call, seat))
            {
                refusals.push((object, place));
            }
        }
        refusals.sort_unstable();
        refusals
    }
}

/// The entries of one object.
fn of_object(entries: &[(u32, u32)], object: u32) -> &[(u32, u32)] {
    let from = entries.partition_point(|(other, _)| *other < object);
    let until = from + entries[from..].partition_point(|(other, _)| *other == object);
    &entries[from..until]
}

/// Whether somebody was refused because a seat was taken.
fn is_refusal(call: &Call) -> bool {
    (call.kind, call.outcome, call.reason) == (Kind::Hold, Outcome::Refused, Reason::SeatTaken)
}

/// The call that tells of a hold which certainly existed and was asked for here.
fn granted<'a>(facts: &Facts<'a>, life: &Life) -> Option<&'a Call> {
    life.described_by(facts.history).filter(|_| life.existed() && life.hold.maybe_us.is_some())
}

/// The object of each seat: that of all seats it is linked to, or of its own where these are too many.
fn link(facts: &Facts<'_>, seats: &[(u32, u32)]) -> Vec<u32> {
    let mut parents: Vec<u32> = (0..seats.len() as u32).collect();
    for life in &facts.lives {
        let Some(call) = granted(facts, life) else { continue };
        let mut first = None;
        for &seat in facts.history.seats(call) {
            let Ok(place) = seats.binary_search(&(call.trip, seat)) else { continue };
            let root = root(&mut parents, place as u32);
            let first = *first.get_or_insert(root);
            parents[root as usize] = first;
        }
    }
    let roots: Vec<u32> = (0..seats.len() as u32).map(|seat| root(&mut parents, seat)).collect();
    let mut sizes = vec![0_usize; seats.len()];
    roots.iter().for_each(|&root| sizes[root as usize] += 1);
    let object = |(seat, &root): (u32, &u32)| {
        if sizes[root as usize] <= MAX_SEATS_TOGETHER { root } else { seat }
    };
    (0..).zip(&roots).map(object).collect()
}

fn root(parents: &mut [u32], mut seat: u32) -> u32 {
    while parents[seat as usize] != seat {
        let above = parents[seat as usize];
        parents[seat as usize] = parents[above as usize];
        seat = above;
    }
    seat
}

/// The part of a call that is about some seats.
fn wanted(facts: &Facts<'_>, call: &Call, seats: &[u32]) -> Wanted {
    let mut own: Vec<u32> = facts.history.seats(call).to_vec();
    own.retain(|seat| seats.contains(seat));
    own.sort_unstable();
    Wanted { hold: call.hold, seats: own, legs: call.legs }
}

fn op(action: Action, invoked_us: u64, call: &Call) -> Op {
    let completed_us = call.completed_us.max(invoked_us);
    Op { action, invoked_us, completed_us, line: call.line }
}

/// Adds all that is known of a hold.
fn add(facts: &Facts<'_>, object: &mut Object, hold: u32, seats: &[u32]) {
    let (history, life) = (facts.history, &facts.lives[hold as usize]);
    let Some((call, asked_us)) = granted(facts, life).zip(life.hold.maybe_us) else { return };
    let own = wanted(facts, call, seats);
    let held = life.hold.acknowledged(history);
    let grant = Action::Grant {
        hold: own.clone(),
        at_ms: held.and_then(Call::granted_at_ms),
        until_ms: held.and_then(|call| call.expires_at_ms).map(std::num::NonZeroU64::get),
    };
    let by_us = life.granted_by_us(history).unwrap_or(asked_us).max(asked_us);
    object.ops.push(Op {
        action: grant,
        invoked_us: asked_us,
        completed_us: by_us,
        line: call.line,
    });
    let ends = [
        (life.confirm, Action::Confirm(hold)),
        (life.release, Action::Release(hold)),
        (life.cancel, Action::Cancel(hold)),
    ];
    for (request, action) in ends {
        let Some((call, maybe_us)) = request.acknowledged(history).zip(request.maybe_us) else {
            continue;
        };
        let action = if call.reacquired { Action::Reacquire(own.clone()) } else { action };
        object.ops.push(op(action, maybe_us, call));
    }
    for &place in &life.extensions {
        let call = &history.calls()[place as usize];
        if let Some(until_ms) = call.expires_at_ms.filter(|_| !call.again) {
            object.ops.push(op(Action::Extend(hold, until_ms.get()), call.invoked_us, call));
        }
    }
    object.loosened.extend(doubts(life).into_iter().map(|(at_us, doubt)| Loosened {
        at_us,
        hold,
        doubt,
    }));
    object.holds.push((hold, own));
}

/// What may have happened to a hold without an answer, each from the moment when it was asked.
fn doubts(life: &Life) -> Vec<(u64, Doubt)> {
    let none = Doubt::default();
    let all = Doubt {
        may_be_over: true,
        may_be_booked: true,
        may_be_cancelled: true,
        may_be_another: true,
    };
    let unanswered = |request: Request| request.maybe_us.filter(|_| request.ok.is_none());
    let kinds = [
        (unanswered(life.release), Doubt { may_be_over: true, ..none }),
        (unanswered(life.confirm), Doubt { may_be_booked: true, ..none }),
        (unanswered(life.cancel), Doubt { may_be_cancelled: true, ..none }),
        (life.maybe_extended_us, Doubt { may_be_over: true, ..none }),
        (life.other_us, all),
    ];
    kinds.into_iter().filter_map(|(at_us, doubt)| Some((at_us?, doubt))).collect()
}
