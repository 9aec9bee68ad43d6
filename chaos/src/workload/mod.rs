//! Who buys: state machines that hold, pay, give back, prolong and change seats.

mod buyer;
mod call;
mod clumsy;
mod subscriber;
mod trips;

pub use buyer::{Buyer, PERSONAS, Persona, Tally};
pub use call::{Called, Client, MAX_COPIES};
pub use trips::{HOLD_CAP_MS, coach, trip_id};
