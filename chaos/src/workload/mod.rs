//! Who buys: state machines that hold, pay, give back, prolong and change seats.

mod buyer;
mod call;
mod clumsy;
mod service;
mod subscriber;
mod trips;

pub use buyer::{Buyer, PERSONAS, Persona, Tally};
pub use call::{Called, Client, MAX_COPIES};
pub use service::{Service, start_service};
pub use trips::{HOLD_CAP_MS, TTL_DEFAULT_MS, coach, trip_id};
