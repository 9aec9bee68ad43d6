//! What one attempt at a call came to, and what follows from it.

use std::time::Duration;

use proto::code::{Retry, meaning};
use proto::limits::MAX_REQUEST_BYTES;
use proto::pb::{Code, LeaderHint, Problem};

use crate::error::Error;
use crate::pipeline::{HELD_BACK_RETRY, Lost};

/// Why an attempt brought no result.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A node answered with a problem.
    Problem(Box<Problem>),
    /// No answer came.
    Lost(Lost),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        let own = status.metadata().get_bin(proto::problem::PROBLEM_KEY).is_some();
        let transport = matches!(status.code(), tonic::Code::Unavailable | tonic::Code::Unknown);
        if !own && (transport || status.code() == tonic::Code::Cancelled) {
            return Self::Lost(Lost::Broken);
        }
        Self::from(Problem::from_status(&status))
    }
}

/// The problem of a command that is larger than a node accepts.
pub(crate) fn too_large(bytes: usize) -> Problem {
    let message =
        format!("the command has {bytes} bytes; a node accepts messages of {MAX_REQUEST_BYTES}");
    Problem::new(Code::TooLarge, message)
}

/// The problem of a hold that was not sent: its node refuses such commands for overload.
pub(crate) fn held_back() -> Problem {
    let retry_after_ms = u64::try_from(HELD_BACK_RETRY.as_millis()).unwrap_or(u64::MAX);
    let message = "the node refuses holds for overload, and this one was not sent";
    Problem { retry_after_ms, ..Problem::new(Code::Overloaded, message) }
}

/// What follows from a failed attempt.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The answer is final.
    Final(Error),
    /// The same request may be sent again, with the same id.
    Again {
        /// Not before this time has passed.
        after: Duration,
        /// Who leads instead, if the node said so.
        leader: Option<LeaderHint>,
    },
}

/// The attempts of one call so far.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// An attempt may have been carried out without an answer.
    maybe_done: bool,
    last: Option<Failure>,
}

impl Attempts {
    /// Whether one of them may have been carried out without an answer.
    pub(crate) fn maybe_done(&self) -> bool {
        self.maybe_done
    }

    /// Judges a failed attempt by the one table of codes.
    pub(crate) fn judge(&mut self, failure: Failure) -> Verdict {
        let verdict = match &failure {
            Failure::Lost(lost) => {
                self.maybe_done |= *lost != Lost::NotSent;
                Verdict::Again { after: Duration::ZERO, leader: None }
            }
            Failure::Problem(problem) if meaning(problem.code()).retry == Retry::SameId => {
                self.maybe_done |=
                    matches!(problem.code(), Code::UnknownOutcome | Code::DeadlineExceeded);
                Verdict::Again {
                    after: Duration::from_millis(problem.retry_after_ms),
                    leader: problem.leader.clone(),
                }
            }
            Failure::Problem(problem) => Verdict::Final(Error::from(Problem::clone(problem))),
        };
        self.last = Some(failure);
        verdict
    }

    /// The error of a call that is not tried again, `why` it is not.
    pub(crate) fn give_up(self, why: &str) -> Error {
        let (last, maybe_done) = (self.last, self.maybe_done);
        let message = match &last {
            None => why.to_owned(),
            Some(Failure::Problem(problem)) => format!("{}; {why}", problem.sentence()),
            Some(Failure::Lost(Lost::NotSent)) => format!("no connection; {why}"),
            Some(Failure::Lost(Lost::Broken)) => format!("the connection broke; {why}"),
            Some(Failure::Lost(Lost::TimedOut)) => format!("no answer came; {why}"),
        };
        match last {
            _ if maybe_done => Error::Unknown { message },
            Some(Failure::Problem(problem)) if problem.code() == Code::Overloaded => {
                let retry_after = Duration::from_millis(problem.retry_after_ms);
                Error::Overloaded { retry_after, message }
            }
            None => Error::DeadlineExceeded { message },
            Some(_) => Error::Unavailable { message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: Code) -> Failure {
        Problem { retry_after_ms: 7, ..Problem::new(code, "because") }.into()
    }

    #[test]
    fn only_codes_that_a_retry_can_mend_are_tried_again() {
        for row in proto::code::TABLE {
            let verdict = Attempts::default().judge(problem(row.code));
            let again = matches!(verdict, Verdict::Again { .. });
            assert_eq!(again, row.retry == Retry::SameId, "{}", row.name);
        }
    }

    #[test]
    fn a_call_that_was_never_sent_did_not_happen() {
        let mut attempts = Attempts::default();
        attempts.judge(Failure::Lost(Lost::NotSent));
        attempts.judge(problem(Code::NotLeader));
        assert!(matches!(attempts.give_up("late"), Error::Unavailable { .. }));
        assert!(matches!(Attempts::default().give_up("late"), Error::DeadlineExceeded { .. }));
    }

    #[test]
    fn one_lost_answer_leaves_the_outcome_unknown_whatever_comes_later() {
        for lost in [Failure::Lost(Lost::Broken), Failure::Lost(Lost::TimedOut)] {
            let mut attempts = Attempts::default();
            attempts.judge(lost);
            attempts.judge(problem(Code::Overloaded));
            assert!(matches!(attempts.give_up("late"), Error::Unknown { .. }));
        }
    }

    #[test]
    fn overload_names_its_delay() {
        let mut attempts = Attempts::default();
        let verdict = attempts.judge(problem(Code::Overloaded));
        let seven = Duration::from_millis(7);
        assert!(matches!(verdict, Verdict::Again { after, .. } if after == seven));
        let error = attempts.give_up("late");
        assert!(matches!(error, Error::Overloaded { retry_after, .. } if retry_after == seven));
    }
}
