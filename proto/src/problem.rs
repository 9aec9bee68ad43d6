//! How a [`Problem`] travels: inline in a pipeline reply, as a `google.rpc.Status` from a unary call.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message as _;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::code::{Actor, meaning};
use crate::pb::{Code, Problem};

/// Domain of `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "seatgrid.dev";

/// Metadata key of a unary error that carries the encoded [`Problem`] itself.
pub const PROBLEM_KEY: &str = "seatgrid-problem-bin";

impl Problem {
    /// A problem with a sentence for people.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), ..Self::default() }
    }

    /// A request field that is wrong.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), ..Self::new(Code::InvalidArgument, message) }
    }

    /// The sentence for people, made from the code where the sender left it out.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.message.is_empty() {
            meaning(self.code()).name.replace('_', " ").to_lowercase()
        } else {
            self.message.clone()
        }
    }

    /// The problem as the status of a unary call: the code's gRPC status, `ErrorInfo`, what else of
    /// `google.rpc` fits, and the problem itself under [`PROBLEM_KEY`].
    #[must_use]
    pub fn into_status(self) -> Status {
        let row = meaning(self.code());
        let mut details = ErrorDetails::new();
        details.set_error_info(row.name, DOMAIN, self.metadata());
        if !self.field.is_empty() {
            details.add_bad_request_violation(self.field.clone(), self.sentence());
        }
        if row.actor == Actor::Buyer {
            for seat in &self.blocking {
                details.add_precondition_failure_violation(row.name, &seat.seat, self.sentence());
            }
        }
        if self.retry_after_ms > 0 {
            details.set_retry_info(Some(Duration::from_millis(self.retry_after_ms)));
        }
        let mut status = Status::with_error_details(row.grpc, self.sentence(), details);
        let encoded = tonic::metadata::MetadataValue::from_bytes(&self.encode_to_vec());
        status.metadata_mut().insert_bin(PROBLEM_KEY, encoded);
        status
    }

    /// The problem that a status carries, or the nearest code for a status that another party made.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        let carried = status
            .metadata()
            .get_bin(PROBLEM_KEY)
            .and_then(|value| value.to_bytes().ok())
            .and_then(|bytes| Self::decode(bytes).ok());
        carried.unwrap_or_else(|| Self::new(nearest_code(status), status.message()))
    }

    fn metadata(&self) -> HashMap<String, String> {
        let mut pairs = HashMap::new();
        let mut put = |key: &str, value: String| pairs.insert(key.to_owned(), value);
        if let Some(leader) = &self.leader {
            put("leader_node", leader.node_id.to_string());
            put("leader_endpoint", leader.endpoint.clone());
        }
        if self.retry_at_ms > 0 {
            put("retry_at_ms", self.retry_at_ms.to_string());
        }
        if !self.alternatives.is_empty() {
            put("alternatives", self.alternatives.join(","));
        }
        if self.fence > 0 {
            put("fence", self.fence.to_string());
        }
        if self.requested > 0 || self.available > 0 {
            put("requested", self.requested.to_string());
            put("available", self.available.to_string());
        }
        pairs
    }
}

fn nearest_code(status: &Status) -> Code {
    match status.code() {
        // The transport's own timer reports a passed deadline as a cancelled call.
        tonic::Code::Cancelled if status.message() == "Timeout expired" => Code::DeadlineExceeded,
        tonic::Code::DeadlineExceeded => Code::DeadlineExceeded,
        tonic::Code::InvalidArgument => Code::InvalidArgument,
        tonic::Code::OutOfRange => Code::TooLarge,
        tonic::Code::ResourceExhausted => Code::Overloaded,
        tonic::Code::Unavailable => Code::Unavailable,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{BlockingSeat, LeaderHint};

    #[test]
    fn a_problem_survives_the_way_through_a_status() {
        let problem = Problem {
            blocking: vec![BlockingSeat { seat: "14A".into(), ..Default::default() }],
            retry_at_ms: 1_000,
            alternatives: vec!["14B".into()],
            ..Problem::new(Code::SeatTaken, "seat 14A is taken")
        };
        let status = problem.clone().into_status();
        assert_eq!(status.code(), tonic::Code::FailedPrecondition);
        assert_eq!(Problem::from_status(&status), problem);
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("SEAT_TAKEN", DOMAIN));
        assert_eq!(info.metadata["alternatives"], "14B");
    }

    #[test]
    fn a_leader_hint_is_readable_without_our_messages() {
        let leader = LeaderHint { shard: 3, node_id: 2, endpoint: "http://127.0.0.1:7002".into() };
        let problem = Problem { leader: Some(leader), ..Problem::new(Code::NotLeader, "") };
        let info = problem.into_status().get_details_error_info().unwrap();
        assert_eq!(info.metadata["leader_endpoint"], "http://127.0.0.1:7002");
    }

    #[test]
    fn the_transports_own_timer_is_a_deadline() {
        let status = Status::cancelled("Timeout expired");
        assert_eq!(Problem::from_status(&status).code(), Code::DeadlineExceeded);
    }
}
