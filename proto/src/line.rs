//! The straight line of a hold: the names under which its stations are traced.
//!
//! Every station that a hold passes makes a short span of this name, at the level TRACE, with the field
//! `hold`. Whoever looks for one hold's id finds them in this order. `docs/OBSERVABILITY.md` shows one.

/// The target of all these spans: what a log filter names to see them and nothing else.
pub const TARGET: &str = "seatgrid::line";

/// The SDK has made the hold's id and sends it; the span ends with the answer.
pub const SDK_HOLD: &str = "sdk.hold";
/// The node has read the hold from the wire.
pub const NODE_HOLD: &str = "node.hold";
/// The node knows which shard has the trip.
pub const SHARD_ROUTE: &str = "shard.route";
/// The trip's committed state has been asked: it has answered, or the log will.
pub const TRIP_ADMIT: &str = "trip.admit";
/// The leader hands the entry with the hold to the log.
pub const LOG_PROPOSE: &str = "log.propose";
/// A replica applies the hold.
pub const SHARD_APPLY: &str = "shard.apply";
/// The seat map has decided.
pub const SEAT_MAP_HOLD: &str = "seat_map.hold";
/// The node puts the answer on the wire.
pub const NODE_REPLY: &str = "node.reply";

/// All of them, in the order of the line.
pub const STATIONS: [&str; 8] = [
    SDK_HOLD,
    NODE_HOLD,
    SHARD_ROUTE,
    TRIP_ADMIT,
    LOG_PROPOSE,
    SHARD_APPLY,
    SEAT_MAP_HOLD,
    NODE_REPLY,
];
