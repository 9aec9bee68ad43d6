//! What nodes say to each other. The first byte says which message.
//!
//! A message that is read is written as one encoding; so are the entries and the membership inside.

use bytes::Bytes;
use prost::Message;
use proto::pb::{self, install_snapshot_request::Part};
use raft::fuzzing;

use crate::Seed;

/// Reads a frame and what is in it.
pub fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 6 {
        0 => {
            let Some(frame) = one::<pb::ReplicateRequest>(bytes) else { return };
            let first = frame.prev.map_or(0, |id| id.index.saturating_add(1));
            for (entry, past) in frame.entries.iter().zip(0..) {
                let Some(again) = fuzzing::entry(first.saturating_add(past), entry) else {
                    continue;
                };
                assert_eq!(fuzzing::entry(first, &again).as_ref(), Some(&again));
            }
        }
        1 => drop(one::<pb::ReplicateResponse>(bytes)),
        2 => drop(one::<pb::VoteRequest>(bytes)),
        3 => drop(one::<pb::HandOverRequest>(bytes)),
        4 => drop(one::<pb::VoteResponse>(bytes)),
        _ => {
            let part = one::<pb::InstallSnapshotRequest>(bytes).and_then(|frame| frame.part);
            let Some(Part::Header(header)) = part else { return };
            let Some(again) = fuzzing::membership(&header.membership) else { return };
            assert_eq!(fuzzing::membership(&again).as_ref(), Some(&again));
        }
    }
}

fn one<R: Message + Default + PartialEq>(bytes: &[u8]) -> Option<R> {
    let frame = R::decode(bytes).ok()?;
    let encoded = frame.encode_to_vec();
    assert!(R::decode(encoded.as_slice()).as_ref() == Ok(&frame), "{encoded:?}");
    Some(frame)
}

/// A frame of most kinds.
pub fn seeds() -> Vec<Seed> {
    let id = |index| Some(pb::LogId { term: 3, node_id: 2, index });
    let vote = Some(pb::RaftVote { term: 3, node_id: 2, committed: true });
    let envelope = Some(pb::Envelope { cluster_id: "a".into(), from: 2, to: 1, group: 0 });
    let samples = fuzzing::samples();
    let replicate = pb::ReplicateRequest {
        envelope: envelope.clone(),
        session: 1,
        vote,
        prev: id(8),
        leader_commit: id(7),
        entries: samples[..3].to_vec(),
        end: false,
    };
    let asked =
        pb::VoteRequest { envelope: envelope.clone(), vote, last: id(8), ..Default::default() };
    let membership = samples.last().cloned().unwrap_or_else(Bytes::new);
    let header =
        pb::SnapshotHeader { envelope, vote, last: id(8), membership, membership_at: id(1) };
    let record =
        pb::SnapshotRecord { key: Bytes::from_static(b"s"), value: Bytes::from_static(b"v") };
    let records = pb::SnapshotRecords { records: vec![record], complete: true };
    let install = |part| pb::InstallSnapshotRequest { part: Some(part) }.encode_to_vec();
    let named = |kind: u8, message: Vec<u8>| [vec![kind], message].concat();
    vec![
        ("replicate", named(0, replicate.encode_to_vec())),
        ("vote", named(2, asked.encode_to_vec())),
        ("snapshot-header", named(5, install(Part::Header(header)))),
        ("snapshot-records", named(5, install(Part::Records(records)))),
    ]
}
