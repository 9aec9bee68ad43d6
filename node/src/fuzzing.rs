//! A door to this crate's private readers of requests. It is there for the fuzz targets alone.

use actors::ids::TripId;
use actors::seat_map::Command;
use prost::DecodeError;
use proto::pb::{Problem, pipeline_command};

/// Reads a command of a pipeline and checks every field.
///
/// # Errors
/// When it cannot be read; inside, what the client is told.
pub fn incoming(command: &[u8]) -> Result<Result<(TripId, Command), Problem>, DecodeError> {
    let read = crate::wire::Incoming::read(command)?;
    Ok(read.routed.map(|routed| (routed.trip, routed.command)))
}

/// Checks every field of a request, as for a command that came from a client.
///
/// # Errors
/// What the client is told.
pub fn route(wire: pipeline_command::Command) -> Result<(TripId, Command), Problem> {
    crate::wire::route(wire).map(|routed| (routed.trip, routed.command))
}
