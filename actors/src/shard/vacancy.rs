//! Commands that come while the leadership moves: they wait for the new leader, a short time.
//!
//! Without it a caller who is sent away by a replica that knows no leader, or from the old leader to one
//! that has not been elected yet, tries again after a pause that is longer than the election.

use std::time::Duration;

use tokio::task::AbortHandle;

use super::{Shard, ShardMessage};
use crate::ask::Ask;
use crate::limits::MAX_VACANCY_MS;

/// Whether a shard waits for a leader.
#[derive(Default)]
pub(super) enum Vacancy {
    /// It has one, or has not been asked anything since it lost it.
    #[default]
    None,
    /// Commands wait. They count as commands in the mailbox, which bounds them.
    Waiting {
        /// The batches as they came, each with the time at which it came.
        batches: Vec<(Vec<Ask>, u64)>,
        /// Looks out for a leader.
        lookout: AbortHandle,
    },
    /// It has gone on for too long: commands are sent away.
    Over,
}

impl Shard {
    /// Takes commands in, or lets them wait for a leader.
    pub(super) fn receive(&mut self, asks: Vec<Ask>, since_ms: u64) {
        if self.leadership().is_settled() {
            self.end_vacancy(Vacancy::None);
            return self.admit(asks, since_ms);
        }
        if matches!(self.vacancy, Vacancy::None)
            && let Some(lookout) = self.look_out()
        {
            self.vacancy = Vacancy::Waiting { batches: Vec::new(), lookout };
        }
        match &mut self.vacancy {
            Vacancy::Waiting { batches, .. } => batches.push((asks, since_ms)),
            Vacancy::None | Vacancy::Over => self.admit(asks, since_ms),
        }
    }

    /// The leadership may have moved.
    pub(super) fn look_for_leader(&mut self) {
        if self.leadership().is_settled() {
            self.end_vacancy(Vacancy::None);
        }
    }

    /// Commands have waited for as long as they may.
    pub(super) fn stop_waiting(&mut self) {
        if matches!(self.vacancy, Vacancy::Waiting { .. }) {
            self.end_vacancy(Vacancy::Over);
        }
    }

    fn end_vacancy(&mut self, next: Vacancy) {
        let ended = std::mem::replace(&mut self.vacancy, next);
        if let Vacancy::Waiting { batches, lookout } = ended {
            lookout.abort();
            for (asks, since_ms) in batches {
                self.admit(asks, since_ms);
            }
        }
    }

    /// Tells this shard when its leadership may have moved, and when it has waited for long enough.
    fn look_out(&self) -> Option<AbortHandle> {
        let (log, actor) = (self.log.clone()?, self.myself.clone());
        let watch = async move {
            loop {
                // A change between the look and the wait is not missed.
                let moved = log.leadership_moves();
                if actor.cast(ShardMessage::LookForLeader).is_err() {
                    return;
                }
                moved.await;
            }
        };
        let actor = self.myself.clone();
        let lookout = tokio::spawn(async move {
            let longest = Duration::from_millis(MAX_VACANCY_MS);
            if tokio::time::timeout(longest, watch).await.is_err() {
                // A shard that has stopped waits for nothing.
                let _ = actor.cast(ShardMessage::StopWaiting);
            }
        });
        Some(lookout.abort_handle())
    }
}
