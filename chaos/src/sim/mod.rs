//! A whole cluster in one thread, on virtual time that jumps from event to event.
//!
//! Everything that decides is the product's: seat maps, shard actors on ractor, openraft, the
//! write-ahead log and its recovery, snapshots. What surrounds it is simulated: time (tokio's, paused),
//! chance ([`chance`]), the network ([`network`], [`transport`]), disks ([`disk`]) and clocks
//! ([`clock`]). A seed decides everything.

pub mod chance;
pub mod clock;
pub mod cluster;
pub mod disk;
pub mod fault;
pub mod nemesis;
pub mod network;
pub mod node;
pub mod plan;
pub mod run;
pub mod shrink;
pub mod trace;
pub mod transport;

pub use plan::Plan;
pub use run::{Manner, Report, simulate};
pub use shrink::shrink;
