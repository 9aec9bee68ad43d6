//! A leader that no quorum confirms falls silent.
//!
//! A leader that is heard and hears nothing, for the way back is cut, would keep its followers from electing
//! another for as long as they hear its heartbeats, and could commit nothing meanwhile. So it holds its
//! heartbeats back, and the others elect one of them. It speaks again when it is confirmed, or leads anew.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::group::{Replica, ShardLog as _};
use crate::machine::Machine;

/// A leader is unconfirmed for so many of the longest election timeouts before it falls silent: a stall of
/// a disk or of a machine is shorter.
const PATIENCE: u32 = 4;

/// Looks after a replica until it stops. `election_timeout`: the longest.
pub(crate) async fn keep_silent_without_quorum<M: Machine>(
    replica: Replica<M>,
    election_timeout: Duration,
) {
    let mut unconfirmed_since = None;
    let mut silent = false;
    while !replica.has_stopped() {
        let leadership = replica.leadership();
        let unheard = leadership.leads && !leadership.confirmed;
        unconfirmed_since = unheard.then(|| unconfirmed_since.unwrap_or_else(Instant::now));
        let too_long = |since: Instant| since.elapsed() >= election_timeout * PATIENCE;
        let now_silent = unconfirmed_since.is_some_and(too_long);
        if now_silent != silent {
            silent = now_silent;
            if silent {
                warn!(shard = replica.group(), "no quorum is heard: this leader falls silent");
            }
            replica.speak(!silent);
        }
        tokio::time::sleep(election_timeout).await;
    }
}
