//! Reads a history from a file, a line at a time. What is wrong is told with its line and field.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, de};

use super::call::{Kind, Outcome};
use super::history::{FORMAT, Header, History, Line, Seat};

/// Longest line, in bytes: a hold of a thousand named seats has less.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// Most calls of one history: they take about 500 bytes each with all that is made of them, so that this is
/// about two and a half gigabytes.
pub const MAX_CALLS: usize = 5_000_000;

/// Most seats of a call.
pub const MAX_SEATS: usize = 1_000;

/// Longest name of a trip, hold or seat, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Lines that cannot be used which are told; reading ends at the last of them.
pub const MAX_BAD_LINES: usize = 20;

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The field at fault; empty where the line as a whole is meant.
    pub field: &'static str,
    /// What is wrong with it, and what is allowed.
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for BadLine {}

/// What is wrong with one line.
type Wrong = (&'static str, String);

/// Reads a file.
///
/// # Errors
/// Every line that cannot be used, up to [`MAX_BAD_LINES`].
pub fn read_file(path: &Path) -> Result<History, Vec<BadLine>> {
    let bad = |reason: String| vec![BadLine { file: path.to_owned(), line: 0, field: "", reason }];
    let file = File::open(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    read(path, BufReader::with_capacity(1 << 20, file))
}

/// Reads what a file called `path` has.
///
/// # Errors
/// As [`read_file`].
pub fn read(path: &Path, mut from: impl BufRead) -> Result<History, Vec<BadLine>> {
    let (mut history, mut bad) = (History::default(), Vec::new());
    let (mut bytes, mut number) = (Vec::new(), 0);
    loop {
        number += 1;
        let taken = match next_line(&mut from, &mut bytes) {
            Ok(false) => break,
            Ok(true) => take(&mut history, number, &bytes),
            Err(error) => Err(("", format!("cannot be read: {error}"))),
        };
        if let Err((field, reason)) = taken {
            bad.push(BadLine { file: path.to_owned(), line: number, field, reason });
            if bad.len() == MAX_BAD_LINES || bytes.len() > MAX_LINE_BYTES {
                break;
            }
        }
    }
    if bad.is_empty() { Ok(history) } else { Err(bad) }
}

/// The next line without its end; false when there is none. One that is too long is cut.
fn next_line(from: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<bool> {
    bytes.clear();
    from.take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', bytes)?;
    let any = !bytes.is_empty();
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(any)
}

fn take(history: &mut History, number: usize, bytes: &[u8]) -> Result<(), Wrong> {
    if bytes.len() > MAX_LINE_BYTES {
        return Err(("", format!("the line is longer than {MAX_LINE_BYTES} bytes")));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    if number == 1
        && let Ok(header) = serde_json::from_slice::<Header>(bytes)
    {
        if header.history != FORMAT {
            return Err(("history", format!("is {}, {FORMAT} is allowed", header.history)));
        }
        history.complete = header.complete;
        return Ok(());
    }
    if history.calls().len() == MAX_CALLS {
        return Err((
            "",
            format!("there are more than {MAX_CALLS} calls: split the history by trip"),
        ));
    }
    let raw: RawLine<'_> = match serde_json::from_slice(bytes) {
        Ok(raw) => raw,
        Err(error) => return Err(why(bytes, &error)),
    };
    history.add(number as u32, &raw.check()?);
    Ok(())
}

/// A line as it is written. Fields that are not known are passed over.
#[derive(Deserialize)]
struct RawLine<'a> {
    kind: Kind,
    outcome: Outcome,
    #[serde(borrow)]
    trip: Cow<'a, str>,
    #[serde(borrow)]
    hold: Cow<'a, str>,
    #[serde(borrow, default)]
    seats: Vec<Seat<'a>>,
    #[serde(default)]
    legs: Option<(u16, u16)>,
    invoked_us: u64,
    #[serde(default)]
    completed_us: Option<u64>,
    #[serde(default)]
    again: bool,
    #[serde(default)]
    reacquired: bool,
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
    #[serde(default)]
    shard: Option<u32>,
    #[serde(default)]
    ttl_ms: Option<u64>,
    #[serde(default)]
    position: Option<u64>,
    #[serde(default)]
    fence: Option<u64>,
    #[serde(default)]
    expires_at_ms: Option<u64>,
    #[serde(default)]
    at_ms: Option<u64>,
}

impl RawLine<'_> {
    fn check(&self) -> Result<Line<'_>, Wrong> {
        for (field, name) in [("trip", &self.trip), ("hold", &self.hold)] {
            if name.is_empty() || name.len() > MAX_NAME_BYTES {
                let bytes = name.len();
                return Err((
                    field,
                    format!("has {bytes} bytes, 1 to {MAX_NAME_BYTES} are allowed"),
                ));
            }
        }
        if self.kind == Kind::Hold && self.seats.is_empty() {
            return Err(("seats", "is empty; a hold names at least one seat".to_owned()));
        }
        if self.seats.len() > MAX_SEATS {
            let seats = self.seats.len();
            return Err(("seats", format!("names {seats}, at most {MAX_SEATS} are allowed")));
        }
        if let Some((from, to)) = self.legs
            && from >= to
        {
            return Err(("legs", format!("is [{from}, {to}], the first must be smaller")));
        }
        let completed_us = match (self.completed_us, self.outcome) {
            (Some(completed_us), _) => completed_us,
            (None, Outcome::Unknown) => self.invoked_us,
            (None, _) => {
                return Err((
                    "completed_us",
                    "is missing; only unknown calls have none".to_owned(),
                ));
            }
        };
        if completed_us < self.invoked_us {
            let reason = format!("is {completed_us}, before invoked_us {}", self.invoked_us);
            return Err(("completed_us", reason));
        }
        Ok(Line {
            kind: self.kind,
            outcome: self.outcome,
            trip: &self.trip,
            hold: &self.hold,
            seats: self.seats.clone(),
            legs: self.legs,
            invoked_us: self.invoked_us,
            completed_us,
            again: self.again,
            reacquired: self.reacquired,
            code: self.code.as_deref().unwrap_or_default(),
            shard: self.shard.unwrap_or(0),
            ttl_ms: self.ttl_ms.unwrap_or(0),
            position: self.position.unwrap_or(0),
            fence: self.fence.unwrap_or(0),
            expires_at_ms: self.expires_at_ms.unwrap_or(0),
            at_ms: self.at_ms.unwrap_or(0),
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Seat<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeatVisitor)
    }
}

struct SeatVisitor;

impl<'de> Visitor<'de> for SeatVisitor {
    type Value = Seat<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a seat's number below 2147483648 or its name of 1 to 256 bytes")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        let fits = u32::try_from(number).ok().filter(|number| *number < 1 << 31);
        let wrong = || E::invalid_value(de::Unexpected::Unsigned(number), &self);
        fits.map(Seat::Number).ok_or_else(wrong)
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(E::invalid_value(de::Unexpected::Str(name), &self));
        }
        Ok(Seat::Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(E::invalid_value(de::Unexpected::Str(name), &self));
        }
        Ok(Seat::Name(Cow::Owned(name.to_owned())))
    }
}

