//! The pipeline: many commands of many callers over one stream, answers in any order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use actors::ask::{Answer, AnswerSink, Ask, Failure, NEVER, Waiter};
use actors::clock::Clock;
use actors::limits::OVERLOAD_RETRY_MS;
use actors::line::is_followed;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use proto::codec::unreadable;
use proto::ids::ShardId;
use proto::limits::PIPELINE_WINDOW;
use proto::pb::{self, Code, Problem, pipeline_reply::Reply};
use proto::pipeline::{Commands, Replies};
use proto::replies::ReplyWriter;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};
use tracing::debug;

use super::answers::{Gathering, Queue, put, tagged};
use super::line;
use crate::faults::{Faults, Late, Met, overloaded};
use crate::shards::Shards;
use crate::status::{NodeState, closed};
use crate::traffic::{OpenPipeline, Timed, Traffic};
use crate::wire::Incoming;

/// Answers in one message, at most.
const MAX_REPLIES_PER_MESSAGE: usize = 2_048;

/// Messages whose refusals wait for the writer. One message may be nothing but refusals: a client that
/// reads none of them must not be able to pile them up.
const REFUSALS_QUEUED: usize = 1;

/// What the client sends, until the node closes.
type Inbound = BoxStream<'static, Result<Commands, Status>>;

/// What the writer sends next.
type Outbound = BoxStream<'static, Result<Replies, Status>>;

/// Serves one stream: a task reads it, the returned stream writes it.
pub(super) fn serve(node: &NodeState, requests: Streaming<Commands>) -> Outbound {
    let shards = node.shards.clone();
    let queue = Arc::new(Queue::default());
    let in_flight = Arc::new(Window::default());
    let (refusals, refused) = mpsc::channel(REFUSALS_QUEUED);
    let reader = Reader {
        sinks: (0..shards.count()).map(|n| queue.sink(shard_id(n))).collect(),
        queue: Arc::clone(&queue),
        shards: shards.clone(),
        in_flight: Arc::clone(&in_flight),
        refusals,
        traffic: Arc::clone(&node.traffic),
        clock: Arc::clone(&node.clock),
        faults: Arc::clone(&node.faults),
    };
    let requests = requests.take_until(closed(node.closing.clone())).boxed();
    tokio::spawn(reader.run(requests));
    let ready = VecDeque::new();
    let _pipeline = node.traffic.pipeline();
    let broken = None;
    let writer = Writer { shards, queue, in_flight, refused, open: true, broken, ready, _pipeline };
    futures::stream::unfold(writer, |mut writer| async move {
        writer.next().await.map(|message| (message, writer))
    })
    .boxed()
}

fn shard_id(number: usize) -> ShardId {
    ShardId::new(u32::try_from(number).expect("shards are bounded by the config"))
}

/// Commands of a stream that wait for their answers: never more than [`PIPELINE_WINDOW`].
#[derive(Default)]
struct Window(AtomicUsize);

