//! What openraft runs on: tokio, with chance and wake-ups in our hands.
//!
//! In production this is tokio and the system's randomness. A thread that called [`simulate`] draws
//! everything from a seed, does what blocks at once instead of on another thread, and so comes to the
//! same end every time.

mod gate;
mod watch;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use openraft::AsyncRuntime;
use openraft::impls::TokioRuntime;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _, TryRng};

pub use gate::{Gate, Gated};
pub use watch::OrderedWatch;

thread_local! {
    /// Where this thread's random numbers come from, if from a seed.
    static CHANCE: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// Makes this thread a simulator's: from now on every random number that the log draws on it follows
/// from `seed`, and nothing is done on another thread.
pub fn simulate(seed: u64) {
    CHANCE.set(Some(StdRng::seed_from_u64(seed)));
}

/// Whether this thread is a simulator's.
#[must_use]
pub fn is_simulated() -> bool {
    CHANCE.with_borrow(Option::is_some)
}

/// Does what may block: on a thread for such work, or at once in a simulator.
///
/// # Errors
/// When the work panicked, or the runtime stops.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    if is_simulated() {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await
}

/// Random numbers: the system's, or those that follow from the thread's seed.
#[derive(Debug, Default)]
pub struct Chance;

impl Chance {
    fn draw<T>(from_seed: impl FnOnce(&mut StdRng) -> T, from_system: impl FnOnce() -> T) -> T {
        CHANCE.with_borrow_mut(|chance| match chance {
            Some(seeded) => from_seed(seeded),
            None => from_system(),
        })
    }
}

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(Self::draw(|seeded| seeded.next_u32(), || rand::rng().next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(Self::draw(|seeded| seeded.next_u64(), || rand::rng().next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        // Only one of the two runs, but both would borrow the bytes.
        let bytes = RefCell::new(bytes);
        Self::draw(
            |seeded| seeded.fill_bytes(&mut bytes.borrow_mut()),
            || rand::rng().fill_bytes(&mut bytes.borrow_mut()),
        );
        Ok(())
    }
}

/// The runtime that openraft is given.
#[derive(Debug)]
pub struct Runtime(TokioRuntime);

impl AsyncRuntime for Runtime {
    type JoinError = tokio::task::JoinError;
    type JoinHandle<T: Send + 'static> = tokio::task::JoinHandle<T>;
    type Sleep = tokio::time::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = tokio::time::error::Elapsed;
    type Timeout<R, T: Future<Output = R> + Send> = tokio::time::Timeout<T>;
    type ThreadLocalRng = Chance;
    type Mpsc = <TokioRuntime as AsyncRuntime>::Mpsc;
    type Watch = OrderedWatch;
    type Oneshot = <TokioRuntime as AsyncRuntime>::Oneshot;
    type Mutex<T: Send + 'static> = <TokioRuntime as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        match Gate::current() {
            Some(gate) => TokioRuntime::spawn(gate.guard(future)),
            None => TokioRuntime::spawn(future),
        }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + Send>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + Send>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        join_error.is_panic()
    }

    fn thread_rng() -> Chance {
        Chance
    }

    fn new(threads: usize) -> Self {
        Self(TokioRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_runtime_as_openraft_wants_one() {
        openraft::rt::testing::Suite::<Runtime>::test_all();
    }

    #[test]
    fn a_simulators_thread_draws_the_same_numbers_again() {
        let draw = || {
            std::thread::spawn(|| {
                simulate(7);
                [Chance.next_u64(), Chance.next_u64()]
            })
        };
        assert_eq!(draw().join().unwrap(), draw().join().unwrap());
        assert!(!is_simulated(), "another thread's seed is not this one's");
    }
}
