//! What a history says about each hold, and what it contradicts by itself.

use std::collections::BTreeMap;

use client_sdk::ids::HoldId;

use super::history::{Kind, Outcome, Record};

/// What buyers know of one hold.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The trip.
    pub trip: String,
    /// The hold.
    pub hold: HoldId,
    /// Numbers of its seats.
    pub seats: Vec<u32>,
    /// Its legs, from and to.
    pub legs: (u16, u16),
    /// The first acknowledgement of the hold.
    pub held: Option<Granted>,
    /// The first acknowledgement of its confirm: where it stands in the log.
    pub confirmed: Option<u64>,
    /// It was confirmed after it had expired.
    pub reacquired: bool,
    /// Its release was acknowledged.
    pub released: bool,
    /// When a release was first asked for that may have happened, in microseconds after the run began.
    pub release_asked_us: Option<u64>,
    /// A confirm or release whose outcome is not known.
    pub open_end: bool,
}

/// A hold that was granted.
#[derive(Clone, Copy, Debug)]
pub struct Granted {
    /// Where it stands in the log: its fencing number. The position of an answer may be a later one, where
    /// the request had been sent twice.
    pub fence: u64,
    /// When its answer came, in microseconds after the run began.
    pub answered_us: u64,
    /// The log time of the grant, in Unix milliseconds.
    pub granted_at_ms: u64,
    /// The log time of its end unless it is paid.
    pub expires_at_ms: u64,
}

/// All holds of a history that may exist.
#[must_use]
pub fn entries(records: &[Record]) -> Vec<Entry> {
    let mut entries: BTreeMap<HoldId, Entry> = BTreeMap::new();
    for record in records {
        let entry = entries.entry(record.hold).or_insert_with(|| Entry {
            trip: record.trip.clone(),
            hold: record.hold,
            seats: record.seats.clone(),
            legs: record.legs,
            held: None,
            confirmed: None,
            reacquired: false,
            released: false,
            release_asked_us: None,
            open_end: false,
        });
        match (record.kind, record.outcome) {
            (Kind::Hold, Outcome::Ok) => {
                entry.held.get_or_insert(Granted {
                    fence: record.fence,
                    answered_us: record.completed_us,
                    granted_at_ms: record.expires_at_ms.saturating_sub(record.ttl_ms),
                    expires_at_ms: record.expires_at_ms,
                });
            }
            (Kind::Confirm, Outcome::Ok) => {
                entry.confirmed.get_or_insert(record.position);
                entry.reacquired |= record.reacquired;
            }
            (Kind::Release, Outcome::Ok) => entry.released = true,
            (Kind::Confirm | Kind::Release, Outcome::Unknown) => entry.open_end = true,
            _ => {}
        }
        if record.kind == Kind::Release && matches!(record.outcome, Outcome::Ok | Outcome::Unknown)
        {
            let first = entry.release_asked_us.unwrap_or(u64::MAX).min(record.invoked_us);
            entry.release_asked_us = Some(first);
        }
    }
    entries.into_values().collect()
}

/// Everything that the acknowledged answers contradict among themselves.
#[must_use]
pub fn contradictions(records: &[Record]) -> Vec<String> {
    let entries = entries(records);
    let mut found = owners(&entries);
    found.extend(order(records));
    found.extend(records.iter().filter(|record| record.outcome == Outcome::Defect).map(|record| {
        let Record { trip, kind, hold, code, .. } = record;
        format!("{trip}: the {kind:?} of hold {hold} is valid, and was answered with {code}")
    }));
    found
}

/// A trip, the number of a seat, and a leg.
type Place<'a> = (&'a str, u32, u16);

/// Two holds of one seat on one leg at one time.
fn owners(entries: &[Entry]) -> Vec<String> {
    let mut places = BTreeMap::<Place<'_>, Vec<(Granted, &Entry)>>::new();
    for entry in entries {
        let Some(granted) = entry.held else { continue };
        for &seat in &entry.seats {
            for leg in entry.legs.0..entry.legs.1 {
                places.entry((&entry.trip, seat, leg)).or_default().push((granted, entry));
            }
        }
    }
    let mut found = Vec::new();
    for ((trip, seat, leg), mut holds) in places {
        holds.sort_by_key(|(granted, _)| granted.fence);
        for pair in holds.windows(2) {
            let [(first, earlier), (second, later)] = pair else { continue };
            let place = format!("{trip}: seat {seat} on leg {leg}");
            if first.fence == second.fence {
                let (one, other) = (earlier.hold, later.hold);
                found.push(format!("{place}: holds {one} and {other} have fence {}", first.fence));
            }
            if let Some(why) = still_owned(earlier, *first, *second) {
                found.push(format!(
                    "{place}: hold {} was granted at {} while hold {} owned it: {why}",
                    later.hold, second.fence, earlier.hold
                ));
            }
        }
        let sold: Vec<&Entry> = holds
            .iter()
            .filter(|(_, entry)| entry.confirmed.is_some())
            .map(|(_, entry)| *entry)
            .collect();
        for pair in sold.windows(2) {
            found.push(format!(
                "{trip}: seat {seat} on leg {leg} was sold to holds {} and {}",
                pair[0].hold, pair[1].hold
            ));
        }
    }
    found
}

