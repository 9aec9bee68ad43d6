//! Who leads a shard after a leader that goes.

/// Entries that one who is to lead may lack: as many as are on the way while many commands come. He is
/// sent them before he stands for election, and until then nobody leads.
const NEAR_ENTRIES: u64 = 16;

/// A voter that could lead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) node: u64,
    /// The index up to which it has the log.
    pub(crate) matched: u64,
    /// Whether it answered of late.
    pub(crate) answers: bool,
}

/// One of those who have nearly everything; `turn` chooses among them. Those who do not answer lead only
/// if nobody does.
pub(crate) fn choose(mut candidates: Vec<Candidate>, turn: usize) -> Option<u64> {
    if candidates.iter().any(|candidate| candidate.answers) {
        candidates.retain(|candidate| candidate.answers);
    }
    let best = candidates.iter().map(|candidate| candidate.matched).max()?;
    candidates.retain(|candidate| candidate.matched + NEAR_ENTRIES >= best);
    candidates.get(turn % candidates.len()).map(|candidate| candidate.node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(candidates: &[(u64, u64, bool)]) -> [Option<u64>; 3] {
        let candidates = candidates.iter();
        let candidates: Vec<Candidate> = candidates
            .map(|&(node, matched, answers)| Candidate { node, matched, answers })
            .collect();
        [0, 1, 2].map(|turn| choose(candidates.clone(), turn))
    }

    #[test]
    fn equals_take_turns() {
        assert_eq!(chosen(&[(1, 100, true), (3, 99, true)]), [Some(1), Some(3), Some(1)]);
    }

    #[test]
    fn who_came_back_a_moment_ago_has_to_catch_up_first() {
        assert_eq!(chosen(&[(1, 40, true), (3, 100, true)]), [Some(3); 3]);
    }

    #[test]
    fn who_is_silent_leads_only_where_everybody_is() {
        assert_eq!(chosen(&[(1, 100, false), (3, 20, true)]), [Some(3); 3]);
        assert_eq!(chosen(&[(1, 100, false), (3, 20, false)]), [Some(1); 3]);
    }

    #[test]
    fn nobody_follows_the_only_one() {
        assert_eq!(chosen(&[]), [None; 3]);
    }
}
