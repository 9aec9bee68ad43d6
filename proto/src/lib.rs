//! What two processes agree on: the wire messages, the names of things, where a trip lives, and what a
//! code means.
//!
//! [`pb`] holds the messages and services generated from `proto/seatgrid/v1/*.proto`. [`ids`] holds the
//! validated newtypes that the rest of the project speaks in. [`ring`] says which shard owns a trip.
//! [`code`] is the one table from a code to gRPC, HTTP and what a caller should do. [`codec`] is how
//! servers read requests, [`shape`] counts what these take in memory, [`pipeline`] takes a pipeline's
//! messages apart, and [`seat_hold`] is the commonest command in them. [`mod@line`] names the spans of
//! a hold.

#![warn(missing_docs)]

pub mod code;
pub mod codec;
mod fields;
pub mod ids;
pub mod limits;
pub mod line;
pub mod pb;
pub mod pipeline;
pub mod problem;
pub mod replies;
pub mod ring;
pub mod seat_hold;
pub mod shape;
