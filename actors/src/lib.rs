//! What decides: the seat map of every trip, and the actors around it.
//!
//! [`seat_map`] is the pure core: one trip's state and every rule about seats, synchronous and
//! deterministic. Around it stands a thin shell on ractor: a [`trip::Trip`] is the virtual actor that
//! owns one seat map while the trip is active; a [`shard`] is the ractor actor that hosts the trips of
//! one Raft group, packs their commands into log entries and applies what the log brings back.

#![warn(missing_docs)]

pub mod ask;
pub mod audit;
pub mod clock;
mod directory;
pub mod entry;
mod expiry;
mod fetch;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod limits;
pub mod line;
pub mod machine;
pub mod measures;
mod record;
pub mod seat_map;
mod sequencer;
pub mod shard;
pub mod trip;
pub mod watch;

pub use proto::ids;
