//! Many commands in flight from one task, at the least cost for each.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proto::code::{Retry, meaning};
use proto::ids::ShardId;
use proto::pb::pipeline_reply::Reply;

use crate::attempt::{held_back, too_large};
use crate::call::Shared;
use crate::line;
pub use crate::pipeline::{Completion, Lost, Sendable};
use crate::pipeline::{LaneQueue, NotTaken};

/// A lane puts commands straight on the pipelines and collects the answers in one queue: for load
/// generators, importers and gateways that keep thousands of commands in flight.
///
/// A lane does not retry. [`Completion::advice`] says whether the same command, with the same id, may be
/// submitted again. Commands are borrowed: keep them, and submit them as often as it takes.
#[derive(Debug)]
pub struct Lane {
    shared: Arc<Shared>,
    queue: Arc<LaneQueue>,
    number: usize,
    in_flight: usize,
}

/// What follows from an answer of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The answer is final: a success or a refusal.
    Final,
    /// Submit the same command again, not before this time has passed. `maybe_done`: the command may have
    /// been carried out, and only an answer to the same id will tell.
    Again {
        /// How long to wait.
        after: Duration,
        /// Whether it may have been carried out.
        maybe_done: bool,
    },
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { shared, queue: Arc::default(), number, in_flight: 0 }
    }

    /// Commands whose answers have not been taken yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Puts a command on a pipeline of the shard's leader; `token` comes back with the answer. Waits for
    /// room when the pipeline's window is full.
    pub async fn submit<'a>(
        &mut self,
        shard: ShardId,
        command: impl Into<Sendable<'a>>,
        token: u64,
    ) {
        let command = command.into();
        while !self.try_submit(shard, command, token) {
            let route = self.shared.topology.route(shard, self.number);
            route.node.pipe_of(self.number).room().await;
        }
    }

    /// Puts a command on a pipeline of the shard's leader; false when its window is full.
    #[must_use]
    pub fn try_submit<'a>(
        &mut self,
        shard: ShardId,
        command: impl Into<Sendable<'a>>,
        token: u64,
    ) -> bool {
        let command = command.into();
        let route = self.shared.topology.route(shard, self.number + self.in_flight);
        let patience = self.shared.options.attempt_timeout;
        let pipe = route.node.pipe_of(self.number);
        line::offered(shard, command);
        match pipe.submit_to_lane(command, patience, &self.queue, token) {
            Ok(()) => {
                self.in_flight += 1;
                true
            }
            Err(NotTaken::Full) => false,
            Err(NotTaken::TooLarge { bytes }) => {
                self.in_flight += 1;
                self.queue.refuse(token, too_large(bytes));
                true
            }
            Err(NotTaken::HeldBack) => {
                self.in_flight += 1;
                self.queue.refuse(token, held_back());
                true
            }
        }
    }

    /// Adds the answers that have come to `into`, after waiting for at least one. Returns at once when
    /// nothing is in flight.
    pub async fn completed(&mut self, into: &mut Vec<Completion>) {
        if self.in_flight == 0 {
            return;
        }
        // What is refused without being sent is answered at once: whoever asks again and again would never
        // let the connections have their turn.
        tokio::task::consume_budget().await;
        let before = into.len();
        poll_fn(|cx| self.queue.poll_drain(into, cx)).await;
        self.note(&into[before..]);
    }

    /// Adds the answers that are there to `into`, without waiting.
    pub fn completed_now(&mut self, into: &mut Vec<Completion>) {
        let before = into.len();
        self.queue.drain(into);
        self.note(&into[before..]);
    }

    /// Counts answers, and learns from those that say who leads.
    fn note(&mut self, completions: &[Completion]) {
        self.in_flight -= completions.len();
        for completion in completions {
            match &completion.outcome {
                Ok(Reply::Problem(problem)) => {
                    if let Some(leader) = &problem.leader {
                        self.shared.topology.learn(leader);
                    } else if meaning(problem.code()).retry == Retry::SameId {
                        self.shared.topology.stale.notify_one();
                    }
                }
                Ok(_) => {}
                Err(_) => self.shared.topology.stale.notify_one(),
            }
        }
    }
}

impl Completion {
    /// Whether the answer is final, or the command should be submitted again.
    #[must_use]
    pub fn advice(&self) -> Advice {
        /// A lost connection takes about so long to come back.
        const PAUSE: Duration = Duration::from_millis(20);
        match &self.outcome {
            Ok(Reply::Problem(problem)) => {
                let row = meaning(problem.code());
                if row.retry != Retry::SameId {
                    return Advice::Final;
                }
                let asked = Duration::from_millis(problem.retry_after_ms);
                let after = if problem.leader.is_some() { asked } else { asked.max(PAUSE) };
                use proto::pb::Code;
                let maybe_done = matches!(row.code, Code::UnknownOutcome | Code::DeadlineExceeded);
                Advice::Again { after, maybe_done }
            }
            Ok(_) => Advice::Final,
            Err(lost) => Advice::Again { after: PAUSE, maybe_done: *lost != Lost::NotSent },
        }
    }
}
