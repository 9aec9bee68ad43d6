//! Where answers of shards land: one waiting call, or a whole stream.

use std::sync::Arc;

use actors::ask::{Answer, AnswerSink};
use actors::seat_map::Refusal;
use parking_lot::Mutex;
use proto::ids::ShardId;
use proto::pb::{self, Problem, pipeline_reply::Reply};
use proto::replies::ReplyWriter;
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

/// A shard's answer, and the tag of what was asked.
type Tagged = (ShardId, u32, Answer);

/// The answers of a stream, of all shards. Bounded by the window of the stream: a command is only let in
/// while there is room for its answer.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Vec<Tagged>>,
    filled: Notify,
    pub(super) followed: Followed,
}

impl Queue {
    pub(super) fn sink(self: &Arc<Self>, shard: ShardId) -> Arc<Gathering> {
        Arc::new(Gathering { shard, queue: Arc::clone(self) })
    }

    /// All answers there are, as soon as there is one, or none as soon as one is lost.
    pub(super) async fn take(&self) -> Vec<Tagged> {
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

/// Writes the answer of a shard to the command with a tag as a reply of a pipeline.
pub(super) fn put(into: &mut ReplyWriter, shards: &Shards, (shard, tag, answer): Tagged) {
    if let Answer::Decided { outcome: Err(Refusal::SeatsTaken(taken)), position, layout } = &answer
    {
        let origin = Origin { shard, position: *position };
        return wire::put_taken(into, tag, taken, layout.as_deref(), origin);
    }
    into.push(&tagged(tag, encode(shards, shard, answer, false)));
}

/// A reply of a pipeline.
pub(super) fn tagged(tag: u32, reply: Reply) -> pb::PipelineReply {
    pb::PipelineReply { tag, reply: Some(reply) }
}

#[cfg(test)]
mod tests {
    use actors::ids::{LogIndex, LogPosition, Timestamp};
    use actors::seat_map::{
        Blocking, Class, Few, Layout, LayoutSpec, SeatSpec, Taken, ZoneKind, ZoneSpec,
    };
    use proto::ids::{Legs, SeatNo, ZoneNo};

    use super::*;

    /// Three seats.
    fn layout() -> Arc<Layout> {
        let seat = |name: &str| SeatSpec {
            name: name.into(),
            zone: ZoneNo::new(0),
            deck: 0,
            attributes: Default::default(),
        };
        let spec = LayoutSpec {
            zones: vec![ZoneSpec { name: "seats".into(), kind: ZoneKind::Numbered }],
            seats: ["1A", "1B", "1C"].map(seat).to_vec(),
            rows: vec![(0..3).map(|n| Some(SeatNo::new(n))).collect()],
        };
        Arc::new(Layout::new(spec).expect("a layout"))
    }

    /// With and without names: the layout has fewer seats than are told.
    #[test]
    fn taken_seats_that_are_written_in_place_are_the_problem() {
        let shards = Shards::new(1, Vec::new(), Default::default());
        let blocking = |seat, state| Blocking {
            seat: SeatNo::new(seat),
            legs: Legs::new(1, 3).expect("legs"),
            state,
        };
        let classes = [Class::Held, Class::Paying, Class::Sold, Class::Blocked];
        let many = || (0..).zip(classes).map(|(seat, class)| blocking(seat, class));
        let seats: Vec<SeatNo> = (0..4).map(SeatNo::new).collect();
        let taken = [
            Taken {
                blocking: Few::one(blocking(1, Class::Sold)),
                retry_at: None,
                alternatives: Few::new(),
            },
            Taken {
                blocking: many().collect(),
                retry_at: Some(Timestamp::from_unix_ms(1_790_000_000_000)),
                alternatives: seats.as_slice().into(),
            },
        ];
        for layout in [None, Some(layout())] {
            for taken in &taken {
                let answer = Answer::Decided {
                    outcome: Err(Refusal::SeatsTaken(taken.clone())),
                    position: LogPosition::new(LogIndex::new(7), 3),
                    layout: layout.clone(),
                };
                let shard = ShardId::new(2);
                let (mut in_place, mut whole) = (ReplyWriter::default(), ReplyWriter::default());
                put(&mut in_place, &shards, (shard, 300, answer.clone()));
                whole.push(&tagged(300, encode(&shards, shard, answer, false)));
                assert_eq!(in_place.finish(), whole.finish());
            }
        }
    }
}
