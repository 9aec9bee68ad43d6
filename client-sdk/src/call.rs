//! A call: attempts at the leader until one is answered, within one deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::ids::ShardId;
use proto::pb::pipeline_command::Command;
use proto::pb::pipeline_reply::Reply;

use crate::attempt::{Attempts, Failure, Verdict, too_large};
use crate::backoff::Backoff;
use crate::budget::RetryBudget;
use crate::error::Error;
use crate::node::Node;
use crate::options::Options;
use crate::pipeline::{Lost, NotTaken};
use crate::topology::{Route, Topology};

/// Times that one call follows a leader hint at once. More would be two nodes that point at each other.
const MAX_REDIRECTS: u32 = 4;

/// What all clones of a client share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) topology: Topology,
    pub(crate) budget: RetryBudget,
    pub(crate) started: Instant,
}

impl Shared {
    fn now_ms(&self) -> u64 {
        1 + u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Sends a command to the leader of `shard` until it is answered or the deadline has passed.
    pub(crate) async fn execute(&self, shard: ShardId, command: &Command) -> Result<Reply, Error> {
        let deadline = Instant::now() + self.options.deadline;
        let patience = self.options.attempt_timeout;
        let attempt =
            |node, resent| send(node, command, resent, deadline.min(Instant::now() + patience));
        self.attempts(shard, deadline, attempt).await
    }

    /// Makes a call that is not pipelined at the leader of `shard`. The call is told how long an attempt
    /// may take, and sends that along.
    pub(crate) async fn unary<T, F, R>(&self, shard: ShardId, call: F) -> Result<T, Error>
    where
        F: FnMut(Arc<Node>, Duration) -> R,
        R: Future<Output = Result<T, tonic::Status>>,
    {
        self.unary_within(self.options.attempt_timeout, shard, call).await
    }

    /// The same with attempts that may take longer than usual.
    pub(crate) async fn unary_within<T, F, R>(
        &self,
        patience: Duration,
        shard: ShardId,
        mut call: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Arc<Node>, Duration) -> R,
        R: Future<Output = Result<T, tonic::Status>>,
    {
        let deadline = Instant::now() + self.options.deadline;
        let attempt = |node: Arc<Node>, _| {
            let until = deadline.min(Instant::now() + patience);
            let left = until.saturating_duration_since(Instant::now());
            bounded(call(node.clone(), left), node, until)
        };
        self.attempts(shard, deadline, attempt).await
    }

    /// Attempts with the same request until one is answered. An attempt is told whether one before it may
    /// have been carried out.
    pub(crate) async fn attempts<T, F, R>(
        &self,
        shard: ShardId,
        deadline: Instant,
        mut attempt: F,
    ) -> Result<T, Error>
    where
        F: FnMut(Arc<Node>, bool) -> R,
        R: Future<Output = Result<T, Failure>>,
    {
        self.budget.deposit();
        let mut attempts = Attempts::default();
        let mut backoff = Backoff::new(self.options.backoff_base, self.options.backoff_cap);
        let (mut turn, mut redirects) = (rand::random::<u16>() as usize, 0);
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
            let wait = after + backoff.next(rand::random());
            let mut rest = self.rest(&route, wait, deadline).await;
            // Whom the budget does not let pass waits for its turn, or for a new leader.
            while allowed && rest == Rest::Over && !self.budget.withdraw(self.now_ms()) {
                rest = self.rest(&route, backoff.next(rand::random()), deadline).await;
            }
            if rest == Rest::Deadline {
                return Err(attempts.give_up("the deadline passed"));
            }
        }
    }

    /// Whether the node of `route` may be asked. In place of one that is left alone another is asked, who
    /// may know a new leader.
    fn pass_breaker(&self, route: &mut Route, turn: usize, now: Instant) -> bool {
        if route.node.health.allow(now) {
            return true;
        }
        match self.topology.another(&route.node, turn) {
            Some(other) if other.health.allow(now) => {
                route.node = other;
                true
            }
            _ => false,
        }
    }

    /// Waits before the next attempt, at most until the leader moves.
    async fn rest(&self, route: &Route, wait: Duration, deadline: Instant) -> Rest {
        self.topology.stale.notify_one();
        let until = Instant::now() + wait;
        if until >= deadline {
            return Rest::Deadline;
        }
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => Rest::Over,
            () = self.topology.moved_since(route) => Rest::Moved,
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

/// One attempt over a pipeline.
async fn send(
    node: Arc<Node>,
    command: &Command,
    resent: bool,
    until: Instant,
) -> Result<Reply, Failure> {
    let pending = loop {
        let pipe = node.pipe();
        match pipe.submit(command, resent, until) {
            Ok(pending) => break pending,
            Err(NotTaken::TooLarge { bytes }) => return Err(too_large(bytes).into()),
            Err(NotTaken::Full) => {
                let room = tokio::time::timeout_at(until.into(), pipe.room());
                room.await.map_err(|_| Failure::Lost(Lost::NotSent))?;
            }
        }
    };
    match pending.await {
        Ok(Reply::Problem(problem)) => Err(problem.into()),
        Ok(reply) => Ok(reply),
        Err(lost) => Err(Failure::Lost(lost)),
    }
}

/// A request that tells its node how long it may take.
pub(crate) fn timed<T>(message: T, patience: Duration) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(patience);
    request
}

/// One attempt of any other call, within its time; the node's health learns from it.
async fn bounded<T>(
    call: impl Future<Output = Result<T, tonic::Status>>,
    node: Arc<Node>,
    until: Instant,
) -> Result<T, Failure> {
    let failure = match tokio::time::timeout_at(until.into(), call).await {
        Ok(Ok(answer)) => {
            if node.health.is_troubled() {
                node.health.success();
            }
            return Ok(answer);
        }
        Ok(Err(status)) => Failure::from(status),
        Err(_) => Failure::Lost(Lost::TimedOut),
    };
    if matches!(failure, Failure::Lost(_)) {
        node.health.failure(Instant::now());
    }
    Err(failure)
}
