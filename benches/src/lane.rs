//! A connection over which holds are asked for.

use std::future::Future;
use std::io;

use crate::work::Ask;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Every seat is held.
    Held,
    /// Some seat was taken: none is held.
    Taken,
    /// The hold has ended as asked for.
    Ended,
    /// The system could not: it was too busy, or a conflict has to be tried again.
    Failed,
}

/// One connection that keeps several requests in flight, as its users would. A task drives it.
pub trait Lane: Send + 'static {
    /// Takes a request, to be sent with the next call of [`Lane::answers`] at the latest. Its answer bears
    /// the token. What ends a hold bears the token that the hold had, and comes before another hold has it.
    fn ask(&mut self, ask: &Ask, token: u32);

    /// Sends what was taken, waits for at least one answer, and adds all that are there. Dropped before it
    /// has ended, it has lost nothing: what it did not send is sent the next time.
    ///
    /// # Errors
    /// When the connection breaks.
    fn answers(
        &mut self,
        into: &mut Vec<(u32, Answer)>,
    ) -> impl Future<Output = io::Result<()>> + Send;
}
