//! Every file of the corpus through its target: a crash that was found stays found.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use seatgrid_fuzz_targets::TARGETS;

/// What the whole corpus may take, in bytes: a checkout has to stay small.
const MAX_CORPUS_BYTES: usize = 300 << 10;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn files(target: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(corpus().join(target)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_file_of_the_corpus_passes() {
    let mut bytes = 0;
    for target in TARGETS {
        let files = files(target.name);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for file in files {
            // Shown when it fails.
            println!("{}", file.display());
            let content = fs::read(file).unwrap();
            (target.run)(&content);
            bytes += content.len();
        }
    }
    assert!(bytes <= MAX_CORPUS_BYTES, "{bytes} bytes");
}

/// The corpus begins with what this version of the program writes. `UPDATE_SEEDS=1` writes it anew.
#[test]
fn the_seeds_are_what_is_written_today() {
    let update = std::env::var_os("UPDATE_SEEDS").is_some();
    for target in TARGETS {
        let dir = corpus().join(target.name);
        for (name, bytes) in (target.seeds)() {
            let path = dir.join(format!("seed-{name}"));
            if update {
                fs::create_dir_all(&dir).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            let found = fs::read(&path).unwrap();
            assert!(found == bytes, "{} is not what is written today", path.display());
        }
    }
}

#[test]
fn every_target_has_its_binary() {
    let dir = corpus().join("../fuzz_targets");
    let mut found: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    let stems: Vec<_> = found.iter().map(|path| path.file_stem().unwrap()).collect();
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(stems, names);
}
