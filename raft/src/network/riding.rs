//! Commit indexes that ride with the entries that follow them.
//!
//! openraft tells a follower in a request of its own that what it has is committed, as soon as it is. Where
//! entries follow each other, the next request says so, too: half of all requests and answers need not be
//! sent. So such a request waits a little for the next one. A follower applies an entry so much later when no
//! other follows; nobody waits for that.
//!
//! openraft may take an answer to an earlier request for a sign that the follower has heard this one at the
//! time when it was made. So it waits no longer than leases are shortened for the like:
//! [`RaftConfig::shared_for`](crate::config::RaftConfig::shared_for).

use std::time::Duration;

use tokio::time::Instant;

use crate::types::{AppendRequest, LogId, Vote};

/// How long a follower may not hear that what it has is committed, at most.
const MAX_WAIT: Duration = Duration::from_millis(5);

/// What a session has sent, and what waits in it.
#[derive(Debug)]
pub(super) struct Riding {
    wait: Duration,
    /// In which leadership, and what the follower has after that.
    sent: Option<(Vote, Option<LogId>)>,
    /// A request that waits, and for how long.
    held: Option<(AppendRequest, Instant)>,
}

impl Riding {
    /// Nothing is sent yet. No request waits longer than this.
    pub(super) fn new(at_most: Duration) -> Self {
        Self { wait: MAX_WAIT.min(at_most), sent: None, held: None }
    }

    /// A request that openraft makes, if it is to be sent at once. What waits is not sent any more then: this
    /// one says the same and more.
    pub(super) fn pass(&mut self, request: AppendRequest) -> Option<AppendRequest> {
        let has = request.entries.last().map(|entry| entry.log_id).or(request.prev_log_id);
        let sent = self.sent.replace((request.vote, has));
        let until = self.held.take().map(|(_, until)| until);
        // The first request of a session is also a question: whether the follower has what comes before.
        if request.entries.is_empty() && sent == self.sent {
            self.held = Some((request, until.unwrap_or_else(|| Instant::now() + self.wait)));
            return None;
        }
        Some(request)
    }

    /// Until when a request waits.
    pub(super) fn until(&self) -> Option<Instant> {
        self.held.as_ref().map(|(_, until)| *until)
    }

    /// The request that waits.
    pub(super) fn take(&mut self) -> Option<AppendRequest> {
        self.held.take().map(|(request, _)| request)
    }
}

#[cfg(test)]
mod tests {
    use openraft::entry::RaftEntry as _;

    use super::*;
    use crate::types::{Entry, log_id};

    fn request(vote: Vote, prev: u64, entries: u64, commit: u64) -> AppendRequest {
        let id = |index| log_id(1, 1, index);
        let entries = (prev + 1..=prev + entries).map(|index| Entry::new_blank(id(index)));
        let (prev_log_id, leader_commit) = (Some(id(prev)), Some(id(commit)));
        AppendRequest { vote, prev_log_id, entries: entries.collect(), leader_commit }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_says_nothing_but_what_is_committed_waits() {
        let (mut riding, vote) = (Riding::new(Duration::MAX), Vote::new_committed(1, 1));
        assert!(riding.pass(request(vote, 4, 0, 4)).is_some(), "it asks whether 4 is there");
        assert!(riding.pass(request(vote, 4, 2, 4)).is_some());
        assert!(riding.pass(request(vote, 6, 0, 5)).is_none());
        let until = riding.until().expect("it waits");
        tokio::time::advance(MAX_WAIT / 2).await;
        assert!(riding.pass(request(vote, 6, 0, 6)).is_none());
        assert_eq!(riding.until(), Some(until), "no longer than the first");
        assert!(riding.pass(request(vote, 6, 1, 6)).is_some());
        assert_eq!(riding.until(), None, "it rode");
        assert!(riding.pass(request(vote, 3, 0, 6)).is_some(), "it asks for something else");
        assert!(riding.pass(request(Vote::new_committed(2, 1), 3, 0, 6)).is_some());
        assert!(riding.pass(request(Vote::new_committed(2, 1), 3, 0, 7)).is_none());
        let held = riding.take().and_then(|held| held.leader_commit);
        assert_eq!((held, riding.until()), (Some(log_id(1, 1, 7)), None));
        assert_eq!(Riding::new(MAX_WAIT / 2).wait, MAX_WAIT / 2);
    }
}
