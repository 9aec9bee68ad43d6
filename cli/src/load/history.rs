//! A history of every call, for `seatgrid-chaos verify`: one JSON object a line, in the format of
//! `chaos/HISTORY.md`.

use std::fmt::Write as _;
use std::time::Duration;

use client_sdk::pb::Position;

use super::buyer::{Buyer, Stage};
use super::pieces::{Piece, push_name};

/// How a call ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    /// `ok`, `refused`, `failed` or `unknown`.
    pub(crate) outcome: &'static str,
    /// The code of a refusal.
    pub(crate) code: &'static str,
    /// Where it was decided.
    pub(crate) position: Option<Position>,
    /// The fencing number.
    pub(crate) fence: u64,
    /// Log time at which the hold ends, in Unix milliseconds.
    pub(crate) expires_at_ms: u64,
    /// A confirm that took the seats back after the hold had expired.
    pub(crate) reacquired: bool,
}

/// One call, between two moments after the beginning of the load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) trip: &'a str,
    pub(crate) buyer: &'a Buyer,
    pub(crate) ttl_ms: u64,
    pub(crate) invoked: Duration,
    pub(crate) completed: Duration,
    pub(crate) ended: Ended,
}

/// Writes the first line: others may have bought from these trips, before or at the same time.
pub(crate) fn write_header(to: &mut Piece) {
    to.text().push_str("{\"history\":1,\"complete\":false}\n");
    to.wrote();
}

/// Writes a line. By hand, because a load writes hundreds of thousands a second.
pub(crate) fn write(to: &mut Piece, call: Call<'_>) {
    let Call { trip, buyer, ttl_ms, invoked, completed, ended } = call;
    let Ended { outcome, code, position, fence, expires_at_ms, reacquired } = ended;
    let kind = match buyer.stage {
        Stage::Hold => "hold",
        Stage::Confirm => "confirm",
        Stage::Release => "release",
    };
    let text = to.text();
    let _ = write!(text, "{{\"kind\":\"{kind}\",\"outcome\":\"{outcome}\",\"trip\":\"");
    push_name(text, trip);
    text.push_str("\",\"hold\":\"");
    for byte in &buyer.id {
        let _ = write!(text, "{byte:02x}");
    }
    let _ = write!(text, "\",\"seats\":[{}]", buyer.place.seat);
    if let Some((from, to)) = buyer.place.legs {
        let _ = write!(text, ",\"legs\":[{from},{to}]");
    }
    let (invoked_us, completed_us) = (invoked.as_micros(), completed.as_micros());
    let _ = write!(text, ",\"invoked_us\":{invoked_us},\"completed_us\":{completed_us}");
    if !code.is_empty() {
        let _ = write!(text, ",\"code\":\"{code}\"");
    }
    if let Some(Position { shard, index }) = position {
        let _ = write!(text, ",\"shard\":{shard},\"position\":{index},\"fence\":{fence}");
    }
    if expires_at_ms > 0 {
        let _ = write!(text, ",\"ttl_ms\":{ttl_ms},\"expires_at_ms\":{expires_at_ms}");
    }
    if reacquired {
        text.push_str(",\"reacquired\":true");
    }
    text.push_str("}\n");
    to.wrote();
}
