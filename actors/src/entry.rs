//! How a shard's log entries look.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version of this format |
//! | 1 | kind: commands, or an audit mark |
//! | 8 | log time, Unix milliseconds, little endian |
//! | 8 | proposal: tells the leader its own entries |
//! | 4 | number of commands |
//! | per command | 2 bytes length and the trip id, 4 bytes length and the encoded command |

use bytes::{BufMut as _, Bytes};

use crate::ids::{Timestamp, TripId};
use crate::seat_map::Command;
use crate::seat_map::codec::{self, Layouts};

const VERSION: u8 = 1;
const COMMANDS: u8 = 1;
const AUDIT: u8 = 2;
const HEADER_BYTES: usize = 22;

/// An entry being filled. The header is completed when the entry is sealed.
#[derive(Debug)]
pub(crate) struct EntryWriter {
    bytes: Vec<u8>,
    commands: u32,
}

impl EntryWriter {
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(4096);
        bytes.resize(HEADER_BYTES, 0);
        Self { bytes, commands: 0 }
    }

    /// Adds a command; gives the bytes that it takes. A layout goes along as `layouts` says.
    pub(crate) fn push(&mut self, trip: &TripId, command: &Command, layouts: Layouts) -> usize {
        let before = self.bytes.len();
        let id = trip.as_str().as_bytes();
        self.bytes.put_u16_le(u16::try_from(id.len()).expect("a trip id is at most 128 bytes"));
        self.bytes.put_slice(id);
        let length_at = self.bytes.len();
        self.bytes.put_u32_le(0);
        codec::encode_command_into(command, layouts, &mut self.bytes);
        let length = self.bytes.len() - length_at - 4;
        let length = u32::try_from(length).expect("a command is bounded by MAX_COMMAND_BYTES");
        self.bytes[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        self.commands += 1;
        self.bytes.len() - before
    }

    pub(crate) fn commands(&self) -> usize {
        self.commands as usize
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Removes the command that was added last, which takes `bytes`.
    pub(crate) fn pop(&mut self, bytes: usize) {
        self.bytes.truncate(self.bytes.len() - bytes);
        self.commands -= 1;
    }

    pub(crate) fn seal(self, at: Timestamp, proposal: u64) -> Bytes {
        self.finish(COMMANDS, at, proposal)
    }

    fn finish(mut self, kind: u8, at: Timestamp, proposal: u64) -> Bytes {
        let mut header = &mut self.bytes[..HEADER_BYTES];
        header.put_u8(VERSION);
        header.put_u8(kind);
        header.put_u64_le(at.as_unix_ms());
        header.put_u64_le(proposal);
        header.put_u32_le(self.commands);
        Bytes::from(self.bytes)
    }
}

/// An audit mark: every replica checks itself where it applies this.
pub(crate) fn audit_mark(at: Timestamp, proposal: u64) -> Bytes {
    EntryWriter::new().finish(AUDIT, at, proposal)
}

/// What an entry asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Carry out commands.
    Commands,
    /// Every replica checks itself where it applies this.
    Audit,
}

/// An entry being read.
#[derive(Debug)]
pub struct EntryReader<'a> {
    /// What it asks for.
    pub kind: Kind,
    /// The log time.
    pub at: Timestamp,
    pub(crate) proposal: u64,
    left: u32,
    rest: &'a [u8],
}

/// An entry that no version of this program has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEntry(pub(crate) &'static str);

impl<'a> EntryReader<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// When no version of this program has written these bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, BadEntry> {
        let (header, rest) =
            bytes.split_first_chunk::<HEADER_BYTES>().ok_or(BadEntry("its header is cut off"))?;
        if header[0] != VERSION {
            return Err(BadEntry("its version is not known"));
        }
        let kind = match header[1] {
            COMMANDS => Kind::Commands,
            AUDIT => Kind::Audit,
            _ => return Err(BadEntry("its kind is not known")),
        };
        let u64_at = |at: usize| {
            let field: [u8; 8] = header[at..at + 8].try_into().expect("eight bytes of the header");
            u64::from_le_bytes(field)
        };
        let count: [u8; 4] = header[18..22].try_into().expect("four bytes of the header");
        Ok(Self {
            kind,
            at: Timestamp::from_unix_ms(u64_at(2)),
            proposal: u64_at(10),
            left: u32::from_le_bytes(count),
            rest,
        })
    }

    /// Commands that have not been read yet.
    pub(crate) fn left(&self) -> usize {
        self.left as usize
    }

    /// The next command: its trip's id, and the command's bytes.
    ///
    /// # Errors
    /// When no version of this program has written these bytes.
    #[expect(clippy::should_implement_trait, reason = "an iterator could go on after an error")]
    pub fn next(&mut self) -> Result<Option<(&'a str, &'a [u8])>, BadEntry> {
        if self.left == 0 {
            return if self.rest.is_empty() {
                Ok(None)
            } else {
                Err(BadEntry("bytes are left over"))
            };
        }
        self.left -= 1;
        let cut = || BadEntry("a command is cut off");
        let (length, rest) = self.rest.split_first_chunk::<2>().ok_or_else(cut)?;
        let (trip, rest) =
            rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or_else(cut)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let (command, rest) =
            rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
        self.rest = rest;
        let trip = std::str::from_utf8(trip).map_err(|_| BadEntry("a trip id is not UTF-8"))?;
        Ok(Some((trip, command)))
    }
}
