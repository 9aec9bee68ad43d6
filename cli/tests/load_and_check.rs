//! `load` and `check` against a node that answers everything and knows nothing.
#![allow(clippy::unwrap_used)]

extern crate client_sdk as seatgrid_client_sdk;

#[path = "../../client-sdk/tests/fake/mod.rs"]
mod fake;

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::Arc;

use client_sdk::pb::{Code, PipelineCommand, Problem};
use serde_json::Value;
use tokio::process::Command;

async fn seatgrid(endpoint: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatgrid"));
    command.args(["--endpoints", endpoint, "-o", "json"]).args(arguments);
    command.output().await.unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

/// Counts of each kind of command in a load's report.
fn counts(report: &Value) -> BTreeMap<String, u64> {
    let commands = report["commands"].as_array().unwrap();
    let count = |kind: &Value| {
        (kind["command"].as_str().unwrap().to_owned(), kind["count"].as_u64().unwrap())
    };
    commands.iter().map(count).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_command_is_in_the_ledger() {
    let node = fake::single(Arc::new(fake::yes)).await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("run.jsonl");
    let output = seatgrid(
        &node.endpoint,
        &[
            "load",
            "--trips",
            "null-",
            "--duration",
            "300ms",
            "--warmup",
            "0s",
            "--buyers",
            "64",
            "--pick",
            "random",
            "--ledger",
            ledger.to_str().unwrap(),
        ],
    )
    .await;
    assert_eq!(output.status.code(), Some(0));
    let report = counts(&json(&output));
    let mut written: BTreeMap<String, u64> = BTreeMap::new();
    for line in std::fs::read_to_string(&ledger).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        *written.entry(line["op"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for (command, op) in [("hold", "held"), ("confirm", "confirmed"), ("release", "released")] {
        assert!(report[command] > 0);
        assert_eq!(report[command], written[op], "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_in_the_history() {
    let node = fake::single(Arc::new(fake::yes)).await;
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history.jsonl");
    let load = ["load", "--trips", "null-", "--duration", "300ms", "--warmup", "0s"];
    let more = ["--buyers", "64", "--pick", "random", "--history", history.to_str().unwrap()];
    let output = seatgrid(&node.endpoint, &[&load[..], &more].concat()).await;
    assert_eq!(output.status.code(), Some(0));
    let report = counts(&json(&output));
    let text = std::fs::read_to_string(&history).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.next().unwrap()["history"], 1);
    let mut written: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines {
        assert!(line["invoked_us"].as_u64() <= line["completed_us"].as_u64(), "{line}");
        assert_eq!(line["outcome"], "ok");
        *written.entry(line["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for kind in ["hold", "confirm", "release"] {
        assert!(report[kind] > 0);
        assert_eq!(report[kind], written[kind], "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_counted_by_code() {
    let node = fake::single(Arc::new(|command: &PipelineCommand| {
        fake::problem(command, Problem::new(Code::SeatTaken, ""))
    }))
    .await;
    let load = ["load", "--trips", "null-1", "--duration", "200ms", "--warmup", "0s"];
    let output = seatgrid(&node.endpoint, &[&load[..], &["--workload", "hot"]].concat()).await;
    let report = json(&output);
    assert_eq!(report["refusals"]["SEAT_TAKEN"].as_u64(), Some(counts(&report)["hold refused"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_are_paced_in_the_open_mode() {
    let node = fake::single(Arc::new(fake::yes)).await;
    let load =
        ["load", "--trips", "null-", "--duration", "500ms", "--warmup", "0s", "--pick", "random"];
    let open = ["--mode", "open", "--rate", "200", "--workload", "hold-only"];
    let report = json(&seatgrid(&node.endpoint, &[&load[..], &open].concat()).await);
    let holds = counts(&report)["hold"];
    assert!((40..200).contains(&holds), "{holds} holds in half a second at 200 a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_cannot_be_audited_is_not_called_clean() {
    let node = fake::single(Arc::new(fake::yes)).await;
    let output = seatgrid(&node.endpoint, &["check", "--wait", "100ms"]).await;
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(json(&output)["verdict"], "could not be checked completely");
}
