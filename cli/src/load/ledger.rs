//! A ledger of what the cluster acknowledged: one JSON object a line.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::pieces::{Piece, push_name};
use crate::failure::Failure;

/// What was acknowledged, or may have happened without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    Held,
    Confirmed,
    Released,
    /// A hold whose answer was lost.
    HoldUnknown,
    /// A confirm whose answer was lost.
    ConfirmUnknown,
    /// A release whose answer was lost.
    ReleaseUnknown,
}

impl Op {
    fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::HoldUnknown => "hold_unknown",
            Self::ConfirmUnknown => "confirm_unknown",
            Self::ReleaseUnknown => "release_unknown",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) op: Op,
    pub(crate) trip: String,
    /// The hold's id, 32 hexadecimal digits.
    pub(crate) hold: String,
    /// Numbers of the seats.
    pub(crate) seats: Vec<u32>,
    /// The whole trip when absent.
    pub(crate) legs: Option<(u16, u16)>,
    pub(crate) fence: u64,
    /// Where the answer was decided.
    pub(crate) shard: u32,
    pub(crate) position: u64,
    pub(crate) ttl_ms: u64,
    /// A confirm that took the seats back after the hold had expired.
    #[serde(default)]
    pub(crate) reacquired: bool,
}

/// What a worker knows of one command, for a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) op: Op,
    pub(crate) trip: &'a str,
    pub(crate) hold: &'a [u8],
    pub(crate) seat: u32,
    pub(crate) legs: Option<(u16, u16)>,
    pub(crate) fence: u64,
    pub(crate) shard: u32,
    pub(crate) position: u64,
    pub(crate) ttl_ms: u64,
    pub(crate) reacquired: bool,
}

/// One worker's pen. Lines of one hold come from one worker, and stay in order.
#[derive(Debug)]
pub(crate) struct Pen(pub(crate) Piece);

impl Pen {
    /// Writes a line.
    pub(crate) fn write(&mut self, entry: Entry<'_>) {
        let Entry { op, trip, hold, seat, legs, fence, shard, position, ttl_ms, reacquired } =
            entry;
        // Written by hand, because a load writes hundreds of thousands a second.
        let text = self.0.text();
        let _ = write!(text, "{{\"op\":\"{}\",\"trip\":\"", op.name());
        push_name(text, trip);
        text.push_str("\",\"hold\":\"");
        for byte in hold {
            let _ = write!(text, "{byte:02x}");
        }
        let _ = write!(text, "\",\"seats\":[{seat}],\"legs\":");
        let _ = match legs {
            Some((from, to)) => write!(text, "[{from},{to}]"),
            None => write!(text, "null"),
        };
        let _ = writeln!(
            text,
            ",\"fence\":{fence},\"shard\":{shard},\"position\":{position},\"ttl_ms\":{ttl_ms},\
             \"reacquired\":{reacquired}}}"
        );
        self.0.wrote();
    }
}

/// Reads a ledger line by line. A torn last line, as a killed writer leaves it, is passed over.
pub(crate) fn read(path: &Path, mut each: impl FnMut(Line)) -> Result<(), Failure> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| Failure::new(format!("{shown}: {error}")))?;
    let mut lines = BufReader::new(file).lines().enumerate().peekable();
    while let Some((number, text)) = lines.next() {
        let unreadable = |error| Failure::new(format!("{shown}, line {}: {error}", number + 1));
        match serde_json::from_str(&text.map_err(unreadable)?) {
            Ok(line) => each(line),
            Err(_) if lines.peek().is_none() => break,
            Err(error) => {
                return Err(Failure::new(format!("{shown}, line {}: {error}", number + 1)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::pieces::Pieces;
    use super::*;

    #[test]
    fn what_a_pen_writes_is_read_again_and_a_torn_end_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.jsonl");
        let ledger = Pieces::create(&path).unwrap();
        let mut pen = Pen(ledger.piece());
        pen.write(Entry {
            op: Op::Confirmed,
            trip: "a\"b\\c",
            hold: &[0xab; 16],
            seat: 4,
            legs: Some((1, 3)),
            fence: 7,
            shard: 2,
            position: 9,
            ttl_ms: 60_000,
            reacquired: true,
        });
        pen.0.text().push_str("{\"op\":\"hel");
        drop(pen);
        ledger.finish().unwrap();
        let mut lines = Vec::new();
        read(&path, |line| lines.push(line)).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].trip.as_str(), lines[0].legs), ("a\"b\\c", Some((1, 3))));
        assert_eq!((lines[0].op, lines[0].reacquired), (Op::Confirmed, true));
        assert_eq!(lines[0].hold, "ab".repeat(16));
    }
}
