//! Why a call did not do what was asked, sorted by who must act.

use std::time::Duration;

use proto::code::{Actor, Retry, meaning};
use proto::ids::{Fence, Timestamp};
use proto::pb::{BlockingSeat, Code, Problem};

use crate::position::Position;

/// Why a call did not do what was asked.
///
/// [`Error::Refused`] is an answer of the seat map: the buyer chooses something else. [`Error::Invalid`] is
/// a request that can never succeed. After [`Error::Unknown`] nobody can say whether it happened: send the
/// same request, with the same id, again. After every other error it did not happen.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The seat map said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The request is wrong, or not allowed, and must change before it is sent again.
    #[error("{0}")]
    Invalid(Box<Invalid>),
    /// The cluster has too much to do, and had until the deadline.
    #[error("the cluster is overloaded: {message}")]
    Overloaded {
        /// Wait so long before trying again.
        retry_after: Duration,
        /// The last answer.
        message: String,
    },
    /// No node could carry the request out. It did not happen.
    #[error("the cluster is unavailable: {message}")]
    Unavailable {
        /// What stood in the way last.
        message: String,
    },
    /// The deadline passed before the request could be sent. It did not happen.
    #[error("the deadline passed: {message}")]
    DeadlineExceeded {
        /// What the call waited for.
        message: String,
    },
    /// The answer was lost: the request may or may not have been carried out. The same request with the
    /// same id is safe, and tells.
    #[error("the outcome is unknown: {message}")]
    Unknown {
        /// What happened to the answer.
        message: String,
    },
    /// A defect of the cluster; the request was not carried out.
    #[error("internal error: {message}")]
    Internal {
        /// The code of the answer.
        code: Code,
        /// The sentence of the answer.
        message: String,
    },
    /// A node answered what this client cannot read.
    #[error("the answer cannot be read: {message}")]
    Protocol {
        /// What was wrong with it.
        message: String,
    },
}

/// What the seat map said no to, and what the caller needs to go on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// Why, as a code.
    pub code: Code,
    /// Why, in a sentence for people.
    pub message: String,
    /// The request field at fault, where there is one.
    pub field: Option<String>,
    /// Seats that stand in the way, at most 16.
    pub blocking: Vec<BlockingSeat>,
    /// When the earliest of what blocks will be free again if nobody pays.
    pub retry_at: Option<Timestamp>,
    /// Names of free seats that would do.
    pub alternatives: Vec<String>,
    /// The fence that stands in the way of a fenced or lost hold.
    pub fence: Option<Fence>,
    /// What was asked for, with limits and stock.
    pub requested: u64,
    /// What is allowed or left, with limits and stock.
    pub available: u64,
    /// Where the answer was decided.
    pub position: Option<Position>,
}

/// A request that can never succeed as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalid {
    /// Why, as a code.
    pub code: Code,
    /// The request field at fault; empty when there is not one.
    pub field: String,
    /// Why, in a sentence for people.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error {
    /// A request field that is wrong, found before anything was sent.
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        let (field, message) = (field.to_owned(), message.into());
        Self::Invalid(Box::new(Invalid { code: Code::InvalidArgument, field, message }))
    }

    /// An answer that cannot be read.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::Protocol { message: message.into() }
    }

    /// The code of the answer, as the one table knows it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code,
            Self::Invalid(invalid) => invalid.code,
            Self::Overloaded { .. } => Code::Overloaded,
            Self::Unavailable { .. } => Code::Unavailable,
            Self::DeadlineExceeded { .. } => Code::DeadlineExceeded,
            Self::Unknown { .. } => Code::UnknownOutcome,
            Self::Internal { code, .. } => *code,
            Self::Protocol { .. } => Code::Internal,
        }
    }

    /// Whether sending the same request with the same id again can help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        meaning(self.code()).retry == Retry::SameId
    }

    /// The refusal, if the seat map said no.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<proto::ids::InvalidId> for Error {
    fn from(invalid: proto::ids::InvalidId) -> Self {
        Self::invalid(invalid.field, invalid.to_string())
    }
}