impl Window {
    /// Lets a command in, if there is room.
    fn enter(&self) -> bool {
        let room = self.0.fetch_add(1, Ordering::Relaxed) < PIPELINE_WINDOW;
        if !room {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
        room
    }

    fn leave(&self, commands: usize) {
        self.0.fetch_sub(commands, Ordering::AcqRel);
    }

    fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

struct Reader {
    shards: Shards,
    sinks: Vec<Arc<Gathering>>,
    queue: Arc<Queue>,
    in_flight: Arc<Window>,
    refusals: mpsc::Sender<Refused>,
    traffic: Arc<Traffic>,
    clock: Arc<dyn Clock>,
    faults: Arc<Faults>,
}

/// Refusals of commands, or why the rest of the stream cannot be read.
type Refused = Result<Vec<pb::PipelineReply>, Status>;

impl Reader {
    async fn run(self, mut requests: Inbound) {
        while let Some(request) = requests.next().await {
            let refused = request.and_then(|commands| self.admit(commands));
            if let Err(status) = &refused {
                debug!(%status, "a pipeline ended");
            }
            let last = refused.is_err();
            let nothing = refused.as_ref().is_ok_and(Vec::is_empty);
            if !nothing && self.refusals.send(refused).await.is_err() || last {
                return;
            }
        }
    }

    /// Hands commands to their shards; gives the answers to those that went nowhere. Of a message that cannot
    /// be read to its end none is carried out.
    fn admit(&self, commands: Commands) -> Refused {
        let followed = is_followed();
        let now_ms = self.clock.monotonic_ms();
        // The first command of a message is the sample of how long answers take.
        let mut sample = Some(Instant::now());
        let mut refused = Vec::new();
        let mut by_shard: BTreeMap<ShardId, Vec<Ask>> = BTreeMap::new();
        // No more than the window are let in.
        let usual = commands.usual_count().min(PIPELINE_WINDOW) / self.shards.count().max(1);
        for command in commands.pieces() {
            let command = command.and_then(Incoming::read).map_err(|error| {
                self.in_flight.leave(by_shard.values().map(Vec::len).sum());
                unreadable(&error).into_status()
            })?;
            let (tag, timeout_ms) = (command.tag, command.timeout_ms);
            match self.ask(command, followed, &mut sample) {
                Ok((shard, mut ask)) => {
                    if timeout_ms > 0 {
                        ask.wanted_until_ms = now_ms.saturating_add(timeout_ms.into());
                    }
                    let asks = by_shard.entry(shard);
                    asks.or_insert_with(|| Vec::with_capacity(usual)).push(ask);
                }
                Err(problem) => refused.push(tagged(tag, Reply::Problem(problem.into()))),
            }
        }
        for (shard, asks) in by_shard {
            if let Some(shard) = self.shards.get(shard.get()) {
                shard.handle.admit(asks);
            }
        }
        Ok(refused)
    }

    fn ask(
        &self,
        command: Incoming,
        followed: bool,
        sample: &mut Option<Instant>,
    ) -> Result<(ShardId, Ask), Problem> {
        let routed = command.routed?;
        let hold = if followed { line::arrived(&routed) } else { None };
        let met = self.faults.meet(&routed);
        if met == Some(Met::Overloaded) {
            return Err(overloaded());
        }
        if !self.in_flight.enter() {
            self.traffic.window_refused();
            if let Some(hold) = hold {
                line::replied(hold, Failure::Overloaded.code());
            }
            return Err(Problem {
                retry_after_ms: OVERLOAD_RETRY_MS,
                ..Problem::new(
                    Code::Overloaded,
                    format!("{PIPELINE_WINDOW} commands of this stream wait for their answers"),
                )
            });
        }
        let shard = self.shards.of(&routed.trip).handle.shard();
        if let Some(hold) = hold {
            line::routed(hold, &routed, shard);
            self.queue.followed.add(command.tag, hold);
        }
        let sink = Arc::clone(&self.sinks[shard.get() as usize]);
        let sink: Arc<dyn AnswerSink> = match sample.take() {
            Some(since) => Arc::new(Timed { sink, since, traffic: Arc::clone(&self.traffic) }),
            None => sink,
        };
        let sink = match met {
            None | Some(Met::Overloaded) => sink,
            Some(Met::Late(by)) => Arc::new(Late { sink, by }),
            Some(Met::Lost) => Arc::new(Lost {
                in_flight: Arc::clone(&self.in_flight),
                queue: Arc::clone(&self.queue),
            }),
        };
        let waiter = Waiter { sink, tag: command.tag };
        let ask = Ask {
            trip: routed.trip,
            command: routed.command,
            waiter,
            resent: command.resent,
            wanted_until_ms: NEVER,
        };
        Ok((shard, ask))
    }
}

/// Where answers go that a fault loses. They are waited for no more.
struct Lost {
    in_flight: Arc<Window>,
    queue: Arc<Queue>,
}

impl AnswerSink for Lost {
    fn answer(&self, _tag: u32, _answer: Answer) {
        self.in_flight.leave(1);
        self.queue.lost();
    }
}

struct Writer {
    shards: Shards,
    queue: Arc<Queue>,
    in_flight: Arc<Window>,
    refused: mpsc::Receiver<Refused>,
    /// The reader still reads.
    open: bool,
    /// Why it does not, when the client's message was at fault: the last word of the stream.
    broken: Option<Status>,
    /// Messages that are ready, the first one first.
    ready: VecDeque<Replies>,
    _pipeline: OpenPipeline,
}

impl Writer {
    /// The next message. The stream ends once the client has stopped sending and has all its answers.
    async fn next(&mut self) -> Option<Result<Replies, Status>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(Ok(message));
            }
            if !self.open && self.in_flight.is_empty() {
                return self.broken.take().map(Err);
            }
            tokio::select! {
                answers = self.queue.take() => {
                    self.in_flight.leave(answers.len());
                    if is_followed() {
                        self.queue.followed.replied(&answers);
                    }
                    self.ready = messages(answers, |into, one| put(into, &self.shards, one));
                }
                refused = self.refused.recv(), if self.open => match refused {
                    Some(Ok(replies)) => self.ready = messages(replies, |into, one| into.push(&one)),
                    Some(Err(status)) => self.broken = Some(status),
                    None => self.open = false,
                },
            }
        }
    }
}

