//! Between the wire and the seat map: requests in, replies, problems and views out.

mod incoming;
mod layout;
mod problem;
mod reply;
mod request;
mod view;

pub(crate) use incoming::Incoming;
pub use problem::{failure_problem, read_problem};
pub(crate) use problem::{put_taken, refusal_problem};
pub(crate) use reply::{Origin, reply};
pub(crate) use request::{Routed, buyer_id, hold_id, legs, new_command_id, route, trip_id};
pub(crate) use view::{change, explain, hold_view, trip_view};