/// Sorted by the one table of codes: who must act, and what the code means to gRPC.
impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let code = problem.code();
        let row = meaning(code);
        let message = sentence(&problem);
        match (row.actor, row.retry) {
            (Actor::Us, _) => Self::Internal { code, message },
            (_, Retry::SameId) => match code {
                Code::Overloaded => Self::Overloaded {
                    retry_after: Duration::from_millis(problem.retry_after_ms),
                    message,
                },
                Code::DeadlineExceeded | Code::UnknownOutcome => Self::Unknown { message },
                _ => Self::Unavailable { message },
            },
            (Actor::Caller, _) if is_callers_fault(row.grpc) => {
                Self::Invalid(Box::new(Invalid { code, field: problem.field, message }))
            }
            _ => Self::Refused(Box::new(Refusal::new(problem, message))),
        }
    }
}

/// The request is wrong, or he who sends it.
fn is_callers_fault(grpc: tonic::Code) -> bool {
    matches!(grpc, tonic::Code::InvalidArgument | tonic::Code::PermissionDenied)
}

/// The sentence of a problem, with the seats that stand in the way where the node named them only as data.
fn sentence(problem: &Problem) -> String {
    let sentence = problem.sentence();
    if !problem.message.is_empty() || problem.blocking.is_empty() {
        return sentence;
    }
    let seats: Vec<&str> = problem.blocking.iter().map(|seat| seat.seat.as_str()).collect();
    format!("{sentence}: {}", seats.join(", "))
}

impl Refusal {
    fn new(problem: Problem, message: String) -> Self {
        Self {
            code: problem.code(),
            message,
            field: Some(problem.field).filter(|field| !field.is_empty()),
            blocking: problem.blocking,
            retry_at: (problem.retry_at_ms > 0)
                .then(|| Timestamp::from_unix_ms(problem.retry_at_ms)),
            alternatives: problem.alternatives,
            fence: (problem.fence > 0).then(|| Fence::new(problem.fence)),
            requested: problem.requested,
            available: problem.available,
            position: problem.position.map(Position::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::code::TABLE;

    #[test]
    fn every_code_of_the_table_becomes_the_error_of_who_must_act() {
        for row in TABLE {
            let error = Error::from(Problem::new(row.code, "why"));
            let as_expected = match (row.actor, row.retry) {
                (Actor::Buyer, _) => matches!(error, Error::Refused(_)),
                (Actor::Us, _) => matches!(error, Error::Internal { .. }),
                (Actor::Caller, Retry::SameId) => error.is_retryable(),
                (Actor::Caller, _) => matches!(error, Error::Refused(_) | Error::Invalid(_)),
            };
            assert!(as_expected, "{}: {error:?}", row.name);
        }
    }

    #[test]
    fn a_refusal_carries_what_the_buyer_needs() {
        let problem = Problem {
            blocking: vec![BlockingSeat { seat: "14A".into(), ..Default::default() }],
            retry_at_ms: 1_000,
            alternatives: vec!["14B".into()],
            ..Problem::new(Code::SeatTaken, "seat 14A is taken")
        };
        let Error::Refused(refusal) = Error::from(problem) else { panic!("not refused") };
        assert_eq!(refusal.code, Code::SeatTaken);
        assert_eq!(refusal.retry_at, Some(Timestamp::from_unix_ms(1_000)));
        assert_eq!(refusal.alternatives, ["14B"]);
        assert_eq!(refusal.to_string(), "seat 14A is taken");
    }

    #[test]
    fn seats_in_the_way_are_named() {
        let blocking = vec![BlockingSeat { seat: "14A".into(), ..Default::default() }];
        let error = Error::from(Problem { blocking, ..Problem::new(Code::SeatTaken, "") });
        assert_eq!(error.to_string(), "seat taken: 14A");
    }

    #[test]
    fn a_lost_answer_is_never_called_a_failure() {
        for code in [Code::DeadlineExceeded, Code::UnknownOutcome] {
            assert!(matches!(Error::from(Problem::new(code, "")), Error::Unknown { .. }));
        }
    }
}