/// What each field may be, in the order in which they are documented.
const FIELDS: [(&str, &str, bool); 17] = [
    ("kind", "one of hold, confirm, release, extend, cancel, other", true),
    ("outcome", "one of ok, refused, failed, unknown, defect", true),
    ("trip", "a text", true),
    ("hold", "a text", true),
    ("seats", "a list of numbers or names of seats", false),
    ("legs", "[from, to], each 0 to 65535, or null for the whole trip", false),
    ("invoked_us", "a number, 0 or more", true),
    ("completed_us", "a number, 0 or more", false),
    ("again", "true or false", false),
    ("reacquired", "true or false", false),
    ("code", "a text", false),
    ("shard", "a number, 0 to 4294967295", false),
    ("ttl_ms", "a number, 0 or more", false),
    ("position", "a number, 0 or more", false),
    ("fence", "a number, 0 or more", false),
    ("expires_at_ms", "a number, 0 or more", false),
    ("at_ms", "a number, 0 or more", false),
];

/// Looks a line over that does not parse, field by field, for the one at fault.
fn why(bytes: &[u8], error: &serde_json::Error) -> Wrong {
    let Ok(object) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes)
    else {
        return ("", format!("is not an object of JSON: {error}"));
    };
    for (field, allowed, required) in FIELDS {
        let Some(value) = object.get(field) else {
            if required {
                return (field, format!("is missing; {allowed} is allowed"));
            }
            continue;
        };
        if !fits(field, value) {
            let mut shown = value.to_string();
            shown.truncate(shown.floor_char_boundary(60));
            return (field, format!("is {shown}; {allowed} is allowed"));
        }
    }
    ("", error.to_string())
}

