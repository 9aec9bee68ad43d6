//! A door to this crate's private reader of requests. It is there for the fuzz targets alone.

use actors::ids::TripId;
use actors::seat_map::Command;
use proto::pb::{Problem, pipeline_command};

/// Checks every field of a request, as for a command that came from a client.
///
/// # Errors
/// What the client is told.
pub fn route(wire: pipeline_command::Command) -> Result<(TripId, Command), Problem> {
    crate::wire::route(wire).map(|routed| (routed.trip, routed.command))
}