/// Why a hold still owned its seats when another was granted; nothing if it may have ended.
fn still_owned(earlier: &Entry, first: Granted, second: Granted) -> Option<&'static str> {
    // It took effect somewhere between its question and its answer.
    if earlier.release_asked_us.is_some_and(|at| at < second.answered_us) {
        return None;
    }
    if earlier.confirmed.is_some_and(|at| at < second.fence) && !earlier.reacquired {
        return Some("it was a booking");
    }
    (second.granted_at_ms < first.expires_at_ms)
        .then_some("it was not released and had not expired")
}

/// What is asked after an answer came does not stand before it in the log, and a shard's fencing numbers
/// grow with it.
fn order(records: &[Record]) -> Vec<String> {
    let mut shards: BTreeMap<u32, Vec<&Record>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.outcome == Outcome::Ok && !record.again) {
        shards.entry(record.shard).or_default().push(record);
    }
    let mut found = Vec::new();
    for (shard, answered) in shards {
        let mut asked = answered.clone();
        asked.sort_by_key(|record| record.invoked_us);
        let (mut answered, mut latest) = (answered.into_iter().peekable(), None::<&Record>);
        for record in asked {
            while let Some(before) = answered.next_if(|r| r.completed_us < record.invoked_us) {
                if latest.is_none_or(|latest| latest.position < before.position) {
                    latest = Some(before);
                }
            }
            if let Some(latest) = latest.filter(|latest| latest.position > record.position) {
                found.push(format!(
                    "shard {shard}: call {} was asked after call {} was answered, and stands at {}, \
                     before {}",
                    record.number, latest.number, record.position, latest.position
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: Kind, hold: u128, position: u64) -> Record {
        Record {
            number: position,
            kind,
            trip: "t".into(),
            hold: HoldId::from_u128(hold).unwrap(),
            seats: vec![4],
            legs: (0, 2),
            ttl_ms: 1_000,
            again: false,
            invoked_us: 10 * position,
            completed_us: 10 * position + 5,
            outcome: Outcome::Ok,
            code: String::new(),
            shard: 0,
            position,
            fence: position,
            // A tick of log time at each position.
            expires_at_ms: 1_000 + position,
            reacquired: false,
        }
    }

    fn story(records: &[Record]) -> String {
        contradictions(records).join("\n")
    }

    #[test]
    fn a_seat_that_comes_back_may_be_sold_again() {
        let late = Record { expires_at_ms: 3_000, ..record(Kind::Hold, 3, 40) };
        let fine = [
            record(Kind::Hold, 1, 10),
            record(Kind::Release, 1, 11),
            record(Kind::Hold, 2, 12),
            // Its hold before has expired in log time.
            late,
            record(Kind::Confirm, 3, 41),
        ];
        assert_eq!(story(&fine), "");
    }

    #[test]
    fn a_seat_has_one_owner_at_a_time() {
        let twice = [record(Kind::Hold, 1, 10), record(Kind::Hold, 2, 12)];
        assert!(story(&twice).contains("had not expired"), "{}", story(&twice));
        let sold = [
            record(Kind::Hold, 1, 10),
            record(Kind::Confirm, 1, 11),
            Record { expires_at_ms: 9_000, ..record(Kind::Hold, 2, 12) },
        ];
        assert!(story(&sold).contains("it was a booking"), "{}", story(&sold));
    }

    #[test]
    fn an_end_whose_answer_was_lost_may_have_happened() {
        let unknown = Record { outcome: Outcome::Unknown, ..record(Kind::Release, 1, 11) };
        assert_eq!(story(&[record(Kind::Hold, 1, 10), unknown, record(Kind::Hold, 2, 12)]), "");
    }

    #[test]
    fn later_calls_stand_behind_earlier_answers() {
        let back = Record { position: 9, fence: 13, seats: vec![5], ..record(Kind::Hold, 2, 12) };
        assert!(story(&[record(Kind::Hold, 1, 10), back]).contains("before 10"));
    }

    #[test]
    fn no_two_holds_of_a_seat_have_one_fence() {
        let same = Record { fence: 10, expires_at_ms: 9_000, ..record(Kind::Hold, 2, 12) };
        assert!(story(&[record(Kind::Hold, 1, 10), same]).contains("have fence 10"));
    }
}
