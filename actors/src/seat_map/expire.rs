//! Expire: end every hold whose time has come, and forget what finished long ago. Expire now: the time of
//! some has come because somebody says so.

use proto::ids::{LogPosition, Timestamp};
use raft::mutant::{Mutant, planted};

use super::change::ChangeKind;
use super::command::ExpireNow;
use super::record::HoldState;
use super::refusal::Refusal;
use super::reply::Reply;
use super::{Outcome, SeatMap, Turn, extend};

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

/// The ladder of [`ExpireNow`]: the hold, if one is named, is alive.
pub(super) fn check(map: &SeatMap, at: Timestamp, expire: &ExpireNow) -> Result<(), Refusal> {
    expire.hold.map_or(Ok(()), |hold| extend::live(map, at, hold).map(drop))
}

/// Brings deadlines forward to now, and sweeps.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, expire: &ExpireNow) -> Outcome {
    let slots = match expire.hold {
        Some(hold) => vec![extend::live(map, turn.at, hold)?],
        None => map.deadlines.slots().collect(),
    };
    for slot in slots {
        map.set_deadline(slot, turn.at);
    }
    Ok(Reply::Expired { count: sweep(map, turn.at, turn.pos) })
}
