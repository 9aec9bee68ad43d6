//! Histories that keep every promise are consistent, and one false answer is found.
#![allow(clippy::unwrap_used)]

mod histories;

use std::collections::BTreeMap;

use histories::{Shape, Told, With, history, valid};
use seatgrid_chaos::sim::chance::Chance;
use seatgrid_chaos::verify::call::{Kind, Outcome};
use seatgrid_chaos::verify::{Judgement, Verdict, verify};

const SHAPE: Shape =
    Shape { clients: 8, trips: 2, seats: 12, legs: 3, calls: 400, lost_per_mille: 50 };

const WAYS: [With; 3] = [With::Positions, With::Times, With::Answers];

fn verdict(calls: &[Told], with: With) -> Verdict {
    verify(&history(calls, with))
}

#[test]
fn valid_histories_are_consistent_however_little_they_tell() {
    for seed in 0..150 {
        let lost_per_mille = [0, 20, 200][seed as usize % 3];
        let clients = [2, 8, 24][seed as usize / 3 % 3];
        let calls = valid(seed, Shape { lost_per_mille, clients, ..SHAPE });
        for with in WAYS {
            let verdict = verdict(&calls, with);
            let found = &verdict.contradictions;
            assert_eq!(verdict.judgement, Judgement::Consistent, "seed {seed} {with:?} {found:#?}");
        }
    }
}

/// One answer that the cluster cannot have given.
fn falsify(calls: &mut [Told], what: &str, chance: &mut Chance) -> bool {
    let count = calls.len() as u64;
    let from = chance.below(count) as usize;
    let granted: Vec<Told> = calls
        .iter()
        .filter(|told| (told.kind, told.outcome) == (Kind::Hold, Outcome::Ok))
        .cloned()
        .collect();
    for place in (from..calls.len()).chain(0..from) {
        let told = calls[place].clone();
        let is = |kind, outcome| (told.kind, told.outcome) == (kind, outcome);
        let changed = match what {
            "a taken seat is granted" if is(Kind::Hold, Outcome::Refused) => Told {
                outcome: Outcome::Ok,
                code: "",
                fence: told.position,
                expires_at_ms: clock_at(&granted, &told) + told.ttl_ms,
                ..told
            },
            "a granted seat is another" if is(Kind::Hold, Outcome::Ok) && !told.again => {
                let Some(other) = granted.iter().find(|other| {
                    other.trip == told.trip
                        && other.hold != told.hold
                        && other.fence < told.fence
                        && other.expires_at_ms > told.expires_at_ms - told.ttl_ms
                        && !ended(calls, &other.hold)
                        && other.completed_us < told.invoked_us
                }) else {
                    continue;
                };
                Told { seats: other.seats.clone(), legs: other.legs, ..told }
            }
            "a booking is sold again" if is(Kind::Hold, Outcome::Refused) => {
                let sold = calls.iter().find(|other| {
                    (other.kind, other.outcome) == (Kind::Confirm, Outcome::Ok)
                        && other.trip == told.trip
                        && other.completed_us < told.invoked_us
                        && !calls.iter().any(|c| c.hold == other.hold && c.kind == Kind::Cancel)
                });
                let Some(sold) = sold else { continue };
                Told {
                    outcome: Outcome::Ok,
                    code: "",
                    seats: sold.seats.clone(),
                    legs: sold.legs,
                    fence: told.position,
                    expires_at_ms: clock_at(&granted, &told) + told.ttl_ms,
                    ..told
                }
            }
            "a released hold is confirmed" if is(Kind::Release, Outcome::Ok) && !told.again => {
                let mut confirm = told.clone();
                (confirm.kind, confirm.position) = (Kind::Confirm, told.position + 1);
                confirm.fence = granted.iter().find(|g| g.hold == told.hold).map_or(0, |g| g.fence);
                (confirm.invoked_us, confirm.completed_us) =
                    (told.completed_us + 1, told.completed_us + 2);
                confirm
            }
            "a lost hold" if is(Kind::Confirm, Outcome::Ok) => {
                Told { outcome: Outcome::Refused, code: "UNKNOWN_HOLD", fence: 0, ..told }
            }
            "another fence" if is(Kind::Hold, Outcome::Ok) && told.again => {
                Told { fence: told.fence + 1, ..told }
            }
            "an older position" if told.position > 60 && !told.again => {
                Told { position: told.position - 50, fence: told.fence.saturating_sub(50), ..told }
            }
            "a free seat is refused" if is(Kind::Hold, Outcome::Ok) && !told.again => {
                let others = calls.iter().any(|other| {
                    other.hold == told.hold && other.line_differs(&told)
                        || other.kind == Kind::Hold
                            && other.hold != told.hold
                            && other.trip == told.trip
                            && other.seats.iter().any(|seat| told.seats.contains(seat))
                            && other.outcome != Outcome::Refused
                            && other.invoked_us < told.completed_us
                });
                if others {
                    continue;
                }
                Told { outcome: Outcome::Refused, code: "SEAT_TAKEN", fence: 0, ..told }
            }
            _ => continue,
        };
        calls[place] = changed;
        return true;
    }
    false
}

impl Told {
    fn line_differs(&self, other: &Self) -> bool {
        (self.kind, self.invoked_us) != (other.kind, other.invoked_us)
    }
}

/// About the log time of a call.
fn clock_at(granted: &[Told], told: &Told) -> u64 {
    let earlier = granted.iter().filter(|other| other.completed_us < told.completed_us);
    earlier.map(|other| other.expires_at_ms - other.ttl_ms).max().unwrap_or(1_800_000_000_000)
}

fn ended(calls: &[Told], hold: &str) -> bool {
    let about = |told: &&Told| told.hold == hold && told.kind != Kind::Hold;
    calls.iter().any(|told| about(&told) && told.kind != Kind::Confirm)
}

/// How many of a hundred false answers are found, at least: with positions, with times, with neither. Not
/// every one contradicts what else a history says: an answer that nobody can compare with another is
/// believed.
const FOUND: [(&str, [u64; 3]); 8] = [
    ("a taken seat is granted", [100, 100, 75]),
    ("a granted seat is another", [100, 100, 70]),
    ("a booking is sold again", [100, 100, 100]),
    ("a released hold is confirmed", [80, 75, 75]),
    ("a lost hold", [100, 100, 100]),
    ("another fence", [90, 0, 0]),
    ("an older position", [100, 0, 0]),
    ("a free seat is refused", [100, 95, 95]),
];

#[test]
fn one_false_answer_is_found() {
    let mut found: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    for (what, _) in FOUND {
        for seed in 0..100 {
            let mut calls = valid(seed, SHAPE);
            if !falsify(&mut calls, what, &mut Chance::new(seed)) {
                continue;
            }
            let counts = found.entry(what).or_default();
            counts[3] += 1;
            for (way, with) in WAYS.into_iter().enumerate() {
                let judgement = verdict(&calls, with).judgement;
                counts[way] += u64::from(judgement == Judgement::Contradiction);
            }
        }
    }
    for (what, floors) in FOUND {
        let [positions, times, answers, all] = found[what];
        for (found, floor) in [positions, times, answers].into_iter().zip(floors) {
            assert!(all > 50 && found * 100 >= floor * all, "{what}: {found} of {all}");
        }
    }
}
