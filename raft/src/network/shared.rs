//! What a follower is known to share with the log of a new leader.
//!
//! openraft looks for the last entry that a follower shares by halving the log, one round trip after the
//! other, and each carries entries. Nearly always a follower has everything that was in the log when the
//! leader was elected: it is asked for that once, and what openraft asks next is known.

use std::time::Duration;

use tokio::time::Instant;

use crate::log_store::LogStore;
use crate::types::{AppendRequest, LogId, Vote};

/// What one follower shares.
#[derive(Debug)]
pub(super) struct Shared {
    /// See [`RaftConfig::shared_for`](crate::config::RaftConfig::shared_for).
    stands_for: Duration,
    /// The leadership in which it was asked.
    vote: Option<Vote>,
    /// What it answered.
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    last: LogId,
    asked: Instant,
}

impl Shared {
    /// Nothing is known. An answer stands for others for so long.
    pub(super) fn new(stands_for: Duration) -> Self {
        Self { stands_for, vote: None, known: None }
    }

    /// What to ask the follower before a request, if it has not been asked in this leadership: whether it
    /// has the last entry that is older than the leadership.
    pub(super) fn question(&mut self, request: &AppendRequest, log: &LogStore) -> Option<LogId> {
        let reaches = request.entries.last()?.log_id.index;
        if self.vote == Some(request.vote) {
            return None;
        }
        (self.vote, self.known) = (Some(request.vote), None);
        log.last_before(request.vote).filter(|last| last.index > reaches)
    }

    /// The follower has an entry, and so every one before it.
    pub(super) fn has(&mut self, last: LogId, asked: Instant) {
        self.known = Some(Known { last, asked });
    }

    /// The answer to a request that asks for nothing but what the follower is known to have.
    pub(super) fn answer(&self, request: &AppendRequest) -> Option<LogId> {
        let known = self.known.filter(|known| known.asked.elapsed() < self.stands_for)?;
        let last = request.entries.last()?.log_id;
        (self.vote == Some(request.vote) && last.index <= known.last.index).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use openraft::entry::RaftEntry as _;
    use openraft::storage::RaftLogStorageExt as _;

    use super::*;
    use crate::disk::MemDisk;
    use crate::types::{Entry, log_id};
    use crate::wal::{Options, Wal};

    const STANDS_FOR: Duration = Duration::from_millis(25);

    /// A log of entries 0 to 9 of node 1 in term 1, and 10 to 12 of node 2 in term 2.
    async fn log() -> LogStore {
        let opened = Wal::open(Arc::new(MemDisk::new()), Path::new("wal"), Options::default());
        let mut log = LogStore::new(opened.expect("a new log opens").0, 0);
        let (old, new) = (0..10, 10..13);
        let old = old.map(|index| Entry::new_blank(log_id(1, 1, index)));
        let new = new.map(|index| Entry::new_blank(log_id(2, 2, index)));
        log.blocking_append(old.chain(new)).await.expect("entries are appended");
        log
    }

    fn request(vote: Vote, entries: std::ops::Range<u64>) -> AppendRequest {
        let entries = entries.map(|index| Entry::new_blank(log_id(1, 1, index))).collect();
        AppendRequest { vote, prev_log_id: None, entries, leader_commit: None }
    }

    #[tokio::test]
    async fn a_follower_is_asked_once_in_a_leadership_for_what_is_older() {
        let (log, mut shared) = (log().await, Shared::new(STANDS_FOR));
        let vote = Vote::new_committed(2, 2);
        assert_eq!(shared.question(&request(vote, 0..0), &log), None, "a heartbeat");
        assert_eq!(shared.question(&request(vote, 4..6), &log), Some(log_id(1, 1, 9)));
        assert_eq!(shared.question(&request(vote, 4..6), &log), None, "it was asked");
        let later = Vote::new_committed(3, 1);
        assert_eq!(shared.question(&request(later, 4..6), &log), Some(log_id(2, 2, 12)));
        let reaches_the_end = request(Vote::new_committed(4, 1), 8..13);
        assert_eq!(shared.question(&reaches_the_end, &log), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_stands_for_what_it_covers_and_not_for_long() {
        let (log, mut shared) = (log().await, Shared::new(STANDS_FOR));
        let vote = Vote::new_committed(2, 2);
        let last = shared.question(&request(vote, 4..6), &log).expect("it is asked");
        assert_eq!(shared.answer(&request(vote, 4..6)), None, "nothing is known yet");
        shared.has(last, Instant::now());
        assert_eq!(shared.answer(&request(vote, 4..6)), Some(log_id(1, 1, 5)));
        assert_eq!(shared.answer(&request(vote, 8..10)), Some(log_id(1, 1, 9)));
        assert_eq!(shared.answer(&request(vote, 8..11)), None, "more than it was asked for");
        assert_eq!(shared.answer(&request(vote, 6..6)), None, "a heartbeat is sent");
        assert_eq!(shared.answer(&request(Vote::new_committed(3, 2), 4..6)), None);
        tokio::time::advance(STANDS_FOR).await;
        assert_eq!(shared.answer(&request(vote, 4..6)), None, "too long ago");
    }
}
