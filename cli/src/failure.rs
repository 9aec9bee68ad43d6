//! Why a command did not do what was asked: what the user reads, and what a script gets.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use client_sdk::layout::LayoutError;
use client_sdk::pb::Code;
use client_sdk::{Error, Refusal};
use proto::code::meaning;
use serde_json::{Value, json};

use crate::gtfs::error::GtfsError;
use crate::output::{Output, unix_ms_text};
use crate::value::legs_text;

/// What the process answers to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Refused = 4,
    Unavailable = 5,
    Interrupted = 130,
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
    /// What `--output json` adds.
    detail: Value,
    /// Everything was said already.
    quiet: bool,
}

impl Failure {
    /// Something outside the cluster went wrong.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::with_exit(Exit::Failed, message)
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::with_exit(Exit::Usage, message)
    }

    pub(crate) fn with_exit(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, detail: Value::Null, quiet: false }
    }

    /// The user pressed Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self { quiet: true, ..Self::with_exit(Exit::Interrupted, "interrupted") }
    }

    /// An exit code after everything was said on standard output.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self { quiet: true, ..Self::with_exit(exit, "") }
    }

    /// Adds what the user can do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }

    /// Writes the failure to standard error.
    pub(crate) fn report(&self, output: Output) {
        if self.quiet {
            return;
        }
        match output {
            Output::Json => eprintln!("{}", self.as_json()),
            Output::Table => eprint!("{}", self.as_text()),
        }
    }

    fn as_text(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("hint: {hint}\n"));
        format!("error: {}\n{}", self.message, hint.unwrap_or_default())
    }

    fn as_json(&self) -> Value {
        let mut error = json!({ "message": self.message, "exit": self.exit as u8 });
        if let Some(hint) = &self.hint {
            error["hint"] = json!(hint);
        }
        if let Value::Object(detail) = &self.detail {
            for (key, value) in detail {
                error[key] = value.clone();
            }
        }
        json!({ "error": error })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = meaning(error.code());
        let exit = match &error {
            Error::Refused(_) if code.grpc as i32 == NOT_FOUND => Exit::NotFound,
            Error::Refused(_) => Exit::Refused,
            Error::Invalid(_) => Exit::Usage,
            Error::Overloaded { .. }
            | Error::Unavailable { .. }
            | Error::DeadlineExceeded { .. }
            | Error::Unknown { .. } => Exit::Unavailable,
            _ => Exit::Failed,
        };
        let mut detail = json!({ "code": code.name, "retryable": error.is_retryable() });
        let mut hint = None;
        let mut message = error.to_string();
        match &error {
            Error::Refused(refusal) => {
                hint = refusal_hint(refusal);
                add_refusal(&mut detail, refusal);
            }
            Error::Invalid(invalid) if !invalid.field.is_empty() => {
                detail["field"] = json!(invalid.field);
                if !message.contains(&invalid.field) {
                    message = format!("{}: {message}", invalid.field);
                }
            }
            Error::Unknown { .. } => {
                hint = Some("the same command with the same id is safe, and tells".to_owned());
            }
            _ => {}
        }
        Self { hint, detail, ..Self::with_exit(exit, message) }
    }
}

/// The command line cannot be read.
impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
        let argument = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(argument)) => json!(argument),
            Some(ContextValue::Strings(arguments)) => json!(arguments),
            _ => Value::Null,
        };
        let code = meaning(Code::InvalidArgument).name;
        let detail = json!({ "code": code, "retryable": false, "argument": argument });
        let hint = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        let hint = Some(hint).filter(|hint| !hint.is_empty());
        Self { hint, detail, ..Self::usage(message.trim_end()) }
    }
}

/// gRPC's number for NOT_FOUND.
const NOT_FOUND: i32 = 5;

fn refusal_hint(refusal: &Refusal) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(where_to_look(refusal.code).map(str::to_owned));
    if !refusal.alternatives.is_empty() {
        parts.push(format!("free instead: {}", refusal.alternatives.join(", ")));
    }
    if let Some(at) = refusal.retry_at {
        parts.push(format!("try again at {}", unix_ms_text(at.as_unix_ms())));
    }
    if refusal.requested > 0 && refusal.available < refusal.requested {
        parts.push(format!("asked for {}, {} left", refusal.requested, refusal.available));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Which command shows what there is instead of what was not found, or not allowed.
fn where_to_look(code: Code) -> Option<&'static str> {
    match code {
        Code::TripNotFound => Some("`seatgrid trip list` shows the trips; ids are exact"),
        Code::UnknownSeat => Some("`seatgrid trip show TRIP --seats` draws the seats"),
        Code::UnknownZone => Some("`seatgrid trip show TRIP` lists the zones"),
        Code::UnknownHold => {
            Some("the id is the one that `seatgrid hold` printed, of the same trip")
        }
        Code::IdReused => {
            Some("a retry repeats the command exactly; another command has an id of its own")
        }
        _ => None,
    }
}

fn add_refusal(detail: &mut Value, refusal: &Refusal) {
    let blocking: Vec<Value> = refusal
        .blocking
        .iter()
        .map(|seat| {
            let legs = seat.legs.map(legs_text);
            json!({ "seat": seat.seat, "legs": legs, "state": seat.state().as_str_name() })
        })
        .collect();
    detail["blocking"] = json!(blocking);
    detail["alternatives"] = json!(refusal.alternatives);
    if let Some(at) = refusal.retry_at {
        detail["retry_at_ms"] = json!(at.as_unix_ms());
    }
    if let Some(fence) = refusal.fence {
        detail["fence"] = json!(fence.get());
    }
    if let Some(field) = &refusal.field {
        detail["field"] = json!(field);
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<LayoutError> for Failure {
    fn from(error: LayoutError) -> Self {
        Self { hint: error.hint(), ..Self::new(error.to_string()) }
    }
}

impl From<GtfsError> for Failure {
    fn from(error: GtfsError) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client_sdk::pb::Problem;

    fn failure(code: Code) -> Failure {
        let problem =
            Problem { alternatives: vec!["14B".into()], ..Problem::new(code, "seat 14A is taken") };
        Failure::from(Error::from(problem))
    }

    #[test]
    fn an_error_says_what_is_wrong_and_then_what_to_do() {
        let text = failure(Code::SeatTaken).as_text();
        assert_eq!(text, "error: seat 14A is taken\nhint: free instead: 14B\n");
    }

    #[test]
    fn scripts_can_tell_refusals_from_outages() {
        let exits = [
            (Code::SeatTaken, Exit::Refused),
            (Code::IdReused, Exit::Refused),
            (Code::TripNotFound, Exit::NotFound),
            (Code::UnknownSeat, Exit::NotFound),
            (Code::InvalidTtl, Exit::Usage),
            (Code::Overloaded, Exit::Unavailable),
            (Code::UnknownOutcome, Exit::Unavailable),
            (Code::Internal, Exit::Failed),
        ];
        for (code, exit) in exits {
            assert_eq!(failure(code).exit, exit, "{code:?}");
        }
    }

    #[test]
    fn json_errors_carry_the_code_and_the_alternatives() {
        let error = &failure(Code::SeatTaken).as_json()["error"];
        assert_eq!(error["code"], "SEAT_TAKEN");
        assert_eq!(error["exit"], 4);
        assert_eq!(error["alternatives"], json!(["14B"]));
    }
}
