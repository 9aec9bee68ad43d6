//! One run of a plan: a cluster, buyers, faults, and what came of it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use client_sdk::new_hold_id;
use serde::Serialize;

use super::book;
use super::buyers::Buyers;
use super::check::{Found, check};
use super::cluster::{Cluster, Site};
use super::failover::{Failover, failovers};
use super::history::{self, History, Record};
use super::leaders::{self, Led};
use super::nemesis::{Fired, Nemesis};
use super::plan::Plan;
use crate::verify::{self, verify};

/// What a run says about the plan's promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything fired under load, and nothing was violated.
    Passed,
    /// A fault did not happen, or under too little load: the run says nothing.
    Invalid,
    /// Something was violated.
    Violated,
}

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// What was violated.
    pub violations: Vec<String>,
    /// Why the run says nothing.
    pub invalid: Vec<String>,
    /// What happened.
    pub fired: Vec<Fired>,
    /// How long buyers were without an answer.
    pub failovers: Vec<Failover>,
    /// Calls by kind and outcome.
    pub calls: BTreeMap<String, u64>,
    /// What the cluster had at the end.
    pub found: Found,
    /// What the answers say about each other.
    pub verified: verify::Verdict,
    /// Who led each shard when.
    pub leaders: Vec<Led>,
    /// The calls.
    #[serde(skip)]
    pub history: Arc<verify::History>,
}

/// Runs a plan once, on nodes of its own or on a staging cluster. Files of the nodes and the history lie in
/// `dir`. What is done now is told to `say`.
///
/// # Errors
/// When the cluster cannot be started: then nothing was tried.
pub async fn run(
    plan: &Plan,
    seed: u64,
    site: &Site,
    dir: &Path,
    say: impl Fn(&str),
) -> io::Result<Report> {
    say("the nodes start");
    let cluster = Arc::new(Cluster::start(plan, site, dir).await?);
    // Trips of their own, also where other runs have left theirs.
    let prefix = match site {
        Site::Own(_) => String::new(),
        Site::Staging { .. } => format!("chaos-{}-", new_hold_id()),
    };
    let buyers = Buyers::start(plan, &cluster.endpoints(), &prefix).await;
    let buyers = buyers.map_err(io::Error::other)?;
    let history = Arc::new(History::begin());
    say(&format!("buyers arrive for {} s, {} a second", plan.duration_s, plan.arrivals_per_s));
    let nemesis = Nemesis::new(Arc::clone(&cluster), Arc::clone(&history));
    let buying = buyers.run(plan, seed, &history);
    let changes = parking_lot::Mutex::default();
    let (fired, ()) = tokio::select! {
        done = async { tokio::join!(nemesis.run(plan, seed), buying) } => done,
        () = leaders::watch(&cluster, &history, &changes) => unreachable!("it watches until it is dropped"),
    };

    say("the answers are verified");
    let mut violations = revive(&cluster).await;
    let records = history.records();
    history::write(&records, &dir.join("history.jsonl"))?;
    let recorded = Arc::new(history::recorded(&records));
    let verified = verify(&recorded);
    violations.extend(
        verified.contradictions.iter().map(|found| format!("{}: {}", found.rule, found.text)),
    );
    let late = fired.iter().filter(|fired| fired.timed_out);
    violations.extend(late.map(|fired| {
        format!("{} at {} ms: {}", fired.step.fault, fired.step.at_ms, fired.notes.join("; "))
    }));
    say("everything is read back");
    let found = match check(&cluster, book::entries(&records)).await {
        Ok(found) => found,
        Err(why) => {
            violations.push(why);
            Found::default()
        }
    };
    violations.extend(found.violations.iter().cloned());
    violations.extend(revive(&cluster).await);
    cluster.kill().await;
    let failovers = failovers(&fired, &records);
    violations.extend(failovers.iter().filter_map(|failover| too_long(plan, failover)));

    let calls = count(&records);
    let mut invalid = uncovered(plan, &fired, calls.get("hold ok").copied().unwrap_or(0));
    invalid.extend(unfinished(&verified));
    let verdict = match (violations.is_empty(), invalid.is_empty()) {
        (false, _) => Verdict::Violated,
        (true, false) => Verdict::Invalid,
        (true, true) => Verdict::Passed,
    };
    Ok(Report {
        seed,
        verdict,
        violations,
        invalid,
        fired,
        failovers,
        calls,
        found,
        verified,
        leaders: changes.into_inner(),
        history: recorded,
    })
}

/// Starts nodes that do not run; says which ended by themselves.
async fn revive(cluster: &Cluster) -> Vec<String> {
    let mut ended = Vec::new();
    for id in cluster.own() {
        let mut process = cluster.process(id).await;
        ended.extend(process.ended());
        if !process.is_started()
            && let Err(error) = process.start()
        {
            ended.push(format!("node {id} cannot be started: {error}"));
        }
    }
    ended
}

/// A shard that was longer without a leader than the plan allows.
fn too_long(plan: &Plan, failover: &Failover) -> Option<String> {
    let allowed = plan.failover_within_ms;
    let in_time = failover.took_ms.is_some_and(|took| took <= allowed as f64);
    (allowed > 0 && !in_time).then(|| {
        let next = failover.took_ms.map_or("no hold any more".to_owned(), |ms| {
            format!("the next hold after {ms:.0} ms")
        });
        let Failover { fault, shard, at_ms, .. } = failover;
        format!(
            "shard {shard} acknowledged {next} when {fault} met its leader at {at_ms} ms; {allowed} ms are \
             allowed"
        )
    })
}

/// What did not happen that should have, and what happened while too few were there to notice.
fn uncovered(plan: &Plan, fired: &[Fired], holds: u64) -> Vec<String> {
    let mut invalid = Vec::new();
    for missed in fired.iter().filter(|fired| plan.steps.contains(&fired.step)) {
        let (step, why) = (&missed.step, missed.notes.join("; "));
        if missed.fired_ms.is_none() {
            invalid.push(format!("{} at {} ms did not happen: {why}", step.fault, step.at_ms));
        } else if missed.holds_before < plan.min_holds_per_s {
            invalid.push(format!(
                "{} at {} ms: {} holds were acknowledged in the second before, {} are needed",
                step.fault, step.at_ms, missed.holds_before, plan.min_holds_per_s
            ));
        }
    }
    // One fault may come while another still keeps buyers waiting: here the load of the whole run counts.
    let (seconds, floor) = (plan.duration_s, plan.min_holds_per_s);
    if plan.random.is_some() && holds < floor * seconds {
        invalid.push(format!(
            "{holds} holds were acknowledged in {seconds} s, {floor} a second are needed"
        ));
    }
    for fault in plan.random.iter().flat_map(|random| &random.faults) {
        let mut of_kind = fired.iter().filter(|fired| fired.step.fault == *fault);
        if !of_kind.any(|fired| fired.fired_ms.is_some()) {
            invalid.push(format!("{fault} never happened"));
        }
    }
    invalid
}

/// Rules whose search was given up: what was not looked at has not passed.
fn unfinished(verified: &verify::Verdict) -> impl Iterator<Item = String> + '_ {
    let undecided = verified.rules.iter().filter(|rule| rule.undecided > 0);
    undecided.map(|rule| {
        format!("{}: {} searches were given up: {}", rule.rule, rule.undecided, rule.why_not)
    })
}

fn count(records: &[Record]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for record in records {
        let (kind, outcome) = (record.kind.name(), record.outcome.name());
        *counts.entry(format!("{kind} {outcome}")).or_default() += 1;
    }
    counts
}
