//! Whatever is typed gets an exit code, a sentence that names the argument and what is allowed, and with
//! `--output json` one JSON value. The cluster goes on serving.

#![allow(clippy::unwrap_used)]

extern crate node as seatgrid_node;

#[path = "../../node/tests/support/mod.rs"]
mod support;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use support::Cluster;
use tokio::process::Command;

const HOLD: &str = "00000000-0000-0000-0000-000000000005";
const OTHER_HOLD: &str = "00000000-0000-0000-0000-000000000006";

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const REFUSED: i32 = 4;

/// What is wrong, the words, the exit code, and what standard error says.
type Case = (&'static str, Vec<OsString>, i32, Vec<String>);

fn case(what: &'static str, line: &str, exit: i32, says: &[&str]) -> Case {
    let words = line.split(' ').map(|word| match word {
        "<empty>" => OsString::new(),
        "<blank>" => "a b".into(),
        "<129>" => "x".repeat(129).into(),
        "<latin-1>" => OsStr::from_bytes(b"caf\xe9").to_owned(),
        word => word.into(),
    });
    (what, words.collect(), exit, says.iter().map(|&text| text.to_owned()).collect())
}

async fn seatgrid(cluster: &Cluster, words: &[OsString]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seatgrid"));
    command.env("SEATGRID_ENDPOINTS", cluster.endpoint(1)).args(words);
    command.kill_on_drop(true);
    let ended = tokio::time::timeout(support::DEADLINE, command.output()).await;
    ended.unwrap_or_else(|_| panic!("{words:?} does not end")).unwrap()
}

/// Runs every case twice, for people and for programs, and tells all that is wrong at once.
async fn check(cluster: &Cluster, cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for (what, words, exit, says) in cases {
        let output = seatgrid(cluster, &words).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = text.lines().any(|line| line.starts_with("error: "))
            && says.iter().all(|part| text.contains(part));
        if !said || output.status.code() != Some(exit) || !output.stdout.is_empty() {
            let code = output.status.code();
            wrong.push(format!("{what}: expected {exit} and {says:?}, found {code:?} and {text}"));
        }

        let json = [OsString::from("-o"), "json".into()].into_iter().chain(words);
        let output = seatgrid(cluster, &json.collect::<Vec<_>>()).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        let message = error["error"]["message"].as_str().unwrap_or_default();
        let right = error["error"]["exit"] == exit && !message.is_empty();
        if !right || output.status.code() != Some(exit) || !output.stdout.is_empty() {
            wrong.push(format!("{what}, as JSON: {:?} {text}", output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A cluster with a trip of eight seats, of which 1A is held, and a hall with standing places.
async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    cluster.hold("trip", 5, "1A").await.unwrap();
    let hall = format!("{}/../samples/layouts/hall-1000.json", env!("CARGO_MANIFEST_DIR"));
    let open = case("", &format!("trip open hall --layout {hall}"), 0, &[]).1;
    assert!(seatgrid(&cluster, &open).await.status.success());
    cluster
}

/// A good hold is answered, and the replicas agree.
async fn still_serves(cluster: Cluster) {
    let hold = case("", "hold trip 2D --buyer ann -o json", 0, &[]).1;
    let output = seatgrid(&cluster, &hold).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let held: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(held["seats"], serde_json::json!(["2D"]));
    let totals = cluster.trip("trip").await.totals.unwrap();
    assert_eq!((totals.free, totals.held), (6, 2), "nothing of it had an effect");
    cluster.audit().await;
    cluster.stop().await;
}

fn ids_and_names() -> Vec<Case> {
    let id = |id: &str| format!("hold trip 1B --id {id}");
    vec![
        case("empty trip id", "hold <empty> 1B", USAGE, &["<TRIP>", "must not be empty"]),
        case("over-long trip id", "hold <129> 1B", USAGE, &["<TRIP>", "at most 128"]),
        case("trip id with a blank", "hold <blank> 1B", USAGE, &["<TRIP>", "blank"]),
        case("trip id not UTF-8", "hold <latin-1> 1B", USAGE, &["\"caf\\xE9\" is not UTF-8"]),
        case("seat not UTF-8", "hold trip <latin-1>", USAGE, &["\"caf\\xE9\" is not UTF-8"]),
        case("buyer not UTF-8", "hold trip 1B --buyer <latin-1>", USAGE, &["caf\\xE9", "UTF-8"]),
        case("over-long buyer", "hold trip 1B --buyer <129>", USAGE, &["--buyer", "at most 64"]),
        case("empty hold id", &id("<empty>"), USAGE, &["--id", "must not be empty"]),
        case("short hold id", &id("abc"), USAGE, &["--id", "32 hexadecimal digits"]),
        case("over-long hold id", &id("<129>"), USAGE, &["--id", "32 hexadecimal digits"]),
        case("zero hold id", &id(&"0".repeat(32)), USAGE, &["--id", "all zeroes"]),
        case("a used id", &id(HOLD), REFUSED, &["used before", "an id of its own"]),
        case("unknown trip", "hold nowhere 1B", NOT_FOUND, &["not on sale", "trip list"]),
        case("unknown trip shown", "trip show nowhere", NOT_FOUND, &["not on sale", "trip list"]),
        case("unknown seat", "hold trip 99Z", NOT_FOUND, &["no seat 99Z", "--seats"]),
        case("unknown seat told", "seat explain trip 99Z", NOT_FOUND, &["no seat 99Z"]),
        case("empty seat", "hold trip <empty>", USAGE, &["[SEATS]"]),
        case("one seat twice", "hold trip 1B 1B", USAGE, &["seats", "1B"]),
        case("no seat", "hold trip", USAGE, &["SEATS|--best"]),
        case("unknown zone", "hold trip --best 2 --zone No", NOT_FOUND, &["no zone No", "lists"]),
        case("no such hall", "hold hall --quantity 2 --zone No", NOT_FOUND, &["no zone No"]),
        case("unknown hold", &format!("confirm trip {OTHER_HOLD}"), NOT_FOUND, &["hold", "id"]),
        case("no token", "fault list --token-file nowhere", USAGE, &["nowhere", "[faults]"]),
        case("a fault of no kind", "fault order", USAGE, &["--lose", "--overloaded"]),
        case("a share of nothing", "fault order --lose --share 0", USAGE, &["--share", "1..=100"]),
        case(
            "not a token",
            "fault list --token-file Cargo.toml",
            USAGE,
            &["token", "cannot be sent"],
        ),
        case("no shard", "cluster transfer-leader 99", USAGE, &["shard 99", "has 3"]),
    ]
}

fn numbers_legs_and_times() -> Vec<Case> {
    let many = "1000000000";
    let best = |many: &str| format!("hold trip --best {many}");
    let standing = |many: &str| format!("hold hall --zone Standing --quantity {many}");
    let legs = |legs: &str| format!("hold trip 1B --legs {legs}");
    let ttl = |ttl: &str| format!("hold trip 1B --ttl {ttl}");
    vec![
        case("no seats", &best("0"), USAGE, &["quantity: 0", "1 to 100"]),
        case("a billion seats", &best(many), USAGE, &["quantity: 1000000000", "1 to 100"]),
        case("beyond 32 bits", &best("5000000000"), USAGE, &["--best", "4294967295"]),
        case("no number", &best("many"), USAGE, &["--best", "many"]),
        case("no places", &standing("0"), USAGE, &["quantity: 0", "1 to 1000"]),
        case("a billion places", &standing(many), USAGE, &["quantity: 1000000000", "1 to 1000"]),
        case("a billion buyers", "load --buyers 1000000000", USAGE, &["--buyers", "at most"]),
        case("legs reversed", &legs("2..1"), USAGE, &["--legs", "smaller"]),
        case("legs of no length", &legs("1..1"), USAGE, &["--legs", "smaller"]),
        case("legs beyond the end", &legs("0..3"), USAGE, &["legs", "last stop, which is 2"]),
        case("legs beyond 16 bits", &legs("0..70000"), USAGE, &["--legs", "65535"]),
        case("no legs", &legs("both"), USAGE, &["--legs", "try 0..2"]),
        case("a leg beyond the end", "seat explain trip 1A --leg 7", USAGE, &["legs", "last stop"]),
        case("no such leg", "seat explain trip 1A --leg 65535", USAGE, &["--leg", "65535"]),
        case("shown beyond the end", "trip show trip --legs 0..9", USAGE, &["legs", "last stop"]),
        case("a life of nothing", &ttl("0"), USAGE, &["--ttl", "at least 1ms"]),
        case("a life of 1 ms", &ttl("1ms"), USAGE, &["ttl_ms", "1000 to 3600000"]),
        case("a life of ten years", &ttl("3650d"), USAGE, &["ttl_ms", "1000 to 3600000"]),
        case("a life without end", &ttl("99999999999999999d"), USAGE, &["--ttl", "longer"]),
        case("a life of no unit", &ttl("5parsecs"), USAGE, &["--ttl", "ms, s, m, h and d"]),
        case("ten years more", &format!("extend trip {HOLD} --ttl 3650d"), USAGE, &["ttl_ms"]),
        case("nothing more", &format!("extend trip {HOLD} --ttl 0"), USAGE, &["--ttl"]),
    ]
}

fn endpoints() -> Vec<Case> {
    let list = |endpoint: &str| format!("trip list --endpoints {endpoint}");
    vec![
        case("no endpoint", &list("<empty>"), USAGE, &["--endpoints", "try http://"]),
        case("no port", &list("nonsense"), USAGE, &["--endpoints", "no port"]),
        case("another scheme", &list("ftp://x:1"), USAGE, &["--endpoints", "only http://"]),
        case("no host", &list("http://:7001"), USAGE, &["--endpoints", "no host"]),
        case("a port too high", &list("http://x:99999"), USAGE, &["--endpoints", "1 to 65535"]),
        case("one of two", &list("127.0.0.1:1,x"), USAGE, &["--endpoints", "no port"]),
        case("no time", "trip list --timeout 0", USAGE, &["--timeout", "at least 1ms"]),
    ]
}

/// A file that is empty, garbage, and the first half of a good one.
fn bad_files(folder: &Path, good: &[u8], name: &str) -> Vec<(&'static str, String)> {
    let noise: Vec<u8> =
        (0..3_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let half = good[..good.len() / 2].to_vec();
    let contents = [("empty", Vec::new()), ("garbage", noise), ("truncated", half)];
    let mut files = vec![("missing", folder.join("nowhere").display().to_string())];
    for (what, content) in contents {
        let path = folder.join(format!("{what}-{name}"));
        std::fs::write(&path, content).unwrap();
        files.push((what, path.display().to_string()));
    }
    files
}

/// A zip archive of the sample timetable, as one of its files in it would be.
fn feed() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/gtfs");
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        let content = std::fs::read(entry.path()).unwrap();
        std::io::Write::write_all(&mut archive, &content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn files(folder: &Path) -> Vec<Case> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let layout = samples.join("layouts/coach-50.json");
    let good_layout = std::fs::read(&layout).unwrap();
    let layout = layout.display();
    let days = "--from 2026-12-01 --days 1";
    let mut cases = Vec::new();
    for (what, file) in bad_files(folder, &good_layout, "layout.json") {
        let named = [file.as_str()];
        cases.push(case(what, &format!("trip open new --layout {file}"), FAILED, &named));
        cases.push(case(what, &format!("layout lint {file}"), FAILED, &named));
        let import = format!("trip import gtfs {} --layout {file} {days}", folder.display());
        cases.push(case(what, &import, FAILED, &named));
    }
    for (what, file) in bad_files(folder, &feed(), "feed.zip") {
        let import = format!("trip import gtfs {file} --layout {layout} {days}");
        cases.push(case(what, &import, FAILED, &[&file]));
    }
    let ledger = folder.join("ledger.jsonl").display().to_string();
    std::fs::write(&ledger, b"\xff\xfe\n\xff\n").unwrap();
    cases.push(case("a ledger", &format!("check --ledger {ledger}"), FAILED, &[&ledger, "line 1"]));
    let open =
        |trip: &str, stops: &str| format!("trip open {trip} --layout {layout} --stops {stops}");
    cases.push(case("one stop", &open("new", "A"), USAGE, &["--stops", "at least two"]));
    cases.push(case("a stop without a name", &open("new", "A,,B"), USAGE, &["--stops", "stop 2"]));
    cases.push(case("a trip on sale", &open("trip", "A,B"), REFUSED, &["on sale already"]));
    let config = folder.join("cluster.toml").display().to_string();
    std::fs::write(&config, "[cluster\n").unwrap();
    let node = format!("node --id 1 --config {config}");
    cases.push(case("a configuration", &node, USAGE, &[&config, "cluster.toml"]));
    cases
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_typed_is_answered_and_the_cluster_serves_on() {
    let cluster = cluster().await;
    let folder = tempfile::tempdir().unwrap();
    let names = ids_and_names().into_iter().chain(numbers_legs_and_times());
    check(&cluster, names.chain(endpoints()).chain(files(folder.path())).collect()).await;
    still_serves(cluster).await;
}
