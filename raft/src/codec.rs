//! How Raft's own records look: entries in the log and on the wire, votes and log ids in the log.
//!
//! An entry is one kind byte, the term and the node of its leader (u64 little endian each), then its
//! payload. Its index is known from where it stands. Votes and log ids are fixed-width little endian.

use bytes::{BufMut, Bytes, BytesMut};
use proto::pb;
use thiserror::Error;

use crate::types::{Entry, EntryPayload, LogId, Membership, Payload, Vote, log_id};

const BLANK: u8 = 0;
const NORMAL: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// Bytes before the payload of an entry.
const ENTRY_HEADER_BYTES: usize = 17;

/// Bytes of a log id.
const LOG_ID_BYTES: usize = 24;

/// A record of Raft that cannot be read back.
#[derive(Debug, Error)]
#[error("a {what} record is damaged: {why}")]
pub(crate) struct CodecError {
    what: &'static str,
    why: String,
}

fn damaged(what: &'static str, why: impl Into<String>) -> CodecError {
    CodecError { what, why: why.into() }
}

/// A message that lacks something it must have.
pub(crate) fn missing(what: &'static str) -> CodecError {
    damaged(what, "it is missing")
}

pub(crate) fn encode_entry(entry: &Entry) -> Bytes {
    let (kind, payload) = match &entry.payload {
        EntryPayload::Blank => (BLANK, Bytes::new()),
        EntryPayload::Normal(payload) => (NORMAL, payload.0.clone()),
        EntryPayload::Membership(membership) => (MEMBERSHIP, encode_membership(membership)),
    };
    let mut out = BytesMut::with_capacity(ENTRY_HEADER_BYTES + payload.len());
    out.put_u8(kind);
    out.put_u64_le(entry.log_id.leader_id.term);
    out.put_u64_le(entry.log_id.leader_id.node_id);
    out.put_slice(&payload);
    out.freeze()
}

pub(crate) fn decode_entry(index: u64, bytes: &Bytes) -> Result<Entry, CodecError> {
    let (term, node) = (u64_at(bytes, 1, "entry")?, u64_at(bytes, 9, "entry")?);
    let payload = bytes.slice(ENTRY_HEADER_BYTES..);
    let payload = match bytes[0] {
        BLANK if payload.is_empty() => EntryPayload::Blank,
        BLANK => return Err(damaged("log entry", "a blank one has a payload")),
        NORMAL => EntryPayload::Normal(Payload(payload)),
        MEMBERSHIP => EntryPayload::Membership(decode_membership(&payload)?),
        kind => return Err(damaged("log entry", format!("kind {kind} is not known"))),
    };
    Ok(Entry { log_id: log_id(term, node, index), payload })
}

pub(crate) fn encode_membership(membership: &Membership) -> Bytes {
    serde_json::to_vec(membership).expect("a membership has string keys only").into()
}

pub(crate) fn decode_membership(bytes: &[u8]) -> Result<Membership, CodecError> {
    serde_json::from_slice(bytes).map_err(|e| damaged("membership", e.to_string()))
}

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let mut out = BytesMut::with_capacity(17);
    out.put_u64_le(vote.leader_id.term);
    out.put_u64_le(vote.leader_id.node_id);
    out.put_u8(u8::from(vote.committed));
    out.freeze()
}

pub(crate) fn decode_vote(bytes: &[u8]) -> Result<Vote, CodecError> {
    let (term, node) = (u64_at(bytes, 0, "vote")?, u64_at(bytes, 8, "vote")?);
    match bytes.get(16..) {
        Some([0]) => Ok(Vote::new(term, node)),
        Some([1]) => Ok(Vote::new_committed(term, node)),
        _ => Err(damaged("vote", "its length or flag is wrong")),
    }
}

pub(crate) fn encode_log_id(id: LogId) -> Bytes {
    let mut out = BytesMut::with_capacity(LOG_ID_BYTES);
    out.put_u64_le(id.leader_id.term);
    out.put_u64_le(id.leader_id.node_id);
    out.put_u64_le(id.index);
    out.freeze()
}

pub(crate) fn decode_log_id(bytes: &[u8]) -> Result<LogId, CodecError> {
    let part = |at| u64_at(bytes, at, "log id");
    let id = log_id(part(0)?, part(8)?, part(16)?);
    if bytes.len() == LOG_ID_BYTES { Ok(id) } else { Err(damaged("log id", "it is too long")) }
}

fn u64_at(bytes: &[u8], at: usize, what: &'static str) -> Result<u64, CodecError> {
    let end = at + 8;
    let field = bytes.get(at..end).ok_or_else(|| damaged(what, "it is too short"))?;
    Ok(u64::from_le_bytes(field.try_into().expect("the slice is eight bytes long")))
}

pub(crate) fn log_id_to_wire(id: LogId) -> pb::LogId {
    pb::LogId { term: id.leader_id.term, node_id: id.leader_id.node_id, index: id.index }
}

pub(crate) fn log_id_from_wire(id: pb::LogId) -> LogId {
    log_id(id.term, id.node_id, id.index)
}

pub(crate) fn vote_to_wire(vote: &Vote) -> pb::RaftVote {
    let (term, node_id) = (vote.leader_id.term, vote.leader_id.node_id);
    pb::RaftVote { term, node_id, committed: vote.committed }
}

pub(crate) fn vote_from_wire(vote: pb::RaftVote) -> Vote {
    if vote.committed {
        Vote::new_committed(vote.term, vote.node_id)
    } else {
        Vote::new(vote.term, vote.node_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_encoding_and_its_bytes_are_golden() {
        let entry = Entry {
            log_id: log_id(3, 2, 9),
            payload: EntryPayload::Normal(Payload(Bytes::from_static(b"seat"))),
        };
        let bytes = encode_entry(&entry);
        assert_eq!(&bytes[..], b"\x01\x03\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0seat");
        let back = decode_entry(9, &bytes).unwrap();
        assert_eq!((back.log_id, back.payload), (entry.log_id, entry.payload));
    }

    #[test]
    fn truncated_records_are_refused() {
        let vote = encode_vote(&Vote::new_committed(7, 3));
        assert_eq!(decode_vote(&vote).unwrap(), Vote::new_committed(7, 3));
        for cut in 0..vote.len() {
            assert!(decode_vote(&vote[..cut]).is_err());
        }
        assert!(decode_entry(1, &Bytes::from_static(b"\x01short")).is_err());
        assert!(decode_log_id(&[0; 23]).is_err() && decode_log_id(&[0; 25]).is_err());
        assert!(decode_entry(1, &Bytes::from_static(&[BLANK; 18])).is_err());
    }
}
