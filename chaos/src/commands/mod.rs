//! What the program does, a file for each.

mod known;
pub(crate) mod mutants;
pub(crate) mod node;
mod outcome;
mod page;
pub(crate) mod plans;
mod rules_table;
pub(crate) mod run;
pub(crate) mod sim;
pub(crate) mod verify;

/// Exit codes beyond success.
pub(crate) mod exit {
    /// Something was violated.
    pub(crate) const VIOLATED: u8 = 1;
    /// A wrong argument or plan, or nothing could be started.
    pub(crate) const USAGE: u8 = 2;
    /// A fault did not happen, or under too little load; or a search was not finished.
    pub(crate) const INVALID: u8 = 3;
}
