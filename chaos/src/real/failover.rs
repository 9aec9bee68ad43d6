//! How long buyers of a shard were without an answer.

use serde::Serialize;

use super::history::Record;
use super::nemesis::Fired;
use crate::verify::call::{Kind, Outcome};

/// From a fault that took a leader to the first acknowledged hold of its shard.
#[derive(Clone, Debug, Serialize)]
pub struct Failover {
    /// The fault.
    pub fault: &'static str,
    /// The shard.
    pub shard: u32,
    /// When it began, in milliseconds after the run began.
    pub at_ms: u64,
    /// How long it took, in milliseconds; absent when no hold was acknowledged any more.
    pub took_ms: Option<f64>,
}

/// All failovers of a run: only holds count that were asked for after the fault.
#[must_use]
pub fn failovers(fired: &[Fired], records: &[Record]) -> Vec<Failover> {
    let holds = || {
        let ok = |r: &&Record| r.kind == Kind::Hold && r.outcome == Outcome::Ok && !r.again;
        records.iter().filter(ok)
    };
    let of = |fired: &Fired| {
        let fault = fired.step.fault.name();
        let moments = fired.moments.clone().into_iter();
        moments
            .map(move |moment| {
                let after = |r: &&Record| r.shard == moment.shard && r.invoked_us >= moment.at_us;
                let first = holds().filter(after).map(|record| record.completed_us).min();
                let took_ms = first.map(|at| at.saturating_sub(moment.at_us) as f64 / 1_000.0);
                Failover { fault, shard: moment.shard, at_ms: moment.at_us / 1_000, took_ms }
            })
            .collect::<Vec<_>>()
    };
    fired.iter().flat_map(of).collect()
}

/// The value below which so much of all lies: `share` of 0.5 is the median.
#[must_use]
pub fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), Some(50.0));
        assert_eq!(percentile(&values, 0.99), Some(99.0));
        assert_eq!(percentile(&[7.0], 0.99), Some(7.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
