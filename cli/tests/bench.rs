//! `bench` and `capacity` as their users run them, on real nodes.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;

fn seatgrid(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seatgrid")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_way_to_ask_is_measured_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (save, markdown, page) = (path("all.json"), path("all.md"), path("all.html"));
    let kept = ["--save", &save, "--markdown", &markdown, "--report", &page];
    let work = ["bench", "--workload", "turnover", "--trips", "12", "--trip-seats", "64"];
    let how = ["--loads", "2x32", "--rounds", "2", "--duration", "300ms", "-o", "json"];
    let systems = ["--systems", "seatgrid,seatgrid-batch,seatgrid-unary,null"];
    let results = json(&seatgrid(&[&work[..], &how, &systems, &kept].concat()));
    let rows = results["rows"].as_array().unwrap();
    let callers: Vec<&str> = rows.iter().map(|row| row["caller"].as_str().unwrap()).collect();
    assert_eq!(callers, ["pipeline", "batch", "unary", "pipeline"]);
    for row in rows {
        let turns = row["turns"].as_array().unwrap();
        assert_eq!(turns.len(), 2, "{row}");
        for turn in turns {
            assert!(turn["per_second"].as_f64() > Some(0.0) && turn["failed"] == 0, "{row}");
            assert!(turn["p50_us"].as_f64() <= turn["p99_us"].as_f64(), "{row}");
        }
    }
    let text = std::fs::read_to_string(&markdown).unwrap();
    assert!(text.contains("## Growth") && text.contains("| batch |"), "{text}");
    assert!(std::fs::read_to_string(&page).unwrap().ends_with("</html>\n"));

    // What was kept is told again without measuring anything.
    let again = path("again.md");
    let told = seatgrid(&["bench", "--save", &save, "--only-report", "--markdown", &again]);
    assert!(told.status.success());
    assert_eq!(std::fs::read_to_string(&again).unwrap(), text);
}

#[test]
fn a_long_run_is_told_in_pieces() {
    let work = ["bench", "--workload", "turnover", "--trips", "4", "--systems", "seatgrid"];
    let how = ["--loads", "2x64", "--rates", "200", "--rounds", "1", "--duration", "1200ms"];
    let results = json(&seatgrid(&[&work[..], &how, &["--slice", "300ms", "-o", "json"]].concat()));
    let turn = &results["rows"][0]["turns"][0];
    let slices = turn["slices"].as_array().unwrap();
    assert!((3..=4).contains(&slices.len()), "{turn}");
    for slice in slices {
        assert!(slice["per_second"].as_f64() > Some(0.0), "{slice}");
        assert!(slice["server_bytes"].as_u64() > Some(1 << 20), "{slice}");
        assert!(slice["disk_bytes"].as_u64() > Some(1 << 10), "{slice}");
    }
}

#[test]
fn a_goal_is_answered_with_a_number_of_nodes() {
    let goal = ["--goal", "1000000", "--one-trip", "100", "--cores", "4", "--spare", "1"];
    let how = ["capacity", "--rounds", "1", "--duration", "300ms", "-o", "json"];
    let report = json(&seatgrid(&[&how[..], &goal].concat()));
    assert!(report["measured"]["hold_us"].as_f64() > Some(0.0), "{report}");
    assert!(report["plan"]["nodes"].as_u64() >= Some(4), "{report}");
}

#[test]
fn more_than_a_client_can_keep_is_refused_before_anything_is_started() {
    let output = seatgrid(&["bench", "--trips", "2000000", "--trip-seats", "200000"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--trips times --trip-seats may be at most 100000000 holds"), "{text}");
    let output = seatgrid(&["bench", "--duration", "1h", "--slice", "1ms"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--duration divided by --slice may be at most 1000"), "{text}");
    let output = seatgrid(&["bench", "--loads", "0x4"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("LANESxDEPTH"));
}
