//! Limits of the shell around the seat maps. Limits of a seat map itself are in
//! [`crate::seat_map::limits`].

use crate::ids::MAX_COMMANDS_PER_ENTRY;

/// Commands packed into one log entry, at most: large enough to make a flush cheap per command, small
/// enough that applying an entry delays nobody by more than a millisecond.
pub const MAX_ENTRY_COMMANDS: usize = 1_024;

/// Bytes of commands packed into one log entry, at most. One larger command still makes an entry alone.
pub const MAX_ENTRY_BYTES: usize = 1 << 20;

/// Largest single command, in bytes: opening a trip with the largest layout.
pub const MAX_COMMAND_BYTES: usize = 16 << 20;

/// Entries of a shard under way in the log at once: while one is applied, others are on the network and on
/// the disks.
pub const MAX_ENTRIES_IN_FLIGHT: usize = 4;

/// Commands that make an entry worth sending while another is under way. A smaller one gathers more
/// meanwhile: what an entry costs three replicas outweighs the wait.
pub const MIN_FOLLOWING_COMMANDS: usize = 64;

/// Commands that may wait in a shard for their entry; one more is answered `OVERLOADED`.
pub const MAX_WAITING_COMMANDS: usize = 65_536;

/// Bytes of commands that may wait in a shard for their entry.
pub const MAX_WAITING_BYTES: usize = 64 << 20;

/// Commands that may wait in a shard's mailbox; one more is answered `OVERLOADED`.
pub const MAX_MAILBOX_COMMANDS: usize = 65_536;

/// A shard whose oldest command has waited for so long, in milliseconds, takes no more until it has been
/// carried out: `OVERLOADED`. What waits for longer than callers do is work for nothing.
pub const MAX_WAIT_MS: u64 = 250;

/// How long commands wait for a leader while the leadership moves, in milliseconds. A hand-over takes some
/// milliseconds, an election after the candidates have begun not much more.
pub const MAX_VACANCY_MS: u64 = 100;

/// What a caller is told to wait when a shard is overloaded, in milliseconds.
pub const OVERLOAD_RETRY_MS: u64 = 25;

/// How often a shard looks for what is due: expiry, watchers that fell behind, idle trips.
pub const TICK_MS: u64 = 50;

/// A leader puts an empty entry into its log when no other has been there for so long: followers keep
/// step with its time.
pub const TIME_MARK_MS: u64 = 10_000;

/// Expire commands proposed at one tick, at most; the rest follows at the next.
pub const MAX_EXPIRIES_PER_TICK: usize = 2_048;

/// How long an expiry that was proposed may take before it is proposed again.
pub const EXPIRY_RETRY_MS: u64 = 2_000;

/// Trips looked at for passivation at one tick: a pass over all trips goes on over many ticks.
pub const PASSIVATION_STEP: usize = 512;

/// Snapshot records taken from a shard in one turn.
pub const SNAPSHOT_STEP_RECORDS: usize = 32;

/// Bytes of snapshot records after which a turn of a shard ends: they take it about a millisecond. One more
/// trip may be on top, and one that remembers 65,536 answers takes some 4 MiB.
pub const SNAPSHOT_STEP_BYTES: usize = 256 << 10;

/// Trips that are looked at for records in one turn, changed or not.
pub const SNAPSHOT_STEP_TRIPS: usize = 2_048;

/// Changes that may wait for one watcher before it is left behind and later sent a snapshot.
pub const WATCH_QUEUE: usize = 256;

/// Changes that a shard keeps, of all its trips together: a watcher that lacks one that has gone is sent
/// a snapshot. They take about 2 MiB.
pub const MAX_JOURNAL_CHANGES: usize = 16_384;

/// Watchers of one trip on one replica, at most.
pub const MAX_WATCHERS_PER_TRIP: usize = 10_000;

/// How long an audit looks at trips in one turn of its shard, in microseconds. One more trip may be on top.
pub const AUDIT_STEP_MICROS: u64 = 500;

/// Audit results that a replica remembers.
pub const AUDITS_KEPT: usize = 8;

/// Violations listed by one audit, at most.
pub const MAX_VIOLATIONS: usize = 100;

const _: () = {
    assert!(MAX_ENTRY_COMMANDS <= MAX_COMMANDS_PER_ENTRY);
    assert!(MAX_ENTRY_COMMANDS <= MAX_WAITING_COMMANDS);
    assert!(MAX_COMMAND_BYTES <= MAX_WAITING_BYTES);
};
