//! A plan on real processes, from the command line to the verdict.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

fn chaos(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seatgrid-chaos")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_killed_leader_takes_nothing_along_and_a_drained_one_ends() {
    // A low floor of load: this is a build without optimisation, perhaps on a busy machine.
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    let text = "proves = \"it holds\"\nduration_s = 8\n[load]\narrivals_per_s = 60\n\
                min_holds_per_s = 1\n[[step]]\nat_ms = 2000\nfault = \"kill\"\nfor_ms = 1000\n\
                [[step]]\nat_ms = 6000\nfault = \"stop\"\nfor_ms = 500\n";
    std::fs::write(&plan, text).unwrap();
    let page = folder.path().join("page.html");
    let (plan, report) = (plan.to_str().unwrap(), page.to_str().unwrap());
    let output = chaos(&["run", "--plan", plan, "--report", report, "--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &outcome["runs"][0];
    assert_eq!(run["verdict"], "passed");
    assert!(run["fired"][0]["fired_ms"].as_u64().unwrap() >= 2_000, "{run}");
    assert!(outcome["confirms_acknowledged"].as_u64().unwrap() > 0, "{outcome}");
    assert_eq!(outcome["confirms_lost"], 0);
    assert!(outcome["failover_ms"]["kill"]["p50"].as_f64().unwrap() > 0.0, "{outcome}");
    for rule in run["verified"]["rules"].as_array().unwrap() {
        assert_eq!((&rule["contradictions"], &rule["undecided"]), (&0.into(), &0.into()), "{rule}");
    }
    assert!(run["leaders"].as_array().unwrap().len() >= 3, "{run}");
    let html = std::fs::read_to_string(page).unwrap();
    for expected in [
        "PASSED",
        "REPRODUCE WITH:",
        "What this plan is to show:</strong> it holds",
        "shard 0 led by",
        "✓ happened",
        "How long buyers waited for a new leader",
        "<code>read_back</code>",
        "<code>equal_replicas</code>",
        "<code>serves_again</code>",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

/// A node that somebody else has started, until this is dropped.
struct Staging(std::process::Child);

impl Staging {
    #[expect(clippy::disallowed_methods, reason = "a real process takes real time")]
    fn start(folder: &std::path::Path) -> (Self, String, String) {
        let listeners = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let [client, peer, admin] = listeners.map(|listener| listener.local_addr().unwrap());
        let token = folder.join("token");
        std::fs::write(&token, "a token that nobody guesses\n").unwrap();
        let config = folder.join("staging.toml");
        let text = format!(
            "[cluster]\nid = \"staging\"\nshards = 2\n[[cluster.nodes]]\nid = 1\nclient = \"{client}\"\n\
             peer = \"{peer}\"\nadmin = \"{admin}\"\n[faults]\nenabled = true\ntoken_file = {token:?}\n"
        );
        std::fs::write(&config, text).unwrap();
        let node = Command::new(env!("CARGO_BIN_EXE_seatgrid-chaos"))
            .args(["node", "--id", "1", "--config", config.to_str().unwrap(), "--data-dir"])
            .arg(folder.join("data"))
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let staging = Self(node);
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(client).is_err() {
            assert!(Instant::now() < deadline, "the node does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        (staging, format!("http://{client}"), token.to_str().unwrap().to_owned())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_staging_cluster_is_asked_for_faults() {
    let folder = tempfile::tempdir().unwrap();
    let (_node, endpoint, token) = Staging::start(folder.path());
    let write = |name: &str, fault: &str| {
        let plan = folder.path().join(name);
        let text = format!(
            "proves = \"it holds\"\nduration_s = 5\n[load]\narrivals_per_s = 60\nmin_holds_per_s = 1\n\
             [[step]]\nat_ms = 1500\nfault = \"{fault}\"\ntarget = \"all\"\nfor_ms = 2000\n"
        );
        std::fs::write(&plan, text).unwrap();
        plan.to_str().unwrap().to_owned()
    };
    let run = |plan: &str, token: &str| {
        chaos(&["run", "--plan", plan, "--attach", &endpoint, "--token-file", token])
    };
    let lost = write("lost.toml", "lose-answers");
    // Twice: a run does not mind what another has left behind.
    for _ in 0..2 {
        let output = run(&lost, &token);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("commands were met"), "{}", said(&output));
        assert!(said(&output).contains("--attach http://"), "{}", said(&output));
    }
    let output = run(&write("kill.toml", "kill"), &token);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("can be asked for hand-over, snapshot"), "{}", said(&output));
    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "a token that somebody guessed").unwrap();
    let output = run(&lost, wrong.to_str().unwrap());
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("the token is wrong"), "{}", said(&output));
}

#[test]
fn a_run_without_enough_load_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    let text = "proves = \"nothing\"\nduration_s = 2\n[load]\narrivals_per_s = 5\n\
                min_holds_per_s = 1000\n[[step]]\nat_ms = 1200\nfault = \"hang-up\"\n";
    std::fs::write(&plan, text).unwrap();
    let output = chaos(&["run", "--plan", plan.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("1000 are needed"), "{}", said(&output));
    assert!(said(&output).contains("REPRODUCE WITH:"), "{}", said(&output));
}

#[test]
fn a_plan_that_cannot_be_used_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml");
    std::fs::write(
        &plan,
        "proves = \"x\"\nduration_s = 5\n[[step]]\nat_ms = 2000\nfault = \"nap\"\n",
    )
    .unwrap();
    let output = chaos(&["run", "--plan", plan.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("plan.toml:5: unknown variant `nap`"), "{}", said(&output));
}

#[test]
fn plans_are_listed_with_what_they_prove() {
    let output = chaos(&["plans"]);
    let listed = said(&output);
    assert_eq!(output.status.code(), Some(0));
    assert!(listed.contains("leader-killed-in-the-midst-of-holds"), "{listed}");
    assert!(listed.contains("libfaketime"), "{listed}");
}
