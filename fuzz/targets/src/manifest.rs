//! What lies in sled: manifests and record values. The first byte says which: 0 a manifest, else the
//! length of the key of a record.
//!
//! A manifest that is read is written as one encoding; a value that is read is written as the same bytes.

use bytes::Bytes;
use proto::pb::LogId;
use raft::fuzzing;
use raft::snapshot::Manifest;

use crate::Seed;

/// Reads a manifest or a value and writes it again.
pub fn run(bytes: &[u8]) {
    let Some((&length, rest)) = bytes.split_first() else { return };
    if length == 0 {
        let Some(again) = fuzzing::manifest(rest) else { return };
        assert_eq!(fuzzing::manifest(&again).as_ref(), Some(&again), "a manifest has one encoding");
        return;
    }
    let Some((key, stored)) = rest.split_at_checked(length.into()) else { return };
    if let Some(again) = fuzzing::value(key, stored) {
        assert_eq!(again, stored, "a value has one encoding");
    }
}

/// A manifest, a record and the mark of a removed one.
pub fn seeds() -> Vec<Seed> {
    let at = |index| Some(LogId { term: 3, node_id: 2, index });
    let membership = Bytes::from_static(br#"{"configs":[[1,2,3]],"nodes":{"1":{"addr":""}}}"#);
    let manifest = Manifest { last: at(700), membership_at: at(1), membership };
    let manifest = [&[0][..], &fuzzing::manifest_of(&manifest, 9, 1 << 40)].concat();
    let value = |value| {
        let (key, stored) = fuzzing::encode_value(b"t-coach-101", 3, value);
        let length = u8::try_from(key.len()).expect("the key is short");
        [&[length], key.as_slice(), &stored].concat()
    };
    vec![("manifest", manifest), ("record", value(Some(b"a trip"))), ("removed", value(None))]
}
