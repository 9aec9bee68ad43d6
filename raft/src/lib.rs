//! Seatgrid's memory: many Raft groups on one node, one write-ahead log, one snapshot store.
//!
//! This crate carries opaque bytes and knows nothing of seats. A [`machine::Machine`] is what a shard
//! replicates; a [`group::Replica`] is one replica of it, seen by others as a [`group::ShardLog`]. Consensus is openraft's;
//! the log on disk ([`wal`]), the snapshots ([`snapshot`]) and the network between replicas
//! ([`network`]) are ours. Disk and network stand behind traits, so that a simulator can replace them.

#![warn(missing_docs)]

mod codec;
pub mod config;
pub mod disk;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod group;
mod log_store;
#[cfg(test)]
mod log_suite;
pub mod machine;
mod memory;
pub mod mutant;
pub mod network;
pub mod node;
pub mod runtime;
mod silence;
pub mod snapshot;
mod successor;
mod types;
pub mod wal;

pub use config::RaftConfig;
pub use group::{Leadership, OnFailure, ProposeError, Replica, ReplicaStatus, ShardLog, Stopped};
pub use machine::{Committed, Machine, MachineFailed};
pub use node::{OpenError, RaftNode};
