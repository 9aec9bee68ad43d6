//! Tasks that stand still while time goes on, as those of a stopped process do: for a simulator, whose
//! processes are tasks of one thread.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Times that tasks are polled between two looks at the clock.
const POLLS_PER_LOOK: u32 = 1 << 14;

/// Looks in a row that find the clock where it was before: then tasks wake each other without end. A cluster
/// that is busy polls some hundred times a millisecond.
const MAX_LOOKS: u32 = 64;

thread_local! {
    /// The gate of the task that runs now.
    static CURRENT: RefCell<Option<Gate>> = const { RefCell::new(None) };
    /// Polls since the last look at the clock.
    static POLLS: Cell<u32> = const { Cell::new(0) };
    /// What the clock was found at last, and how often.
    static SEEN: Cell<Option<(Instant, u32)>> = const { Cell::new(None) };
}

/// Lets the tasks of one process run, or not. What openraft spawns in a task behind a gate is behind it,
/// too.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<State>>, Arc<Notify>);

#[derive(Debug, Default)]
struct State {
    closed: bool,
    /// Tasks that had something to do since it was closed.
    stopped: Vec<Waker>,
}

impl Gate {
    /// An open gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops every task behind it. Time goes on: what they waited for is long over when they go on.
    pub fn close(&self) {
        self.0.lock().closed = true;
    }

    /// Lets them go on.
    pub fn open(&self) {
        let stopped = {
            let mut state = self.0.lock();
            state.closed = false;
            std::mem::take(&mut state.stopped)
        };
        stopped.into_iter().for_each(Waker::wake);
    }

    /// Returns once tasks behind the gate ran without end while time stood still: on a machine they would
    /// take a whole processor. The gate is closed then.
    pub async fn spun(&self) {
        self.1.notified().await;
    }

    /// Closes the gate when the clock stands still for too many polls.
    fn watch(&self) {
        let polls = POLLS.get() + 1;
        POLLS.set(polls % POLLS_PER_LOOK);
        if polls < POLLS_PER_LOOK {
            return;
        }
        let now = Instant::now();
        let looks = SEEN.get().filter(|(at, _)| *at == now).map_or(0, |(_, looks)| looks + 1);
        SEEN.set(Some((now, looks)));
        if looks >= MAX_LOOKS {
            self.close();
            self.1.notify_one();
        }
    }

    /// Puts a future behind the gate.
    pub fn guard<F: Future>(&self, future: F) -> Gated<F> {
        Gated { gate: self.clone(), future: Box::pin(future) }
    }

    /// The gate that the task is behind which runs now.
    pub(super) fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// A future behind a [`Gate`].
#[derive(Debug)]
pub struct Gated<F> {
    gate: Gate,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.gate.watch();
        let mut state = self.gate.0.lock();
        if state.closed {
            state.stopped.push(context.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        let _before = Behind(CURRENT.replace(Some(self.gate.clone())));
        self.future.as_mut().poll(context)
    }
}

/// Puts back the gate of whoever polled, even if the future panics.
struct Behind(Option<Gate>);

impl Drop for Behind {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use openraft::AsyncRuntime as _;

    use super::super::Runtime;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_behind_a_closed_gate_stands_still_and_so_does_what_it_spawned() {
        let gate = Gate::new();
        let nap = || tokio::time::sleep(Duration::from_secs(1));
        let outer = tokio::spawn(gate.guard(async move { Runtime::spawn(nap()).await }));
        tokio::task::yield_now().await;
        gate.close();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!outer.is_finished());
        let asked = tokio::time::Instant::now();
        gate.open();
        outer.await.unwrap().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "its second was over long ago");
        assert!(Gate::current().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_wake_each_other_without_end_are_stopped() {
        let gate = Gate::new();
        let began = Instant::now();
        let endless = tokio::spawn(gate.guard(async {
            loop {
                tokio::task::yield_now().await;
            }
        }));
        gate.spun().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        endless.abort();
    }
}
