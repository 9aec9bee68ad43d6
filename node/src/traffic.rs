//! What the services count: streams, what they could not take, and how long answers took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actors::ask::{Answer, AnswerSink};
use actors::measures::{MICROS_STEPS, Steps};

/// Counters of one node. Nothing here is touched for every command.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pipelines: AtomicU64,
    window_refusals: AtomicU64,
    answer_counts: [AtomicU64; MICROS_STEPS],
    answer_micros: AtomicU64,
}

impl Traffic {
    /// A pipeline is open for as long as what this returns lives.
    pub(crate) fn pipeline(self: &Arc<Self>) -> OpenPipeline {
        self.pipelines.fetch_add(1, Ordering::Relaxed);
        OpenPipeline(Arc::clone(self))
    }

    /// A pipeline's window was full.
    pub(crate) fn window_refused(&self) {
        self.window_refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// A command that came at `since` has its answer.
    pub(crate) fn answered(&self, since: Instant) {
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let step = Steps::<MICROS_STEPS>::of(micros);
        self.answer_counts[step].fetch_add(1, Ordering::Relaxed);
        self.answer_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Open pipelines.
    pub(crate) fn pipelines(&self) -> u64 {
        self.pipelines.load(Ordering::Relaxed)
    }

    /// Commands that found the window of their pipeline full.
    pub(crate) fn window_refusals(&self) -> u64 {
        self.window_refusals.load(Ordering::Relaxed)
    }

    /// Microseconds from arrival to answer.
    pub(crate) fn answer_micros(&self) -> Steps<MICROS_STEPS> {
        let mut steps = Steps::default();
        for (step, count) in steps.counts.iter_mut().zip(&self.answer_counts) {
            *step = count.load(Ordering::Relaxed);
        }
        steps.sum = self.answer_micros.load(Ordering::Relaxed);
        steps
    }
}

/// Counts an open pipeline until it is dropped.
pub(crate) struct OpenPipeline(Arc<Traffic>);

impl Drop for OpenPipeline {
    fn drop(&mut self) {
        self.0.pipelines.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A sink that takes the time of one command's answer: the sample of its message.
pub(crate) struct Timed {
    pub(crate) sink: Arc<dyn AnswerSink>,
    pub(crate) since: Instant,
    pub(crate) traffic: Arc<Traffic>,
}

impl AnswerSink for Timed {
    fn answer(&self, tag: u32, answer: Answer) {
        self.traffic.answered(self.since);
        self.sink.answer(tag, answer);
    }
}
