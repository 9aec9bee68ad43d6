//! Snapshot records of a shard: trips, layouts, and the shard itself.
//!
//! Keys are one letter and a name: `t` and the trip id, `l` and the layout's digest, `s` alone. A trip's
//! record begins with what a passive trip is known by, so that a restart reads it without building the
//! seat map.

use bytes::{Buf as _, BufMut as _};

use crate::audit::Tally;
use crate::ids::{LogPosition, Timestamp, TripId};
use crate::seat_map::{Layout, LayoutDigest, SeatMap, codec};

const VERSION: u8 = 1;
const MAP: u8 = 1;
const FENCED: u8 = 2;

/// Key of the shard's own record.
pub(crate) const SHARD_KEY: &[u8] = b"s";

/// What is known of a trip without its seat map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passive {
    /// The last command applied.
    pub(crate) position: LogPosition,
    /// Digest of the seat map.
    pub(crate) digest: u64,
    /// Its places by state.
    pub(crate) tally: Tally,
}

impl Passive {
    pub(crate) fn of(map: &SeatMap) -> Self {
        Self { position: map.position(), digest: map.digest(), tally: Tally::of(map) }
    }
}

/// A trip's record.
pub(crate) enum TripRecord<'a> {
    /// A seat map, encoded.
    Map { passive: Passive, idle: bool, map: &'a [u8] },
    /// The trip is fenced.
    Fenced(&'a str),
}

/// A record that does not decode although its checksum is right: written by another version, or a
/// defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadRecord(pub(crate) String);

pub(crate) fn trip_key(trip: &TripId) -> Vec<u8> {
    [b"t", trip.as_str().as_bytes()].concat()
}

pub(crate) fn layout_key(digest: LayoutDigest) -> Vec<u8> {
    [b"l".as_slice(), &digest.0].concat()
}

pub(crate) fn encode_trip(map: &SeatMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + codec::about_bytes(map));
    out.put_u8(VERSION);
    out.put_u8(MAP);
    out.put_u8(u8::from(map.is_idle()));
    out.put_u64_le(map.position().packed());
    let digest = out.len();
    out.put_u64_le(0);
    Tally::of(map).encode(&mut out);
    let state = out.len();
    codec::put_state(&mut out, map);
    // A large trip takes milliseconds to encode: its digest is taken of these bytes, not of its own.
    let of_state = codec::digest_of_state(&out[state..]);
    (&mut out[digest..]).put_u64_le(of_state);
    out
}

pub(crate) fn encode_fenced(why: &str) -> Vec<u8> {
    let mut out = vec![VERSION, FENCED];
    out.extend_from_slice(why.as_bytes());
    out
}

pub(crate) fn decode_trip(bytes: &[u8]) -> Result<TripRecord<'_>, BadRecord> {
    let bad = |why: &str| BadRecord(format!("a trip record {why}"));
    let (&[version, kind], mut rest) =
        bytes.split_first_chunk::<2>().ok_or_else(|| bad("is cut off"))?;
    if version != VERSION {
        return Err(bad("has an unknown version"));
    }
    match kind {
        FENCED => std::str::from_utf8(rest)
            .map(TripRecord::Fenced)
            .map_err(|_| bad("gives no reason for its fence")),
        MAP if rest.len() >= 17 + Tally::BYTES => {
            let idle = rest.get_u8() == 1;
            let position = LogPosition::from_packed(rest.get_u64_le());
            let digest = rest.get_u64_le();
            let tally = Tally::decode(&mut rest);
            let passive = Passive { position, digest, tally };
            Ok(TripRecord::Map { passive, idle, map: rest })
        }
        _ => Err(bad("is cut off or of an unknown kind")),
    }
}

pub(crate) fn decode_map(bytes: &[u8], layouts: codec::Resolver<'_>) -> Result<SeatMap, BadRecord> {
    codec::decode_state(bytes, layouts).map_err(|e| BadRecord(format!("a seat map: {e}")))
}

pub(crate) fn encode_layout(layout: &Layout) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(&codec::encode_layout(layout));
    out
}

pub(crate) fn decode_layout(bytes: &[u8]) -> Result<Layout, BadRecord> {
    let (&version, rest) =
        bytes.split_first().ok_or_else(|| BadRecord("a layout record is empty".into()))?;
    if version != VERSION {
        return Err(BadRecord("a layout record has an unknown version".into()));
    }
    codec::decode_layout(rest).map_err(|e| BadRecord(format!("a layout: {e}")))
}

/// The shard's own record: the log time that it has reached.
pub(crate) fn encode_shard(newest: Timestamp) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.put_u64_le(newest.as_unix_ms());
    out
}

pub(crate) fn decode_shard(bytes: &[u8]) -> Result<Timestamp, BadRecord> {
    match bytes.split_first_chunk::<1>() {
        Some((&[VERSION], rest)) => match rest.try_into() {
            Ok(ms) => Ok(Timestamp::from_unix_ms(u64::from_le_bytes(ms))),
            Err(_) => Err(BadRecord("the shard's record has a wrong length".into())),
        },
        _ => Err(BadRecord("the shard's record has an unknown version".into())),
    }
}
