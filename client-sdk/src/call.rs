//! What an attempt is: a command over a pipeline, or a call of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proto::ids::ShardId;
use proto::pb::pipeline_command::Command;
use proto::pb::pipeline_reply::Reply;
use tokio::time::Instant;

use crate::attempt::{Failure, held_back, too_large};
use crate::error::Error;
use crate::node::Node;
use crate::pipeline::{Lost, NotTaken};
use crate::retry;

/// What all clones of a client share.
pub(crate) type Shared = retry::Shared<Node>;

impl Shared {
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
        match pipe.submit(command, resent, until.into_std()) {
            Ok(pending) => break pending,
            Err(NotTaken::TooLarge { bytes }) => return Err(too_large(bytes).into()),
            Err(NotTaken::HeldBack) => return Err(held_back().into()),
            Err(NotTaken::Full) => {
                let room = tokio::time::timeout_at(until, pipe.room());
                room.await.map_err(|_| Failure::Lost(Lost::NotSent))?;
            }
        }
    };
    match pending.await {
        Ok(Reply::Problem(problem)) => Err((*problem).into()),
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
    let failure = match tokio::time::timeout_at(until, call).await {
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
        node.health.failure(Instant::now().into_std());
    }
    Err(failure)
}