/// Writes replies into messages of at most [`MAX_REPLIES_PER_MESSAGE`].
fn messages<T>(all: Vec<T>, mut put: impl FnMut(&mut ReplyWriter, T)) -> VecDeque<Replies> {
    let (mut all, mut writer, mut messages) =
        (all.into_iter(), ReplyWriter::default(), VecDeque::new());
    while all.len() > 0 {
        writer.reserve(all.len().min(MAX_REPLIES_PER_MESSAGE));
        all.by_ref().take(MAX_REPLIES_PER_MESSAGE).for_each(|one| put(&mut writer, one));
        messages.push_back(writer.finish());
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use futures::FutureExt as _;

    #[test]
    fn no_more_commands_wait_than_the_window_has_room_for() {
        let window = Window::default();
        let enter = || (0..PIPELINE_WINDOW).filter(|_| window.enter()).count();
        let entered: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(enter)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(entered <= PIPELINE_WINDOW, "{entered}");
        while window.enter() {}
        window.leave(3);
        assert_eq!((0..10).filter(|_| window.enter()).count(), 3);
        window.leave(PIPELINE_WINDOW);
        assert!(window.is_empty());
    }

    #[test]
    fn a_client_that_reads_no_refusals_is_not_read_any_further() {
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        // Without end: commands that need no shard to be refused.
        let requests = futures::stream::repeat_with(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(vec![pb::PipelineCommand::default(); 100].into_iter().collect())
        });
        let (refusals, mut refused) = mpsc::channel(REFUSALS_QUEUED);
        let reader = Reader {
            shards: Shards::new(1, Vec::new(), Default::default()),
            sinks: Vec::new(),
            queue: Arc::default(),
            in_flight: Arc::default(),
            refusals,
            traffic: Arc::default(),
            clock: Arc::new(SystemClock::start()),
            faults: Arc::default(),
        };
        let mut reading = std::pin::pin!(reader.run(requests.boxed()));
        assert!(reading.as_mut().now_or_never().is_none());
        assert_eq!(read.load(Ordering::Relaxed), REFUSALS_QUEUED + 1);
        // Each message of refusals that is read lets one more in.
        assert_eq!(refused.try_recv().unwrap().unwrap().len(), 100);
        assert!(reading.as_mut().now_or_never().is_none());
        assert_eq!(read.load(Ordering::Relaxed), REFUSALS_QUEUED + 2);
    }
}
