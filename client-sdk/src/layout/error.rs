//! Why a layout was refused: where, what was found, what is allowed, and a hint.

use std::{fmt, io};

use super::attribute::Attribute;
use super::limits::MAX_FILE_BYTES;

/// A layout that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{file}{at}: {problem}")]
pub struct LayoutError {
    /// The file, as the caller named it.
    pub file: String,
    /// The spot in the file.
    pub at: Spot,
    /// What is wrong there.
    #[source]
    pub problem: Box<Problem>,
}

impl LayoutError {
    /// What to do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.problem.hint()
    }
}

/// A spot in a layout file: as much of it as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// The JSON path, such as `coaches[1].rows[0].pattern`.
    pub path: Option<String>,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        match self.path.as_deref() {
            Some(path) if !path.is_empty() => write!(f, ": {path}"),
            _ => Ok(()),
        }
    }
}

/// What is wrong with a layout.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file is larger than [`MAX_FILE_BYTES`].
    #[error("the file has {found_bytes} bytes; at most {max} are read", max = MAX_FILE_BYTES)]
    FileTooLarge {
        /// Its size.
        found_bytes: u64,
    },
    /// The file has nothing in it.
    #[error("the file is empty")]
    EmptyFile,
    /// The file is not UTF-8.
    #[error("is not UTF-8 text: the byte at offset {offset} fits no character")]
    NotText {
        /// Bytes before the first bad one.
        offset: usize,
    },
    /// The file is not well-formed.
    #[error("is not valid JSON: {0}")]
    Syntax(String),
    /// A key that the format does not have.
    #[error("`{key}` is not a key here; allowed are {}", quoted(allowed))]
    UnknownKey {
        /// The key that was found.
        key: String,
        /// The keys that may stand there.
        allowed: Vec<&'static str>,
    },
    /// A key that must be there and is not; one of several, if several would do.
    #[error("`{}` is missing", .0.join("` or `"))]
    MissingKey(Vec<&'static str>),
    /// Two keys of which only one may stand there.
    #[error("`{0}` and `{1}` cannot stand together")]
    Conflict(&'static str, &'static str),
    /// A value of another kind.
    #[error("found {found}, allowed is {allowed}")]
    WrongType {
        /// What was found.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A number or a count outside its limits.
    #[error("{what}: found {found}, allowed are {min} to {max}")]
    OutOfRange {
        /// What is counted.
        what: &'static str,
        /// The count.
        found: i64,
        /// The least that is allowed.
        min: i64,
        /// The most that is allowed.
        max: i64,
    },
    /// A name that is empty, too long or not printable.
    #[error("{what} {found:?} {why}")]
    BadName {
        /// What is named.
        what: &'static str,
        /// The name that was found.
        found: String,
        /// The rule that it breaks.
        why: String,
    },
    /// A zone that was not declared.
    #[error("zone `{found}` is not declared; declared are {}", quoted(allowed))]
    UnknownZone {
        /// The zone that was found.
        found: String,
        /// The zones of the layout.
        allowed: Vec<String>,
    },
    /// A zone that was declared twice.
    #[error("zone `{0}` is declared twice")]
    DuplicateZone(String),
    /// Seats in a zone that has no numbered seats.
    #[error("zone `{0}` is general admission (it has a capacity) and cannot hold numbered seats")]
    NotNumbered(String),
    /// A row whose zone nobody says.
    #[error("the row says no zone, and the layout has several: {}", quoted(.0))]
    NoZone(Vec<String>),
    /// A numbered zone without seats.
    #[error("zone `{0}` has no seat and no capacity")]
    UnusedZone(String),
    /// A word that is no attribute.
    #[error("`{found}` is not an attribute; allowed are {}", attribute_words())]
    UnknownAttribute {
        /// The word that was found.
        found: String,
    },
    /// A seat with two attributes that exclude each other.
    #[error("seat {seat} cannot be both {first} and {second}")]
    Contradiction {
        /// The seat.
        seat: String,
        /// One attribute.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A row pattern that cannot be read.
    #[error("pattern {pattern:?} {why}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// The rule that it breaks.
        why: String,
    },
    /// Seat names that are used more than once: all of them.
    #[error("{}", duplicates(.0))]
    DuplicateSeats(Vec<DuplicateSeat>),
    /// Seats that are referred to and do not exist: all of them.
    #[error("no row has the seat{} {}", if .0.len() == 1 { "" } else { "s" }, .0.join(", "))]
    UnknownSeats(Vec<String>),
    /// Nothing to sell.
    #[error("has neither a numbered seat nor a general-admission zone")]
    Empty,
}

/// A seat name that is used more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateSeat {
    /// The name.
    pub name: String,
    /// Every row that has it, as `deck row` or `row`.
    pub rows: Vec<String>,
}

impl Problem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { key, allowed } => nearest(key, allowed),
            Self::UnknownZone { found, allowed } => nearest(found, allowed),
            Self::UnknownAttribute { found } => nearest(found, &Attribute::NAMES),
            Self::DuplicateSeats(_) => Some(
                "a `seat_name` such as \"{deck}-{row}{place}\" tells the seats of decks apart".into(),
            ),
            Self::NoZone(_) => {
                Some("say `zone` in the row, in its deck, or once at the top as the default".into())
            }
            Self::UnusedZone(zone) => Some(format!(
                "give it a `capacity` if nobody has a seat there, or name it: \"zone\": \"{zone}\""
            )),
            Self::BadPattern { .. } => Some(
                "write one character a place (\"AB_CD\") or words (\"1..14 _ 15..28\"); `_` is a gap"
                    .into(),
            ),
            _ => None,
        }
    }
}

fn quoted<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    words.join(", ")
}

fn attribute_words() -> String {
    quoted(&Attribute::NAMES)
}

fn duplicates(seats: &[DuplicateSeat]) -> String {
    let listed: Vec<String> =
        seats.iter().map(|seat| format!("{} (in {})", seat.name, seat.rows.join("; "))).collect();
    format!("{} seat name(s) used more than once: {}", seats.len(), listed.join(", "))
}

/// `did you mean …?` for the word that takes the fewest keystrokes to reach, if they are few.
fn nearest<S: AsRef<str>>(found: &str, allowed: &[S]) -> Option<String> {
    // The distance grows with the product of the lengths; nobody mistypes a page.
    if found.len() > 64 {
        return None;
    }
    allowed
        .iter()
        .map(|word| (keystrokes(&found.to_lowercase(), &word.as_ref().to_lowercase()), word))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 1 + found.len() / 4)
        .map(|(_, word)| format!("did you mean `{}`?", word.as_ref()))
}

/// How many letters must be inserted, removed or replaced to make `to` of `from`.
fn keystrokes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
