//! What came about in a simulation that has to, or it says little.

use std::ops::AddAssign;

use actors::ids::Timestamp;
use actors::seat_map::{Command, CommandBody, HoldState, SeatMap};
use serde::Serialize;

/// A confirm so near to its hold's deadline races the expiry, in milliseconds.
const RACE_MS: u64 = 5;

/// How often what has to come about did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Leaders that were elected.
    pub elections: u64,
    /// Leaders whose links to some nodes were cut, and a majority was left to them.
    pub leaders_with_majority: u64,
    /// Leaders whose links to some nodes were cut, and no majority was left to them.
    pub leaders_with_minority: u64,
    /// Snapshots that a replica took over from another.
    pub snapshots_installed: u64,
    /// Confirms that came about when their hold expired.
    pub expiry_races: u64,
    /// Changes that came to somebody who watched.
    pub changes_watched: u64,
}

impl Coverage {
    /// Everything by its name.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, u64); 6] {
        [
            ("elections", self.elections),
            ("leaders cut off with a majority", self.leaders_with_majority),
            ("leaders cut off with a minority", self.leaders_with_minority),
            ("snapshots installed from a peer", self.snapshots_installed),
            ("confirms that raced an expiry", self.expiry_races),
            ("changes watched", self.changes_watched),
        ]
    }
}

/// Whether a command is a confirm that comes about when its hold expires.
pub(super) fn races(at: Timestamp, command: &Command, map: &SeatMap) -> bool {
    let CommandBody::Confirm(confirm) = &command.body else { return false };
    let hold = map.view().hold(confirm.hold).filter(|hold| hold.state != HoldState::Sold);
    let apart = |due: Timestamp| due.as_unix_ms().abs_diff(at.max(map.view().clock()).as_unix_ms());
    hold.is_some_and(|hold| apart(hold.expires_at) <= RACE_MS)
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.elections += other.elections;
        self.leaders_with_majority += other.leaders_with_majority;
        self.leaders_with_minority += other.leaders_with_minority;
        self.snapshots_installed += other.snapshots_installed;
        self.expiry_races += other.expiry_races;
        self.changes_watched += other.changes_watched;
    }
}