/// Whether a value by itself is one that a field may have.
fn fits(field: &str, value: &serde_json::Value) -> bool {
    fn is<T: de::DeserializeOwned>(value: &serde_json::Value) -> bool {
        serde_json::from_value::<T>(value.clone()).is_ok()
    }
    match field {
        "kind" => is::<Kind>(value),
        "outcome" => is::<Outcome>(value),
        "trip" | "hold" => value.is_string(),
        "code" => value.is_string() || value.is_null(),
        "seats" => value
            .as_array()
            .is_some_and(|seats| seats.iter().all(|seat| Seat::deserialize(seat).is_ok())),
        "legs" => is::<Option<(u16, u16)>>(value),
        "again" | "reacquired" => value.is_boolean(),
        "shard" => is::<Option<u32>>(value),
        "invoked_us" => value.is_u64(),
        _ => is::<Option<u64>>(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Legs;
    use super::*;

    const HOLD: &str = r#"{"kind":"hold","outcome":"ok","trip":"t","hold":"a","seats":[4],"invoked_us":5,"completed_us":9}"#;

    fn read_text(text: &str) -> Result<History, Vec<String>> {
        let read = read(Path::new("h.jsonl"), text.as_bytes());
        read.map_err(|bad| bad.iter().map(BadLine::to_string).collect())
    }

    #[test]
    fn a_trace_needs_no_more_than_who_what_and_when() {
        let text = format!(
            "{{\"history\":1,\"complete\":true}}\n\n{HOLD}\n{}\n",
            HOLD.replace("[4]", r#"["12\"A",7]"#).replace("\"seats\"", "\"more\":[{}],\"seats\"")
        );
        let history = read_text(&text).unwrap();
        assert!(history.complete);
        let [first, second] = history.calls() else { panic!("two calls") };
        assert_eq!((first.line, second.line, first.legs), (3, 4, Legs::ALL));
        let seats: Vec<String> =
            history.seats(second).iter().map(|seat| history.seat(*seat)).collect();
        assert_eq!(seats, ["12\"A", "7"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_field() {
        let cases = [
            ("nonsense", "h.jsonl:1: is not an object of JSON"),
            (
                &HOLD.replace("\"hold\",\"outcome\"", "\"buy\",\"outcome\""),
                "kind: is \"buy\"; one of",
            ),
            (&HOLD.replace("\"trip\":\"t\",", ""), "trip: is missing; a text is allowed"),
            (&HOLD.replace("[4]", "[-4]"), "seats: is [-4]; a list of numbers"),
            (&HOLD.replace("[4]", "[]"), "seats: is empty"),
            (&HOLD.replace("[4]", "[4],\"legs\":[3,3]"), "legs: is [3, 3], the first"),
            (&HOLD.replace(":9", ":3"), "completed_us: is 3, before invoked_us 5"),
            (&HOLD.replace(",\"completed_us\":9", ""), "completed_us: is missing"),
            (&HOLD.replace(":5", ":\"5\""), "invoked_us: is \"5\"; a number"),
            (&HOLD.replace("\"t\"", "\"\""), "trip: has 0 bytes, 1 to 256"),
            ("{\"history\":7}", "history: is 7, 1 is allowed"),
        ];
        for (text, expected) in cases {
            let bad = read_text(text).unwrap_err();
            assert!(bad[0].contains(expected), "{text}\n{bad:?}");
        }
    }

    #[test]
    fn every_bad_line_is_told_up_to_a_limit() {
        let text = format!("{HOLD}\nnonsense\n{HOLD}\nnonsense\n");
        assert_eq!(read_text(&text).unwrap_err().len(), 2);
        assert_eq!(read_text(&"nonsense\n".repeat(50)).unwrap_err().len(), MAX_BAD_LINES);
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_memory_than_its_limit() {
        let endless = "x".repeat(10 * MAX_LINE_BYTES);
        assert!(read_text(&endless).unwrap_err()[0].contains("longer than 65536 bytes"));
    }
}
