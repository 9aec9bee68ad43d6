//! Where answers of shards land: one waiting call, or a whole stream.

use std::sync::Arc;

use actors::ask::{Answer, AnswerSink};
use parking_lot::Mutex;
use proto::ids::ShardId;
use proto::pb::{self, Problem, pipeline_reply::Reply};
use tokio::sync::{Notify, oneshot};

use super::line::Followed;
use crate::shards::Shards;
use crate::wire::{self, Origin};

/// Takes the one answer of a unary call.
pub(super) struct One(Mutex<Option<oneshot::Sender<Answer>>>);

impl One {
    pub(super) fn new() -> (Arc<Self>, oneshot::Receiver<Answer>) {
        let (sender, answer) = oneshot::channel();
        (Arc::new(Self(Mutex::new(Some(sender)))), answer)
    }
}

impl AnswerSink for One {
    fn answer(&self, _tag: u32, answer: Answer) {
        if let Some(sender) = self.0.lock().take() {
            // A caller that has gone does not want its answer any more.
            let _ = sender.send(answer);
        }
    }
}

/// Gathers the answers of one shard to one stream until the stream's writer takes them.
pub(super) struct Gathering {
    shard: ShardId,
    queue: Arc<Queue>,
}

/// The answers of a stream, of all shards. Bounded by the window of the stream: a command is only let in
/// while there is room for its answer.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Vec<(ShardId, u32, Answer)>>,
    filled: Notify,
    pub(super) followed: Followed,
}

impl Queue {
    pub(super) fn sink(self: &Arc<Self>, shard: ShardId) -> Arc<Gathering> {
        Arc::new(Gathering { shard, queue: Arc::clone(self) })
    }

    /// All answers there are, as soon as there is one, or none as soon as one is lost.
    pub(super) async fn take(&self) -> Vec<(ShardId, u32, Answer)> {
        let taken = std::mem::take(&mut *self.waiting.lock());
        if !taken.is_empty() {
            return taken;
        }
        self.filled.notified().await;
        std::mem::take(&mut *self.waiting.lock())
    }

    /// An answer that was waited for will not come.
    pub(super) fn lost(&self) {
        self.filled.notify_one();
    }
}

impl AnswerSink for Gathering {
    fn answer(&self, tag: u32, answer: Answer) {
        let first = {
            let mut waiting = self.queue.waiting.lock();
            waiting.push((self.shard, tag, answer));
            waiting.len() == 1
        };
        if first {
            self.queue.filled.notify_one();
        }
    }
}

/// An answer on the wire. `verbose`: with a sentence also where programs do not need one.
pub(super) fn encode(shards: &Shards, shard: ShardId, answer: Answer, verbose: bool) -> Reply {
    match answer {
        Answer::Decided { outcome: Ok(reply), position, layout } => {
            wire::reply(&reply, Origin { shard, position }, layout.as_deref())
        }
        Answer::Decided { outcome: Err(refusal), position, layout } => {
            let problem = wire::refusal_problem(&refusal, layout.as_deref(), verbose);
            let position = Some(Origin { shard, position }.wire());
            Reply::Problem(Box::new(Problem { position, ..problem }))
        }
        Answer::Failed(failure) => {
            let problem = wire::failure_problem(failure, |leader| shards.hint(shard, leader));
            Reply::Problem(Box::new(problem))
        }
    }
}

/// A reply of a pipeline.
pub(super) fn tagged(tag: u32, reply: Reply) -> pb::PipelineReply {
    pb::PipelineReply { tag, reply: Some(reply) }
}
