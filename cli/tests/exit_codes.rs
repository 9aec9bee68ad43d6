//! What scripts rely on: exit codes, what goes to standard output, and what to standard error.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

/// Nothing listens on the discard port of this machine.
const NOBODY: [&str; 4] = ["--endpoints", "http://127.0.0.1:9", "--timeout", "300ms"];

fn seatgrid(arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_seatgrid");
    Command::new(binary).args(arguments).env_remove("SEATGRID_ENDPOINTS").output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn sample(name: &str) -> String {
    format!("{}/../samples/layouts/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_cluster_that_is_not_there_is_five_with_a_hint() {
    let output = seatgrid(&[&NOBODY[..], &["trip", "list"]].concat());
    assert_eq!(code(&output), 5);
    assert!(output.stdout.is_empty());
    let text = stderr(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("error: the cluster is unavailable"), "{text}");
    assert!(
        lines[1].starts_with("hint: asked http://127.0.0.1:9; is a cluster running?"),
        "{text}"
    );
}

#[test]
fn errors_can_be_read_by_programs() {
    let output = seatgrid(&[&NOBODY[..], &["trip", "list", "-o", "json"]].concat());
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["code"], "UNAVAILABLE");
    assert_eq!(error["error"]["retryable"], true);
    assert_eq!(error["error"]["exit"], 5);
}

#[test]
fn wrong_usage_is_two() {
    for arguments in [&["hold", "t1"][..], &["fly"], &["trip", "show", "t1", "--legs", "3..1"]] {
        assert_eq!(code(&seatgrid(arguments)), 2, "{arguments:?}");
    }
    let output = seatgrid(&["load", "--confirm", "60", "--release", "60"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
}

#[test]
fn a_layout_is_drawn_on_standard_output() {
    let output = seatgrid(&["layout", "show", &sample("coach-50.json")]);
    assert_eq!(code(&output), 0);
    assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    let output = seatgrid(&["layout", "lint", "-o", "json", &sample("coach-50.json")]);
    let lint: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(lint["layouts"][0]["seats"], 50);
}

#[test]
fn a_bad_layout_is_one_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.json");
    std::fs::write(&path, "{\n\"name\": \"x\",\n").unwrap();
    let output = seatgrid(&["layout", "lint", path.to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
}

#[test]
fn completions_are_written_for_shells() {
    let output = seatgrid(&["completions", "bash"]);
    assert_eq!(code(&output), 0);
    assert!(String::from_utf8(output.stdout).unwrap().contains("seatgrid"));
}
