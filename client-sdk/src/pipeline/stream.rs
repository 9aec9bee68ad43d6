//! One pipeline stream as its callers see it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::Stream;
use parking_lot::Mutex;
use prost::DecodeError;
use proto::code::{Retry, meaning};
use proto::limits::MAX_REQUEST_BYTES;
use proto::pb::pipeline_command::Command;
use proto::pb::pipeline_reply::Reply;
use proto::pb::{Code, PipelineReply};
use proto::pipeline::Replies;
use tokio::sync::Notify;

use super::slots::{LaneQueue, Lost, Outcome, Slots, Waiter};
use super::throttle::Throttle;
use super::wire::{Addition, Sendable, put_command};

/// Commands in one message: more would make the first of them wait for the encoding of the last.
const MAX_COMMANDS_PER_MESSAGE: usize = 1_024;

/// A message that has reached this size is closed, in bytes: HTTP/2 windows must hold several.
const MAX_MESSAGE_BYTES: usize = 256 << 10;

/// Room that a new message starts with, in bytes.
const MESSAGE_BYTES: usize = 4 << 10;

/// Replies that are read before the stream is locked for them: they fit the first-level cache.
const REPLIES_AT_A_TIME: usize = 64;

/// Why a stream did not take a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// As many commands are in flight as may be: wait for room.
    Full,
    /// The node has refused such commands for overload of late: try again later.
    HeldBack,
    /// The command is larger than a node accepts.
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
}

/// Largest command, in bytes: with its tag it fits into a message that a node accepts.
const MAX_COMMAND_BYTES: usize = MAX_REQUEST_BYTES - 64;

/// The shared side of one stream: callers put commands in, the driver sends them and hands answers out.
#[derive(Debug)]
pub(crate) struct Pipe {
    state: Mutex<State>,
    window: usize,
    /// Whether some holds are held back.
    holds_back: AtomicBool,
    /// Wakes those who wait for room in the window.
    room: Notify,
    /// How many wait for room.
    waiting: AtomicUsize,
    /// Wakes the driver when the first command comes to a stream that is not open.
    pub(super) work: Notify,
}

#[derive(Debug)]
struct State {
    slots: Slots,
    throttle: Throttle,
    /// Messages that wait to be sent, oldest first; commands are added to the last.
    messages: VecDeque<Message>,
    /// The transport, when it has asked for a message and there was none.
    sender: Option<Waker>,
    /// The present opening of the stream; a sender of an earlier one gets nothing.
    opening: u64,
    /// Whether the present opening has taken a message.
    sent: bool,
    closed: bool,
}

#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    commands: usize,
}

