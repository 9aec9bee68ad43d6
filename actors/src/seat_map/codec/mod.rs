//! The bytes of commands (the log's payload), layouts and states (snapshots).
//!
//! Every encoding begins with its version. Numbers are variable-length, least significant bits first;
//! ids are 16 bytes; texts and lists begin with their length. There is one encoding of a value, so that
//! equal states have equal bytes. Decoding is bounded: whatever the bytes, it never panics and, apart
//! from the seats and legs of a trip itself, never allocates more than a small multiple of their number.

mod command;
mod layout;
mod open;
mod outcome;
mod state;
mod wire;

use std::fmt;
use std::sync::Arc;

use super::SeatMap;
use super::command::Command;
use super::layout::{Layout, LayoutDigest, LayoutSpec};
use super::open::Open;
use super::reply::Outcome;
use wire::Reader;

/// The version of commands in the log.
const COMMAND_VERSION: u8 = 1;

/// The version of layouts.
const LAYOUT_VERSION: u8 = 1;

/// The version of states in snapshots.
const STATE_VERSION: u8 = 2;

/// Finds a layout by its digest: in the cache or store of the shell.
pub type Resolver<'a> = &'a dyn Fn(LayoutDigest) -> Option<Arc<Layout>>;

/// How a trip that is put on sale carries its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layouts {
    /// In full: whoever reads it needs nothing else.
    Inline,
    /// By digest: whoever reads it must have the layout.
    ByDigest,
}

/// Why bytes cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end too early.
    Truncated,
    /// Bytes are left over at the end.
    Trailing,
    /// The version is not one that this code reads.
    Version(u8),
    /// A value is out of its range or contradicts another one.
    Invalid {
        /// Which value.
        what: &'static str,
    },
    /// The layout is not known here: fetch it and decode again.
    UnknownLayout(LayoutDigest),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::Trailing => f.write_str("bytes are left over"),
            Self::Version(version) => write!(f, "version {version} is not known"),
            Self::Invalid { what } => write!(f, "the {what} is not valid"),
            Self::UnknownLayout(digest) => write!(f, "the layout {digest} is not known here"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Encodes a command for the log. A trip to be opened brings its layout along as `layouts` says.
pub fn encode_command(command: &Command, layouts: Layouts) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    encode_command_into(command, layouts, &mut out);
    out
}

/// Like [`encode_command`], at the end of a buffer that is used again.
pub fn encode_command_into(command: &Command, layouts: Layouts, out: &mut Vec<u8>) {
    out.push(COMMAND_VERSION);
    command::put(out, command, layouts);
}

/// Decodes a command of the log.
pub fn decode_command(bytes: &[u8], resolver: Resolver<'_>) -> Result<Command, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.version(COMMAND_VERSION)?;
    let command = command::get(&mut reader, resolver, true)?;
    reader.end()?;
    Ok(command)
}

/// Encodes a layout.
pub fn encode_layout(layout: &Layout) -> Vec<u8> {
    let mut out = vec![LAYOUT_VERSION];
    layout::put(&mut out, layout.spec());
    out
}

/// Decodes a layout and checks it.
pub fn decode_layout(bytes: &[u8]) -> Result<Layout, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.version(LAYOUT_VERSION)?;
    let layout = layout::get(&mut reader)?;
    reader.end()?;
    Ok(layout)
}

/// Encodes a state for a snapshot. It refers to its layout by digest and does not hold the kept changes.
pub fn encode_state(map: &SeatMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(about_bytes(map));
    put_state(&mut out, map);
    out
}

/// About how many bytes [`encode_state`] writes.
pub(crate) fn about_bytes(map: &SeatMap) -> usize {
    state::about_bytes(map)
}

/// Appends a state, as [`encode_state`] writes it.
pub(crate) fn put_state(out: &mut Vec<u8>, map: &SeatMap) {
    out.push(STATE_VERSION);
    state::put(out, map);
}

/// The digest of a state that [`encode_state`] wrote: replicas that applied the same log have the same.
pub(crate) fn digest_of_state(state: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(state)
}

/// Decodes a state of a snapshot and rebuilds what follows from it.
pub fn decode_state(bytes: &[u8], resolver: Resolver<'_>) -> Result<SeatMap, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.version(STATE_VERSION)?;
    let map = state::get(&mut reader, resolver)?;
    reader.end()?;
    Ok(map)
}

/// The digest of the layout that an encoded state refers to, read from its beginning.
pub fn layout_of_state(bytes: &[u8]) -> Result<LayoutDigest, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.version(STATE_VERSION)?;
    reader.digest()
}

/// The content of a layout, from which its digest is made.
pub(super) fn put_spec(spec: &LayoutSpec, out: &mut Vec<u8>) {
    layout::put(out, spec);
}

/// The content of a trip as it is put on sale, from which its fingerprint is made.
pub(super) fn put_open(open: &Open, out: &mut Vec<u8>) {
    open::put(out, open, Layouts::ByDigest);
}

/// Encodes an outcome for the memory of answers.
pub(super) fn encode_outcome(outcome: &Outcome) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    outcome::put(&mut out, outcome);
    out
}

/// Decodes a remembered outcome.
pub(super) fn decode_outcome(bytes: &[u8]) -> Result<Outcome, DecodeError> {
    let mut reader = Reader::new(bytes);
    let outcome = outcome::get(&mut reader)?;
    reader.end()?;
    Ok(outcome)
}
