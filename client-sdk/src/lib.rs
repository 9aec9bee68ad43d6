//! What a booking service links to talk to a Seatgrid cluster.

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
mod guard;
mod health;
mod id;
mod lane;
pub mod layout;
mod node;
mod open_trip;
mod options;
mod pipeline;
mod position;
mod reads;
mod refresh;
mod reply;
pub mod request;
mod seat_map_view;
mod topology;
mod watch;
mod wire_layout;

pub use proto::{code, ids, pb};

pub use self::client::Client;
pub use self::error::{Error, Invalid, Refusal};
pub use self::guard::HoldGuard;
pub use self::id::{new_command_id, new_hold_id};
pub use self::lane::{Advice, Completion, Lane, Lost};
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
