//! Real processes: a plan in, a verdict out. Nodes are processes of their own, and every connection goes
//! through a proxy in this one. Only the faults of file systems need a privilege.
//!
//! * [`plan`] is what is tried, [`shipped`] the plans that come with the program.
//! * [`cluster`] are the nodes: a [`process`] each, with the [`network`] between them; a [`machine`] is what a
//!   node has for itself: a [`volume`], a [`wall_clock`].
//! * [`buyers`] are the load, and [`history`] what they asked and were answered.
//! * [`nemesis`] makes each [`fault`] happen.
//! * [`crate::verify`] judges the answers, [`book`] and [`check`] what the cluster has at the end;
//!   [`failover`] and [`leaders`] measure, [`mod@run`] puts it together.

pub mod book;
pub mod buyers;
pub mod check;
pub mod cluster;
mod damage;
pub mod failover;
pub mod fault;
pub mod history;
pub mod leaders;
pub mod machine;
pub mod nemesis;
pub mod network;
mod ordered;
pub mod plan;
pub mod process;
pub mod run;
pub mod shipped;
pub mod volume;
pub mod wall_clock;

pub use cluster::Site;
pub use plan::{Plan, PlanError};
pub use run::{Report, Verdict, run};
