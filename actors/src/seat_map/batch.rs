//! Batch: several commands, all or none.

use proto::ids::CommandId;
use raft::mutant::{Mutant, planted};

use super::command::{Command, CommandBody};
use super::limits::MAX_BATCH;
use super::refusal::{BatchFault, Refusal};
use super::reply::Reply;
use super::{Outcome, SeatMap, Turn};

/// The ladder of the batch itself: its size, what it holds, its ids. What its commands are answered
/// depends on those before them, so only the log can tell.
pub(super) fn check(id: CommandId, commands: &[Command]) -> Result<(), Refusal> {
    if commands.is_empty() || commands.len() > MAX_BATCH {
        let commands = u32::try_from(commands.len()).unwrap_or(u32::MAX);
        return Err(Refusal::BatchInvalid(BatchFault::Size { commands }));
    }
    for (place, command) in (0..).zip(commands) {
        if matches!(
            command.body,
            CommandBody::Open(_) | CommandBody::Expire | CommandBody::Batch(_)
        ) {
            return Err(Refusal::BatchInvalid(BatchFault::NotAllowed { place }));
        }
        let earlier = &commands[..usize::from(place)];
        if command.id == id || earlier.iter().any(|other| other.id == command.id) {
            return Err(Refusal::BatchInvalid(BatchFault::DuplicateId { place }));
        }
    }
    Ok(())
}

/// Does the commands in order, each seeing what those before it did. At the first refusal everything is
/// put back as it was: the batch is remembered, its commands are not.
pub(super) fn apply(map: &mut SeatMap, turn: Turn, id: CommandId, commands: &[Command]) -> Outcome {
    check(id, commands)?;
    let before = map.clone();
    let mark = map.journal.next_number();
    let mut replies = Vec::with_capacity(commands.len());
    for (place, command) in (0..).zip(commands) {
        match map.run(turn.at, turn.pos, command) {
            Ok(reply) => replies.push(reply),
            Err(refusal) => {
                if planted(Mutant::KeepsHalfABatch) {
                    return Err(Refusal::InBatch { place, refusal: Box::new(refusal) });
                }
                let failed = std::mem::replace(map, before);
                map.journal = failed.journal;
                map.journal.forget_from(mark);
                return Err(Refusal::InBatch { place, refusal: Box::new(refusal) });
            }
        }
    }
    Ok(Reply::Batch(replies))
}
