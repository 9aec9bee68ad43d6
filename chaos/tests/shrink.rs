//! A planted defect's seed is made small enough to be read.
#![cfg(feature = "mutants")]

use raft::mutant::Mutant;
use seatgrid_chaos::sim::{Manner, Plan, shrink, simulate};

/// Events of a plan that somebody can take in.
const FEW: usize = 20;

fn assert_small(mutant: Mutant, plan: Plan) {
    let plan = Plan { mutant: Some(mutant), ..plan };
    let small = shrink(&plan, 60).expect("the defect is found");
    assert!(small.plan.events.len() <= FEW, "{:#?}", small.plan.events);
    let written = small.plan.to_toml();
    let again: Plan = toml::from_str(&written).expect("it is read back as it was written");
    let again = simulate(&again, Manner::UntilViolated);
    assert_eq!(again.trace_hash, small.report.trace_hash, "{written}");
}

#[test]
fn a_defect_that_needs_no_fault_is_left_with_none() {
    assert_small(Mutant::ForgetsALeg, Plan::lasting(1, 5_000));
}

#[test]
fn a_defect_that_needs_a_fault_is_left_with_few() {
    assert_small(Mutant::ForgetsTheVote, Plan::lasting(1, 60_000));
}
