//! What can be asked for: one type for each command, with its id inside.
//!
//! A request makes its id when it is built. Whoever sends the same request again, after an
//! [`Error::Unknown`](crate::Error::Unknown) or after a restart, gets the first answer.

mod batch;
mod change;
mod hold;
mod stock;
mod trip;

use std::time::Duration;

use bytes::Bytes;
use proto::ids::{CommandId, HoldId, Legs};
use proto::pb;
use proto::pb::pipeline_command::Command;

pub use self::batch::Batch;
pub use self::change::{BeginPayment, Cancel, Confirm, Extend, Release, Swap};
pub use self::hold::{Hold, HoldBest, HoldQuantity};
pub use self::stock::{Block, SaleAction, SetSale, Unblock};
pub use self::trip::OpenTrip;

/// A request that travels on a pipeline.
pub(crate) trait Request {
    /// The trip that it is about.
    fn trip(&self) -> &proto::ids::TripId;

    /// What goes over the wire.
    fn into_command(self) -> Command;
}

fn hold_bytes(id: HoldId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

fn command_bytes(id: CommandId) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

fn wire_legs(legs: Option<Legs>) -> Option<pb::Legs> {
    legs.map(|legs| pb::Legs { from: legs.from().into(), to: legs.to().into() })
}

/// Whole milliseconds, at least one, rounded up so that a short time never becomes the default; zero for
/// none.
fn wire_ms(time: Option<Duration>) -> u64 {
    let ms = |time: Duration| u64::try_from(time.as_nanos().div_ceil(1_000_000));
    time.map_or(0, |time| ms(time).unwrap_or(u64::MAX).max(1))
}

fn strings(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_time_that_was_not_given_is_the_default() {
        assert_eq!(wire_ms(None), 0);
        assert_eq!(wire_ms(Some(Duration::ZERO)), 1);
        assert_eq!(wire_ms(Some(Duration::from_nanos(1))), 1);
        assert_eq!(wire_ms(Some(Duration::from_micros(1_001))), 2);
        assert_eq!(wire_ms(Some(Duration::MAX)), u64::MAX);
    }
}
