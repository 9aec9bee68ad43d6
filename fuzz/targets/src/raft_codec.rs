//! Records of Raft: log entries, votes, log ids, memberships. The first byte says which.
//!
//! What is read is written again as the same bytes; of a membership, which is JSON, as one encoding.

use bytes::Bytes;
use raft::fuzzing;

use crate::Seed;

/// The kind of an entry that holds a membership.
const MEMBERSHIP: u8 = 2;

/// Reads a record and writes it again.
pub fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let rest = Bytes::copy_from_slice(rest);
    match kind % 4 {
        0 => {
            let Some(again) = fuzzing::entry(9, &rest) else { return };
            // A membership is JSON, which may be written in many ways.
            assert!(rest[0] == MEMBERSHIP || again == rest, "an entry has one encoding");
            assert_eq!(fuzzing::entry(9, &again).as_ref(), Some(&again));
        }
        1 => is_same(fuzzing::vote(&rest), &rest),
        2 => is_same(fuzzing::log_id_again(&rest), &rest),
        _ => {
            let Some(again) = fuzzing::membership(&rest) else { return };
            assert_eq!(fuzzing::membership(&again).as_ref(), Some(&again));
        }
    }
}

fn is_same(again: Option<Bytes>, read: &Bytes) {
    if let Some(again) = again {
        assert_eq!(again, read, "a record has one encoding");
    }
}

/// Records of every kind.
pub fn seeds() -> Vec<Seed> {
    let names = ["blank", "normal", "membership-entry", "vote", "log-id", "membership"];
    let kinds = [0_u8, 0, 0, 1, 2, 3];
    let seeds = names.into_iter().zip(kinds).zip(fuzzing::samples());
    seeds.map(|((name, kind), record)| (name, [&[kind][..], &record].concat())).collect()
}
