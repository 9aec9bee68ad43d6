//! `verify` on the command line: exit codes, what is said, and the page.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const FINE: &str = r#"{"history":1,"complete":true}
{"kind":"hold","outcome":"ok","trip":"t","hold":"a","seats":[4],"invoked_us":10,"completed_us":20}
{"kind":"release","outcome":"ok","trip":"t","hold":"a","invoked_us":30,"completed_us":40}
{"kind":"hold","outcome":"ok","trip":"t","hold":"b","seats":[4],"invoked_us":50,"completed_us":60}
{"kind":"confirm","outcome":"ok","trip":"t","hold":"b","invoked_us":70,"completed_us":80}
"#;

fn sold_twice() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sold-twice.jsonl")
}

fn verify(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatgrid-chaos"));
    let Output { status, stdout, stderr } = command.arg("verify").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn written(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn answers_that_can_all_be_true_are_consistent() {
    let folder = tempfile::tempdir().unwrap();
    let fine = written(&folder, "fine.jsonl", FINE);
    let (code, said, _) = verify(&[&fine]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("CONSISTENT"), "{said}");
    // Without positions a rule that needs them has not passed.
    let line = said.lines().find(|line| line.contains("one_owner")).unwrap();
    assert!(line.contains("not checked") && line.contains("no position or fence"), "{line}");
    let line = said.lines().find(|line| line.contains("linearizable")).unwrap();
    assert!(line.contains("holds"), "{line}");
}

#[test]
fn a_contradiction_names_seat_leg_holds_and_lines() {
    let (code, said, _) = verify(&[sold_twice().to_str().unwrap()]);
    assert_eq!(code, 1, "{said}");
    for expected in [
        "trip coach <101>, seat 12A, leg 2: hold ana-7f31 (line 2, granted at position 65536, fence 65536)",
        "hold dee-b81e (line 6, granted at position 262144, fence 262144) both own it",
        "sold to hold ana-7f31 (line 4",
        "no order of the calls explains line 6",
        "CONTRADICTION",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

#[test]
fn programs_get_everything() {
    let (code, said, _) = verify(&[sold_twice().to_str().unwrap(), "--output", "json"]);
    let outcome: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &outcome["judgement"]), (1, &Value::from("contradiction")));
    let first = &outcome["files"][0]["contradictions"][0];
    assert_eq!((&first["seat"], &first["leg"]), (&Value::from("12A"), &Value::from(2)));
    assert_eq!(first["lines"], serde_json::json!([2, 6]));
}

#[test]
fn a_line_that_cannot_be_used_is_told_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let bad = written(&folder, "bad.jsonl", &FINE.replace("\"confirm\"", "\"buy\""));
    let (code, said, error) = verify(&[&bad]);
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(error.contains("bad.jsonl:5: kind: is \"buy\"; one of hold, confirm"), "{error}");
    assert_eq!(verify(&[]).0, 2);
    assert_eq!(verify(&["missing.jsonl"]).0, 2);
}

#[test]
fn nothing_to_check_is_not_consistent() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said, _) = verify(&[&written(&folder, "empty.jsonl", "")]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("UNDECIDED"), "{said}");
}

#[test]
fn a_search_that_is_given_up_is_undecided() {
    // More holds at once than the search follows: all overlap, and all are said to have the seat in turn.
    let mut text = String::new();
    for n in 0..70 {
        text += &format!(
            "{{\"kind\":\"hold\",\"outcome\":\"ok\",\"trip\":\"t\",\"hold\":\"{n}\",\"seats\":[1],\
             \"invoked_us\":1,\"completed_us\":100}}\n"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let (code, said, _) = verify(&[&written(&folder, "crowd.jsonl", &text)]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("undecided"), "{said}");
}

#[test]
fn a_page_has_every_rule_and_needs_nothing_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let (code, ..) = verify(&[sold_twice().to_str().unwrap(), "--report", page.to_str().unwrap()]);
    assert_eq!(code, 1);
    let html = std::fs::read_to_string(page).unwrap();
    for rule in [
        "one_owner",
        "sold_once",
        "lifecycle",
        "same_answer",
        "real_time",
        "fences",
        "log_time",
        "refusals",
        "typed_answers",
        "linearizable",
    ] {
        assert!(html.contains(&format!("<th scope=row><code>{rule}</code>")), "{rule}");
    }
    for expected in [
        "CONTRADICTION",
        "REPRODUCE WITH:",
        "What is wrong",
        "What was checked",
        "What happened when",
        "What was asked and answered",
        "– not checked",
        "⚠ hold: ok (line 6)",
        "hold eli-&lt;b&gt;1&lt;/b&gt;",
        "trip coach &lt;101&gt;",
        "prefers-color-scheme:dark",
        "<html lang=en>",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    for never in ["http", "<script", "<101>", "<b>1", "@import", "url(\""] {
        assert!(!html.contains(never), "{never}");
    }
}
