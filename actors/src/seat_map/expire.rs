//! Expire: end every hold whose time has come, and forget what finished long ago.

use proto::ids::{LogPosition, Timestamp};
use raft::mutant::{Mutant, planted};

use super::SeatMap;
use super::change::ChangeKind;
use super::record::HoldState;

/// Expires everything that is due at `at` and says how many holds that were. Holds that are due expire
/// in order of deadline, fence and id, which is the same on every replica.
pub(super) fn sweep(map: &mut SeatMap, at: Timestamp, pos: LogPosition) -> u32 {
    let at = if planted(Mutant::ExpiresEarly) { at.plus_ms(1_000) } else { at };
    if planted(Mutant::NeverExpires) {
        return 0;
    }
    map.registry.forget_old(at);
    if map.deadlines.earliest().is_none_or(|deadline| deadline > at) {
        return 0;
    }
    let mut due: Vec<u32> = std::iter::from_fn(|| map.deadlines.pop_due(at)).collect();
    due.sort_unstable_by_key(|&slot| {
        let record = map.registry.record(slot);
        (record.deadline, record.fence, record.id)
    });
    for &slot in &due {
        map.finish((at, pos), slot, HoldState::Expired, ChangeKind::Expired);
    }
    u32::try_from(due.len()).expect("holds are counted in 32 bits")
}
