//! Runs every script of `tests/scripts`: commands, a line `---`, and what the seat map answers.
//!
//! The scripts are the manual of the seat map. `UPDATE_SCRIPTS=1` writes the answers anew: read the
//! difference before you keep it.

#![allow(clippy::unwrap_used)]

mod parse;
mod print;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

use world::World;

/// Runs a script and gives it back with the answers of today.
fn run(script: &str) -> String {
    let mut world = World::default();
    let mut out = String::new();
    for block in script.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let (input, answered) = match block.split_once("\n---") {
            Some((input, _)) => (input, true),
            None => (block, block.lines().any(|line| !line.starts_with('#'))),
        };
        out.push_str(input.trim_end());
        out.push('\n');
        if answered {
            out.push_str("---\n");
        }
        for line in input.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if !line.starts_with('#') {
                out.push_str(&world.line(line));
            }
        }
        out.push('\n');
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut scripts: Vec<_> = files.filter(|path| path.extension().is_some()).collect();
    scripts.sort();
    scripts
}

#[test]
fn every_script_gets_the_answers_it_recorded() {
    let update = std::env::var_os("UPDATE_SCRIPTS").is_some();
    let mut changed = Vec::new();
    let scripts = scripts();
    assert!(scripts.len() >= 15, "the scripts are missing");
    for path in scripts {
        let recorded = fs::read_to_string(&path).unwrap();
        let answered = run(&recorded);
        if recorded == answered {
            continue;
        }
        if update {
            fs::write(&path, answered).unwrap();
            continue;
        }
        let lines = recorded.lines().zip(answered.lines()).enumerate();
        let first = lines.clone().find(|(_, (was, is))| was != is);
        changed.push(match first {
            Some((at, (was, is))) => {
                format!("{}:{}\n  recorded: {was}\n  answered: {is}", path.display(), at + 1)
            }
            None => format!("{}: lines are missing or left over", path.display()),
        });
    }
    assert!(changed.is_empty(), "{}\n(UPDATE_SCRIPTS=1 records anew)", changed.join("\n"));
}

/// Every refusal that a trip on sale can give is shown by a script, so that none goes untested.
#[test]
fn every_refusal_has_a_script() {
    let text: String = scripts().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for code in [
        "ID_REUSED",
        "BATCH_INVALID",
        "TRIP_EXISTS",
        "INVALID_LAYOUT",
        "INVALID_TRIP",
        "UNKNOWN_SEAT",
        "UNKNOWN_ZONE",
        "WRONG_ZONE",
        "DUPLICATE_SEAT",
        "INVALID_QUANTITY",
        "INVALID_LEGS",
        "NO_BOARDING",
        "NO_ALIGHTING",
        "INVALID_TTL",
        "SALE_CLOSED",
        "SALE_NOT_OPEN",
        "TRIP_FROZEN",
        "MAX_PER_HOLD_EXCEEDED",
        "BUYER_REQUIRED",
        "MAX_PER_BUYER_EXCEEDED",
        "UNKNOWN_HOLD",
        "UNKNOWN_BLOCK",
        "HOLD_CONFIRMED",
        "HOLD_RELEASED",
        "HOLD_CANCELLED",
        "HOLD_FENCED",
        "HOLD_EXPIRED",
        "HOLD_LOST",
        "HOLD_NOT_CONFIRMED",
        "NOT_IN_HOLD",
        "HOLD_CAP_REACHED",
        "SEAT_TAKEN",
        "INSUFFICIENT_STOCK",
        "NOT_ADJACENT",
    ] {
        assert!(text.contains(&format!(": {code}")), "no script shows {code}");
    }
}