thread_local! {
    /// Where commands are encoded before the stream is locked.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Pipe {
    /// A stream with room for `window` commands in flight.
    pub(crate) fn new(window: usize) -> Self {
        let state = State {
            slots: Slots::default(),
            throttle: Throttle::new(Instant::now()),
            messages: VecDeque::new(),
            sender: None,
            opening: 0,
            sent: false,
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            window,
            holds_back: AtomicBool::new(false),
            room: Notify::new(),
            waiting: AtomicUsize::new(0),
            work: Notify::new(),
        }
    }

    /// Gives a command to the stream, if the window has room; `resent`: it has been sent before.
    pub(crate) fn submit(
        self: &Arc<Self>,
        command: &Command,
        resent: bool,
        deadline: Instant,
    ) -> Result<Pending, NotTaken> {
        let tag = self.put(command.into(), resent, Waiter::Task(None), Instant::now(), deadline)?;
        Ok(Pending { pipe: self.clone(), tag: Some(tag) })
    }

    /// Gives a command to the stream whose answer goes to a lane, if the window has room.
    pub(crate) fn submit_to_lane(
        &self,
        command: Sendable<'_>,
        patience: Duration,
        lane: &Arc<LaneQueue>,
        token: u64,
    ) -> Result<(), NotTaken> {
        let (waiter, now) = (Waiter::Lane(lane.clone(), token), Instant::now());
        // A lane sends nothing again: whoever does so by itself knows what that means.
        self.put(command, false, waiter, now, now + patience).map(drop)
    }

    fn put(
        &self,
        command: Sendable<'_>,
        resent: bool,
        waiter: Waiter,
        now: Instant,
        deadline: Instant,
    ) -> Result<u32, NotTaken> {
        // What may have been carried out before wants to know, and what is no hold ends one.
        let new = !resent && command.is_hold();
        if new && self.holds_back.load(Ordering::Relaxed) && !self.offer() {
            return Err(NotTaken::HeldBack);
        }
        let left = deadline.saturating_duration_since(now).as_millis();
        let timeout_ms = u32::try_from(left).unwrap_or(u32::MAX).max(1);
        let added = Addition { tag: 0, timeout_ms, resent };
        SCRATCH.with_borrow_mut(|body| {
            body.clear();
            command.encode(body);
            if body.len() > MAX_COMMAND_BYTES {
                return Err(NotTaken::TooLarge { bytes: body.len() });
            }
            let (tag, sender, idle) = self.append(body, added, waiter, deadline)?;
            match sender {
                Some(sender) => sender.wake(),
                None if idle => self.work.notify_one(),
                None => {}
            }
            Ok(tag)
        })
    }

    /// Whether a new hold may be sent, while some are held back.
    fn offer(&self) -> bool {
        let mut state = self.state.lock();
        let under_way = state.slots.in_flight();
        let passes = state.throttle.offer(Instant::now(), under_way);
        self.holds_back.store(state.throttle.is_engaged(), Ordering::Relaxed);
        passes
    }

    fn append(
        &self,
        body: &[u8],
        added: Addition,
        waiter: Waiter,
        deadline: Instant,
    ) -> Result<(u32, Option<Waker>, bool), NotTaken> {
        let mut state = self.state.lock();
        if !state.slots.has_room(self.window) {
            return Err(NotTaken::Full);
        }
        let tag = state.slots.take(waiter, deadline).ok_or(NotTaken::Full)?;
        let idle = state.messages.is_empty();
        let fits = |message: &Message| {
            message.commands < MAX_COMMANDS_PER_MESSAGE
                && message.bytes.len() + body.len() < MAX_MESSAGE_BYTES
        };
        if !state.messages.back().is_some_and(fits) {
            let bytes = Vec::with_capacity(MESSAGE_BYTES.max(body.len() + 16));
            state.messages.push_back(Message { bytes, commands: 0 });
        }
        let message = state.messages.back_mut().expect("one was pushed if there was none");
        put_command(Addition { tag, ..added }, body, &mut message.bytes);
        message.commands += 1;
        Ok((tag, state.sender.take(), idle))
    }

    /// Waits until the window may have room.
    pub(crate) async fn room(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _leave = Leave(&self.waiting);
        let notified = self.room.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        let full = !self.state.lock().slots.has_room(self.window);
        if full {
            notified.await;
        }
    }

    /// Hands the replies of one message to those who wait, who wake when all are there.
    ///
    /// # Errors
    /// When one cannot be read: all others are handed out.
    pub(super) fn deliver(
        &self,
        replies: Replies,
        wake: &mut Vec<Waker>,
    ) -> Result<(), DecodeError> {
        let (mut replies, mut read) = (replies.decoded(), Vec::with_capacity(REPLIES_AT_A_TIME));
        let (mut count, mut done) = (0, Ok(()));
        loop {
            while read.len() < REPLIES_AT_A_TIME
                && let Some(reply) = replies.next()
            {
                match reply {
                    Ok(reply) => read.push(reply),
                    Err(error) => done = Err(error),
                }
            }
            if read.is_empty() {
                break;
            }
            count += read.len();
            self.hand_out(&mut read, wake);
        }
        self.wake_all(count, wake);
        done
    }

    /// Hands replies to those who wait, and adds whom to wake.
    fn hand_out(&self, replies: &mut Vec<PipelineReply>, wake: &mut Vec<Waker>) {
        let (mut answered, mut refused) = (0, 0);
        let mut state = self.state.lock();
        for PipelineReply { tag, reply } in replies.drain(..) {
            match &reply {
                Some(Reply::Held(_)) => answered += 1,
                Some(Reply::Problem(problem)) if problem.code() == Code::Overloaded => refused += 1,
                Some(Reply::Problem(problem)) => {
                    answered += u64::from(meaning(problem.code()).retry != Retry::SameId);
                }
                _ => {}
            }
            // A reply without content is of a newer kind than this client knows.
            let outcome = reply.ok_or(Lost::Broken);
            state.slots.complete(tag, outcome, wake);
        }
        let under_way = state.slots.in_flight();
        state.throttle.note(Instant::now(), answered, refused, under_way);
        self.holds_back.store(state.throttle.is_engaged(), Ordering::Relaxed);
    }

    /// Times out what has waited too long; returns how many commands that were.
    pub(super) fn sweep(&self, now: Instant, wake: &mut Vec<Waker>) -> usize {
        let overdue = self.state.lock().slots.sweep(now, wake);
        self.wake_all(overdue, wake);
        overdue
    }

    /// Begins a new opening of the stream: what the transport will ask for messages.
    pub(super) fn open(self: &Arc<Self>) -> Outgoing {
        let mut state = self.state.lock();
        state.opening += 1;
        state.sent = false;
        state.sender = None;
        Outgoing { pipe: self.clone(), opening: state.opening }
    }

    /// Ends the present opening: nobody's answer will come any more.
    pub(super) fn fail(&self, wake: &mut Vec<Waker>) {
        let mut state = self.state.lock();
        state.opening += 1;
        state.messages.clear();
        let sender = state.sender.take();
        let lost = if state.sent { Lost::Broken } else { Lost::NotSent };
        let failed = state.slots.in_flight();
        state.slots.fail_all(lost, wake);
        drop(state);
        wake.extend(sender);
        self.wake_all(failed, wake);
    }

    /// Whether a command waits for its answer.
    pub(super) fn has_work(&self) -> bool {
        self.state.lock().slots.in_flight() > 0
    }

    /// Ends the stream for good.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.work.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// An answer was picked up. That makes room only where slots, not the window, were short.
    fn slot_freed(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.room.notify_one();
        }
    }

    fn wake_all(&self, freed: usize, wake: &mut Vec<Waker>) {
        wake.drain(..).for_each(Waker::wake);
        for _ in 0..freed.min(self.waiting.load(Ordering::SeqCst)) {
            self.room.notify_one();
        }
    }
}

/// Counts a waiter out, however its wait ends.
struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The answer of one command, in the future.
#[derive(Debug)]
#[must_use = "the answer comes only to who waits for it"]
pub(crate) struct Pending {
    pipe: Arc<Pipe>,
    tag: Option<u32>,
}

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let tag = self.tag.expect("a future is not polled after it has returned");
        let polled = self.pipe.state.lock().slots.poll(tag, cx);
        if polled.is_ready() {
            self.tag = None;
            self.pipe.slot_freed();
        }
        polled
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(tag) = self.tag {
            self.pipe.state.lock().slots.abandon(tag);
            self.pipe.slot_freed();
        }
    }
}

/// What the transport sends: it takes all that waits as one message.
#[derive(Debug)]
pub(super) struct Outgoing {
    pipe: Arc<Pipe>,
    opening: u64,
}

impl Stream for Outgoing {
    type Item = Vec<u8>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let mut state = self.pipe.state.lock();
        if state.closed || state.opening != self.opening {
            return Poll::Ready(None);
        }
        match state.messages.pop_front() {
            Some(message) => {
                state.sent = true;
                Poll::Ready(Some(message.bytes))
            }
            None => {
                state.sender = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
