//! Seeds that are simulated in every build. Those with a name once found a defect, with the buyers of that
//! day; `.ci/run` simulates two hundred seeds at full length.

use seatgrid_chaos::sim::{Plan, Report, simulate};

/// How long faults go on in seeds without a name, in virtual milliseconds.
const SHORT_MS: u64 = 10_000;

fn short(seed: u64) -> Report {
    simulate(seed, Plan { faults_ms: SHORT_MS, ..Plan::of(seed) }, false)
}

fn assert_good(report: &Report) {
    let seed = report.seed;
    let found = &report.violations;
    assert!(found.is_empty(), "REPRODUCE WITH: seatgrid-chaos sim --seed {seed}\n{found:#?}");
}

/// A seed with faults for as long as it took until the defect showed, and a little more.
fn assert_good_until(seed: u64, faults_ms: u64) {
    assert_good(&simulate(seed, Plan { faults_ms, ..Plan::of(seed) }, false));
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
    let plan = Plan { faults_ms: SHORT_MS, ..Plan::of(11).without_faults() };
    let report = simulate(11, plan, false);
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
    assert_good_until(1, 10_000);
}

/// A leader that was killed came back in the same term without an entry that its followers had
/// committed, and put another in its place.
#[test]
fn a_leader_that_comes_back_does_not_lead_on() {
    assert_good_until(5, 120_000);
}

/// A leader that came back in the same term answered from a state that lacked its newest entries.
#[test]
fn a_leader_that_comes_back_answers_nothing_old() {
    assert_good_until(6, 32_000);
}

/// Log time stood still, and with it every expiry, when the leader's wall clock was behind the log.
#[test]
fn holds_expire_under_a_leader_whose_clock_is_slow() {
    assert_good_until(32, 120_000);
}

/// A node that came back with empty disks acknowledged entries of a leader that had been deposed, and so
/// two majorities committed different entries.
#[test]
fn a_node_that_forgot_everything_does_not_help_a_deposed_leader() {
    assert_good_until(38, 55_000);
}
