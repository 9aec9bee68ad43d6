//! What runs: one node of a Seatgrid cluster.
//!
//! Assembly only: configuration, clocks, listeners, gRPC services, telemetry. Rules about seats are in
//! `actors`, the log is in `raft`.

#![warn(missing_docs)]

mod admin;
pub mod clock;
pub mod config;
mod detours;
mod drain;
mod faults;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod node;
mod service;
pub mod shards;
mod snapshots;
mod status;
mod stop;
mod supervisor;
pub mod telemetry;
mod threads;
mod traffic;
mod wire;

/// What a simulator of nodes says to clients in their place.
#[doc(hidden)]
pub mod simulation {
    pub use crate::wire::{failure_problem, read_problem};
}

pub use config::{Config, ConfigError};
pub use node::{Node, StartError};
pub use stop::told_to_stop;
