//! Measures Seatgrid beside what people use today: the same work, on the same machine, in one run.
//!
//! * [`work`]: what buyers ask for. [`lane`]: a connection that answers. [`course`]: buyers who ask over
//!   lanes, closed loop or open, and what was measured. [`cost`]: processor time and memory of processes.
//!   [`watch`]: memory and disk as time goes by.
//! * [`systems`]: a file for each system, with how it is started, and how its users ask it best.
//! * [`contest`]: their turns. [`results`]: what is kept of them. [`report`]: tables and a page of it.
//! * [`capacity`]: how many nodes a goal needs.

#![warn(missing_docs)]

pub mod capacity;
pub mod contest;
pub mod cost;
pub mod course;
pub mod lane;
pub mod pace;
pub mod report;
pub mod results;
pub mod systems;
pub mod watch;
pub mod work;
