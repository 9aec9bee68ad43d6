//! Doubts Seatgrid: simulates a whole cluster under faults, and checks that its promises hold.
//!
//! * [`sim`] is the simulation: a seed in, a trace and a verdict out.
//! * [`workload`] are the buyers.
//! * [`oracle`] sees everything and replays the log.
//! * [`real`] are runs on real processes: a plan in, a verdict out.
//! * [`verify`] judges recorded histories: lines in, a verdict out.
//! * [`report`] tells a verdict as a page.
//! * [`invariant`] has a file for each thing that must be true.

#![warn(missing_docs)]

pub mod invariant;
pub mod oracle;
pub mod real;
pub mod report;
pub mod sim;
pub mod verify;
pub mod workload;
