//! Seeds that are known to find planted defects: a gate that simulates only these is soon done.

use raft::mutant::Mutant;

/// The defects that the first seed does not find.
const KNOWN: &[(Mutant, u64)] = &[
    (Mutant::LooksAtTheSeatFirst, 3),
    (Mutant::ForgetsTheFingerprint, 3),
    (Mutant::TakesLostForUnsent, 13),
    (Mutant::IgnoresTheFence, 3),
    (Mutant::KeepsHalfABatch, 3),
    (Mutant::StampsByItsOwnClock, 2),
    (Mutant::IgnoresTheCap, 3),
    (Mutant::DropsAChange, 8),
    (Mutant::SkipsATripInSnapshots, 2),
    (Mutant::CutsTheLogAtDamage, 11),
    (Mutant::VotesWithoutMemory, 3),
    (Mutant::AsksTooFew, 14),
    (Mutant::ListensToADeposedLeader, 14),
];

/// The seed that is known to find a defect.
pub(super) fn seed_of(mutant: Mutant) -> Option<u64> {
    KNOWN.iter().find(|(known, _)| *known == mutant).map(|(_, seed)| *seed)
}
