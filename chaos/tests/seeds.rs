//! Seeds that are simulated in every build; `.ci/run` simulates two hundred of them at full length. Those
//! with a name make happen what once showed a defect.

use seatgrid_chaos::sim::fault::Fault;
use seatgrid_chaos::sim::{Manner, Plan, Report, simulate};

/// How long faults go on in seeds without a name, in virtual milliseconds.
const SHORT_MS: u64 = 10_000;

/// How long in those with one.
const LONG_MS: u64 = 40_000;

fn short(seed: u64) -> Report {
    simulate(&Plan::lasting(seed, SHORT_MS), Manner::Whole)
}

fn assert_good(report: &Report) {
    let seed = report.seed;
    let found = &report.violations;
    assert!(found.is_empty(), "REPRODUCE WITH: seatgrid-chaos sim --seed {seed}\n{found:#?}");
}

/// A seed in which only these faults happen, for a while.
fn assert_good_under(faults: &[Fault]) {
    let report = simulate(&Plan::with(1, LONG_MS, faults), Manner::Whole);
    assert!(report.invalid.is_empty(), "{:?}", report.invalid);
    assert_good(&report);
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    for seed in 1_000..1_003 {
        let (first, second) = (short(seed), short(seed));
        assert_eq!(first.trace_hash, second.trace_hash, "seed {seed}");
        assert!(first.trace_lines > 100, "seed {seed} left {} lines", first.trace_lines);
    }
}

#[test]
fn another_seed_leaves_another_trace() {
    assert_ne!(short(1).trace_hash, short(2).trace_hash);
}

#[test]
fn without_faults_every_call_is_answered() {
    let report = simulate(&Plan::lasting(11, SHORT_MS).without_faults(), Manner::Whole);
    assert_good(&report);
    assert_eq!((report.buyers.unknown, report.buyers.unavailable), (0, 0));
    assert!(report.buyers.yes > 20, "{:?}", report.buyers);
}

#[test]
fn no_fault_breaks_a_promise() {
    for seed in 2_000..2_006 {
        assert_good(&short(seed));
    }
}

/// A leader tried a peer that was away again without a pause, for ever.
#[test]
fn a_dead_follower_does_not_keep_its_leader_busy() {
    assert_good_under(&[Fault::Kill, Fault::OneWayCut]);
}

/// A leader that was killed came back in the same term without an entry that its followers had
/// committed, and put another in its place, or answered from a state that lacked its newest entries.
#[test]
fn a_leader_that_comes_back_neither_leads_on_nor_answers_anything_old() {
    assert_good_under(&[Fault::Kill, Fault::PowerCut, Fault::DarkAfterAnswer]);
}

/// Log time stood still, and with it every expiry, when the leader's wall clock was behind the log.
#[test]
fn holds_expire_under_a_leader_whose_clock_is_slow() {
    assert_good_under(&[Fault::ClockJump, Fault::ClockRate, Fault::HandOver]);
}

/// A node that came back with empty disks acknowledged entries of a leader that had been deposed, and so
/// two majorities committed different entries.
#[test]
fn a_node_that_forgot_everything_does_not_help_a_deposed_leader() {
    assert_good_under(&[Fault::DeposedLeader, Fault::ForgetfulMajority]);
}

/// A process that stood still went on in the belief that nothing had been.
#[test]
fn a_leader_that_stood_still_answers_nothing_old() {
    assert_good_under(&[Fault::Pause]);
}

/// A follower that stopped between storing a snapshot and installing it was refused the same one for ever.
#[test]
fn a_follower_that_stopped_in_the_midst_of_an_install_catches_up() {
    assert_good_under(&[Fault::Laggard]);
    let plan: Plan = toml::from_str(include_str!("fixtures/stopped-in-an-install.toml")).unwrap();
    assert_good(&simulate(&plan, Manner::Whole));
}

/// A node that was woken wrote a snapshot of its old state over the one that it had just been sent.
#[test]
fn a_snapshot_of_the_own_state_is_not_written_over_a_newer_one() {
    let plan = include_str!("fixtures/written-over-an-install.toml");
    assert_good(&simulate(&toml::from_str(plan).unwrap(), Manner::Whole));
}

/// A snapshot that a peer had sent when the state here was newer was passed over, but its records stayed, and
/// a trip that was put away came back as it had been before its last change.
#[test]
fn a_snapshot_that_is_passed_over_leaves_no_record() {
    assert_good(&simulate(&Plan::lasting(8_505_592_888_335_962, 90_000), Manner::Whole));
}
