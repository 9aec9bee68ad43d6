//! How the answer to a finished command is kept: in 16 bytes where the command itself tells the rest.

use proto::ids::{Fence, HoldId, Timestamp};

use super::codec;
use super::command::CommandBody;
use super::reply::{Lateness, Outcome, Reply};

/// A remembered answer. A retry brings the same body, so what the body says is not stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// [`Reply::Extended`].
    Extended(Timestamp),
    /// [`Reply::Paying`].
    Paying(Timestamp),
    /// [`Reply::Confirmed`] in time.
    Confirmed(Fence),
    /// [`Reply::Confirmed`] after taking the places again.
    Reacquired(Fence),
    /// [`Reply::Released`].
    Released,
    /// [`Reply::Cancelled`].
    Cancelled(u32),
    /// [`Reply::Unblocked`].
    Unblocked(u32),
    /// [`Reply::Frozen`].
    Frozen,
    /// [`Reply::Thawed`].
    Thawed,
    /// [`Reply::SalesClosed`].
    SalesClosed,
    /// Any other outcome, encoded.
    Other(Box<[u8]>),
}

impl Answer {
    /// What to keep of an outcome.
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Ok(Reply::Extended { expires_at, .. }) => Self::Extended(*expires_at),
            Ok(Reply::Paying { expires_at, .. }) => Self::Paying(*expires_at),
            Ok(Reply::Confirmed { fence, late: Lateness::InTime, .. }) => Self::Confirmed(*fence),
            Ok(Reply::Confirmed { fence, .. }) => Self::Reacquired(*fence),
            Ok(Reply::Released { .. }) => Self::Released,
            Ok(Reply::Cancelled { left, .. }) => Self::Cancelled(*left),
            Ok(Reply::Unblocked { left, .. }) => Self::Unblocked(*left),
            Ok(Reply::Frozen) => Self::Frozen,
            Ok(Reply::Thawed) => Self::Thawed,
            Ok(Reply::SalesClosed) => Self::SalesClosed,
            other => Self::Other(codec::encode_outcome(other).into()),
        }
    }

    /// The outcome, given the body that it answered.
    pub(super) fn outcome(&self, body: &CommandBody) -> Outcome {
        let hold = || hold_of(body).expect("only a command about a hold has such an answer");
        let confirmed = |fence, late| Reply::Confirmed { hold: hold(), fence, late };
        Ok(match self {
            Self::Extended(expires_at) => Reply::Extended { hold: hold(), expires_at: *expires_at },
            Self::Paying(expires_at) => Reply::Paying { hold: hold(), expires_at: *expires_at },
            Self::Confirmed(fence) => confirmed(*fence, Lateness::InTime),
            Self::Reacquired(fence) => confirmed(*fence, Lateness::Reacquired),
            Self::Released => Reply::Released { hold: hold() },
            Self::Cancelled(left) => Reply::Cancelled { hold: hold(), left: *left },
            Self::Unblocked(left) => Reply::Unblocked { block: hold(), left: *left },
            Self::Frozen => Reply::Frozen,
            Self::Thawed => Reply::Thawed,
            Self::SalesClosed => Reply::SalesClosed,
            Self::Other(bytes) => {
                return codec::decode_outcome(bytes).expect("it was encoded or checked here");
            }
        })
    }
}

/// The hold or block that a command is about.
pub(super) fn hold_of(body: &CommandBody) -> Option<HoldId> {
    match body {
        CommandBody::Extend(extend) => Some(extend.hold),
        CommandBody::BeginPayment(payment) => Some(payment.hold),
        CommandBody::Confirm(confirm) => Some(confirm.hold),
        CommandBody::Release(release) => Some(release.hold),
        CommandBody::Cancel(cancel) => Some(cancel.hold),
        CommandBody::Swap(swap) => Some(swap.hold),
        CommandBody::Unblock(unblock) => Some(unblock.block),
        _ => None,
    }
}
