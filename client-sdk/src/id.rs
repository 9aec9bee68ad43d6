//! Ids of holds and commands, made by the client.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::ids::{CommandId, HoldId};
use rand::RngExt as _;

/// A new id for a hold: a UUID of version 7, so that ids sort by the time when they were made.
///
/// The randomness comes from this thread's own generator, which is seeded by the system now and then: an
/// id costs no system call.
#[must_use]
pub fn new_hold_id() -> HoldId {
    HoldId::new(uuid_v7(unix_ms(), rand::rng().random())).expect("the version bits are never zero")
}

/// A new id for a command. Keep it with the request: a retry carries the same one.
#[must_use]
pub fn new_command_id() -> CommandId {
    new_hold_id().into()
}

/// Sixteen bytes of a UUID of version 7 from a time and 128 random bits.
fn uuid_v7(unix_ms: u64, random: u128) -> [u8; 16] {
    const VERSION: u128 = 0x7 << 76;
    const VARIANT: u128 = 0b10 << 62;
    const TAKEN: u128 = 0xffff_ffff_ffff << 80 | 0xf << 76 | 0b11 << 62;
    let random = random & !TAKEN;
    (u128::from(unix_ms) << 80 | VERSION | VARIANT | random).to_be_bytes()
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX) & 0xffff_ffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        let text = HoldId::new(uuid_v7(0x0190_f3a2_7b1c, u128::MAX)).map(|id| id.to_string());
        assert_eq!(text.as_deref(), Ok("0190f3a2-7b1c-7fff-bfff-ffffffffffff"));
        let text = HoldId::new(uuid_v7(0, 0)).map(|id| id.to_string());
        assert_eq!(text.as_deref(), Ok("00000000-0000-7000-8000-000000000000"));
    }

    #[test]
    fn ids_differ() {
        let ids: HashSet<HoldId> = (0..10_000).map(|_| new_hold_id()).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
