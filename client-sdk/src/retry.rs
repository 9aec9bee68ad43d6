//! The loop of a call: attempts at the leader until one is answered, within one deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proto::ids::ShardId;
use tokio::time::Instant;

use crate::attempt::{Attempts, Failure, Verdict};
use crate::backoff::Backoff;
use crate::budget::RetryBudget;
use crate::error::Error;
use crate::member::Member;
use crate::options::Options;
use crate::topology::{Route, Topology};

/// Times that one call follows a leader hint at once. More would be two nodes that point at each other.
const MAX_REDIRECTS: u32 = 4;

/// Numbers that are drawn evenly.
pub(crate) type Random = Box<dyn Fn() -> u64 + Send + Sync>;

/// What all clones of a client share.
pub struct Shared<N: Member> {
    pub(crate) options: Options,
    pub(crate) topology: Topology<N>,
    budget: RetryBudget,
    started: Instant,
    random: Random,
}

impl<N: Member> std::fmt::Debug for Shared<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<N: Member> Shared<N> {
    /// Knows the nodes at `endpoints` and no leader.
    pub fn new(
        endpoints: &[String],
        setting: N::Setting,
        options: Options,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        let ratio = options.retry_ratio;
        let budget = RetryBudget::new(ratio, options.retries_per_second, options.retry_burst);
        let topology = Topology::new(endpoints, setting)?;
        let (started, random) = (Instant::now(), Box::new(random));
        Ok(Arc::new(Self { options, topology, budget, started, random }))
    }

    /// The settings.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whom a request of `shard` is sent to; `turn` chooses where no leader is known.
    pub fn node_for(&self, shard: ShardId, turn: usize) -> Arc<N> {
        self.topology.route(shard, turn).node
    }

    fn now_ms(&self) -> u64 {
        1 + u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Attempts with the same request until one is answered. An attempt is told whether one before it may
    /// have been carried out.
    pub async fn attempts<T, F, R>(
        &self,
        shard: ShardId,
        deadline: Instant,
        mut attempt: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Arc<N>, bool) -> R,
        R: Future<Output = Result<T, Failure>>,
    {
        self.budget.deposit();
        let mut attempts = Attempts::default();
        let mut backoff = Backoff::new(self.options.backoff_base, self.options.backoff_cap);
        let (mut turn, mut redirects) = (usize::from((self.random)() as u16), 0);
        loop {
            let mut route = self.topology.route(shard, turn);
            turn += 1;
            let now = Instant::now();
            let allowed = self.pass_breaker(&mut route, turn, now);
            let (mut after, mut leader) = (Duration::ZERO, None);
            if allowed {
                match attempt(route.node.clone(), attempts.maybe_done()).await {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => match attempts.judge(failure) {
                        Verdict::Final(error) => return Err(error),
                        Verdict::Again { after: wait, leader: hint } => {
                            (after, leader) = (wait, hint);
                        }
                    },
                }
            }
            if leader.is_some_and(|hint| self.topology.learn(&hint)) && redirects < MAX_REDIRECTS {
                redirects += 1;
                continue;
            }
            let wait = after + backoff.next((self.random)());
            let mut rest = self.rest(&route, wait, deadline).await;
            // Whom the budget does not let pass waits for its turn, or for a new leader.
            while allowed && rest == Rest::Over && !self.budget.withdraw(self.now_ms()) {
                rest = self.rest(&route, backoff.next((self.random)()), deadline).await;
            }
            if rest == Rest::Deadline {
                return Err(attempts.give_up("the deadline passed"));
            }
        }
    }

    /// Whether the node of `route` may be asked. In place of one that is left alone another is asked, who
    /// may know a new leader.
    fn pass_breaker(&self, route: &mut Route<N>, turn: usize, now: Instant) -> bool {
        if route.node.health().allow(now.into_std()) {
            return true;
        }
        match self.topology.another(&route.node, turn) {
            Some(other) if other.health().allow(now.into_std()) => {
                route.node = other;
                true
            }
            _ => false,
        }
    }

    /// Waits before the next attempt, at most until the leader moves.
    async fn rest(&self, route: &Route<N>, wait: Duration, deadline: Instant) -> Rest {
        self.topology.stale.notify_one();
        let until = Instant::now() + wait;
        if until >= deadline {
            return Rest::Deadline;
        }
        tokio::select! {
            biased;
            () = self.topology.moved_since(route) => Rest::Moved,
            () = tokio::time::sleep_until(until) => Rest::Over,
        }
    }
}

/// How a wait before the next attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Its time is over: the next attempt is a retry, and costs one of the budget.
    Over,
    /// Another node leads: the next attempt is the first there, and costs nothing.
    Moved,
    /// It would last beyond the deadline.
    Deadline,
}
