//! How records and manifests look inside sled.

use bytes::Bytes;
use prost::Message as _;
use proto::pb;

/// What a generation contains, written last.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Manifest {
    /// The last log entry that every record contains; records may be newer.
    #[prost(message, optional, tag = "1")]
    pub last: Option<pb::LogId>,
    /// The log entry of the membership.
    #[prost(message, optional, tag = "2")]
    pub membership_at: Option<pb::LogId>,
    /// The encoded membership.
    #[prost(bytes = "bytes", tag = "3")]
    pub membership: Bytes,
}

/// What the newest versions of all keys add up to. A record that has vanished, which no checksum of a
/// record can tell, is noticed by it. It lies behind the manifest, in the same value.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct Tally {
    /// Keys, removed ones included as long as their mark is kept. Earlier stores do not have it.
    #[prost(uint64, optional, tag = "16")]
    pub(super) keys: Option<u64>,
    /// The sum of their checksums, which cover key, generation and value.
    #[prost(uint64, tag = "17")]
    pub(super) sum: u64,
}

impl Tally {
    /// Of no keys at all.
    pub(super) const ZERO: Self = Self { keys: Some(0), sum: 0 };

    pub(super) fn add(&mut self, stored: &[u8]) {
        self.keys = self.keys.map(|keys| keys.wrapping_add(1));
        self.sum = self.sum.wrapping_add(checksum_of(stored));
    }

    pub(super) fn subtract(&mut self, stored: &[u8]) {
        self.keys = self.keys.map(|keys| keys.wrapping_sub(1));
        self.sum = self.sum.wrapping_sub(checksum_of(stored));
    }
}

/// The checksum that a sled value begins with; 0 where the value is too short to be one.
fn checksum_of(stored: &[u8]) -> u64 {
    stored.first_chunk().map_or(0, |crc| u32::from_le_bytes(*crc).into())
}

/// A manifest and the tally of its records as one value.
pub(super) fn encode_manifest(manifest: &Manifest, tally: Tally) -> Vec<u8> {
    [manifest.encode_to_vec(), tally.encode_to_vec()].concat()
}

/// Reads what [`encode_manifest`] wrote: each message passes over the fields of the other.
pub(super) fn decode_manifest(bytes: &[u8]) -> Option<(Manifest, Tally)> {
    Some((Manifest::decode(bytes).ok()?, Tally::decode(bytes).ok()?))
}

const PRESENT: u8 = 1;
const REMOVED: u8 = 0;

/// Checksum and flag before a record's value.
const HEADER_BYTES: usize = 5;

/// The part of a record's sled key that all versions share: length, then the key.
pub(super) fn key_prefix(key: &[u8]) -> Vec<u8> {
    let length = u16::try_from(key.len()).expect("keys are checked against MAX_KEY_BYTES");
    let mut out = Vec::with_capacity(2 + key.len() + 8);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(key);
    out
}

/// The sled key of one version.
pub(super) fn version_key(key: &[u8], generation: u64) -> Vec<u8> {
    let mut out = key_prefix(key);
    out.extend_from_slice(&generation.to_be_bytes());
    out
}

/// Splits a sled key into the record's key and its generation.
pub(super) fn split_version_key(sled_key: &[u8]) -> Option<(&[u8], u64)> {
    let (length, rest) = sled_key.split_first_chunk::<2>()?;
    let (key, generation) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((key, u64::from_be_bytes(generation.try_into().ok()?)))
}

/// The sled value of a record; `None` marks a removed key.
pub(super) fn encode_value(sled_key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let body = value.unwrap_or_default();
    let flag = if value.is_some() { PRESENT } else { REMOVED };
    let mut out = Vec::with_capacity(HEADER_BYTES + body.len());
    out.extend_from_slice(&checksum(sled_key, flag, body).to_le_bytes());
    out.push(flag);
    out.extend_from_slice(body);
    out
}

/// Reads a sled value; `Err` when it does not match its checksum.
pub(super) fn decode_value<'a>(sled_key: &[u8], stored: &'a [u8]) -> Result<Option<&'a [u8]>, ()> {
    let (crc, rest) = stored.split_first_chunk::<4>().ok_or(())?;
    let (&flag, body) = rest.split_first().ok_or(())?;
    if checksum(sled_key, flag, body) != u32::from_le_bytes(*crc) {
        return Err(());
    }
    match flag {
        PRESENT => Ok(Some(body)),
        REMOVED if body.is_empty() => Ok(None),
        _ => Err(()),
    }
}

/// Covers the key too, so that a value under the wrong key does not pass.
fn checksum(sled_key: &[u8], flag: u8, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(sled_key);
    crc.update(&[flag]);
    crc.update(body);
    crc.finalize()
}
