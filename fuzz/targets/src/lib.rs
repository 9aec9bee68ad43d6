//! What the fuzz targets do with their bytes, in a library: libFuzzer calls it with bytes that it makes
//! up, and a plain test calls it with every file of the corpus.
//!
//! A target reads its bytes as one decoder of ours does. It panics when the decoder panics, and when what
//! was read has not the property that its documentation names. `fuzz/README.md` says how to run them.

#![warn(missing_docs)]

pub mod cluster_toml;
pub mod command;
pub mod entry;
pub mod layout_file;
pub mod manifest;
pub mod peer_frame;
pub mod pipeline;
pub mod raft_codec;
pub mod request;
pub mod shard_record;
pub mod trip_state;
pub mod wal_segment;
mod world;

/// Bytes to begin with, and their name.
pub type Seed = (&'static str, Vec<u8>);

/// A decoder that is fed with any bytes.
pub struct Target {
    /// Its name: of its module, its binary and its folder in the corpus.
    pub name: &'static str,
    /// Reads bytes, and panics if that shows a defect.
    pub run: fn(&[u8]),
    /// Bytes that we write ourselves.
    pub seeds: fn() -> Vec<Seed>,
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        &[$(Target { name: stringify!($name), run: $name::run, seeds: $name::seeds }),*]
    };
}

/// All of them.
pub const TARGETS: &[Target] = targets![
    cluster_toml,
    command,
    entry,
    layout_file,
    manifest,
    peer_frame,
    pipeline,
    raft_codec,
    request,
    shard_record,
    trip_state,
    wal_segment,
];
