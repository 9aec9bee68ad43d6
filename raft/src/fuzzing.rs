//! Doors to this crate's private decoders. They are there for the fuzz targets alone.

use bytes::Bytes;

use crate::codec::{self, CodecError};
pub use crate::snapshot::fuzzing::{encode_value, manifest, manifest_of, value};
use crate::types::{Entry, EntryPayload, Membership, Payload, Vote, log_id};
pub use crate::wal::fuzzing::{RawRecord, format, segment};

fn again<T>(read: Result<T, CodecError>, write: impl FnOnce(T) -> Bytes) -> Option<Bytes> {
    read.ok().map(write)
}

/// Reads a log entry and writes it again.
#[must_use]
pub fn entry(index: u64, bytes: &Bytes) -> Option<Bytes> {
    again(codec::decode_entry(index, bytes), |entry| codec::encode_entry(&entry))
}

/// Reads a vote and writes it again.
#[must_use]
pub fn vote(bytes: &[u8]) -> Option<Bytes> {
    again(codec::decode_vote(bytes), |vote| codec::encode_vote(&vote))
}

/// Reads a log id and writes it again.
#[must_use]
pub fn log_id_again(bytes: &[u8]) -> Option<Bytes> {
    again(codec::decode_log_id(bytes), codec::encode_log_id)
}

/// Reads a membership and writes it again.
#[must_use]
pub fn membership(bytes: &[u8]) -> Option<Bytes> {
    again(codec::decode_membership(bytes), |membership| codec::encode_membership(&membership))
}

/// Records of Raft as they are written: entries of every kind, a vote, a log id and a membership.
#[must_use]
pub fn samples() -> Vec<Bytes> {
    let at = log_id(3, 2, 9);
    let voters = vec![[1_u64, 2, 3].into(), [2, 3, 4].into()];
    let membership: Membership = Membership::new_with_defaults(voters, [5]);
    let payloads = [
        EntryPayload::Blank,
        EntryPayload::Normal(Payload(Bytes::from_static(b"seat"))),
        EntryPayload::Membership(membership.clone()),
    ];
    let entry = |payload| codec::encode_entry(&Entry { log_id: at, payload });
    let vote = codec::encode_vote(&Vote::new_committed(7, 3));
    let rest = [vote, codec::encode_log_id(at), codec::encode_membership(&membership)];
    payloads.map(entry).into_iter().chain(rest).collect()
}
