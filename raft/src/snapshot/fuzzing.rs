//! Doors to how manifests and records look inside sled.

use super::record::{self, Manifest, Tally};

/// Reads a manifest and writes it again.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Option<Vec<u8>> {
    record::decode_manifest(bytes)
        .map(|(manifest, tally)| record::encode_manifest(&manifest, tally))
}

/// The bytes of a manifest over so many keys.
#[must_use]
pub fn manifest_of(manifest: &Manifest, keys: u64, sum: u64) -> Vec<u8> {
    record::encode_manifest(manifest, Tally { keys: Some(keys), sum })
}

/// Reads a sled value under its key and writes it again.
#[must_use]
pub fn value(sled_key: &[u8], stored: &[u8]) -> Option<Vec<u8>> {
    let value = record::decode_value(sled_key, stored).ok()?;
    Some(record::encode_value(sled_key, value))
}

/// The sled key and the sled value of a record.
#[must_use]
pub fn encode_value(key: &[u8], generation: u64, value: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let sled_key = record::version_key(key, generation);
    let stored = record::encode_value(&sled_key, value);
    (sled_key, stored)
}
