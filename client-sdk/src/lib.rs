//! What a booking service links to talk to a Seatgrid cluster.
//!
//! ```no_run
//! # async fn book() -> Result<(), seatgrid_client_sdk::Error> {
//! use seatgrid_client_sdk::{Client, Hold, Options, ids::TripId};
//!
//! let client = Client::connect(["http://127.0.0.1:7001"], Options::default()).await?;
//! let trip = TripId::new("coach-101")?;
//! let held = client.hold(Hold::seats(&trip, ["14A", "14B"])).await?;
//! client.confirm(&held).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Client`] keeps the topology of the cluster and sends every command to the leader of the trip's
//! shard, over a few streams that all callers share. Calls are tried again within their deadline, always
//! with the same id, so that nothing happens twice: what a request asks for, it asks for once, however
//! often it is sent. [`Error`] is sorted by who must act.
//!
//! - [`HoldGuard`] releases a hold that is neither confirmed nor released.
//! - [`Watch`] follows the changes of a trip without a gap, and [`SeatMapView`] applies them.
//! - [`Lane`] keeps thousands of commands in flight from one task, for importers and load generators.
//! - [`layout`] reads layout files.
//! - [`Faults`] makes a staging cluster fail on order.
//!
//! The folder `examples` has whole programs.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attempt;
mod backoff;
mod breaker;
mod budget;
mod call;
mod client;
mod cluster;
mod commands;
mod error;
mod faults;
mod guard;
mod health;
mod id;
mod lane;
pub mod layout;
mod line;
mod member;
mod node;
mod open_trip;
mod options;
mod pipeline;
mod position;
mod reads;
mod refresh;
mod reply;
pub mod request;
mod retry;
mod seat_map_view;
mod topology;
mod watch;
mod wire_layout;

pub use proto::seat_hold::{SeatHold, pack_seats};
pub use proto::{code, ids, pb};

/// The loop of attempts without its connections, for a simulator that has nodes and chance of its own.
#[doc(hidden)]
pub mod simulation {
    pub use crate::attempt::Failure;
    pub use crate::health::Health;
    pub use crate::member::Member;
    pub use crate::refresh::{keep_fresh, read};
    pub use crate::retry::Shared;
}

pub use self::client::Client;
pub use self::cluster::SNAPSHOT_PATIENCE;
pub use self::error::{Error, Invalid, Refusal};
pub use self::faults::Faults;
pub use self::guard::HoldGuard;
pub use self::id::{new_command_id, new_hold_id};
pub use self::lane::{Advice, Completion, Lane, Lost, Sendable};
pub use self::options::Options;
pub use self::position::Position;
pub use self::reads::TripView;
pub use self::reply::{
    Batched, Blocked, Confirmed, Done, Extended, Held, Opened, PaymentBegun, Reduced, Swapped,
};
pub use self::request::{
    Batch, BeginPayment, Block, Cancel, Confirm, Extend, Hold, HoldBest, HoldQuantity, OpenTrip,
    Release, SaleAction, SetSale, Swap, Unblock,
};
pub use self::seat_map_view::{Gap, SeatMapView, SeatView};
pub use self::watch::{Event, Watch};
pub use self::wire_layout::{attribute_bits, wire_layout};
