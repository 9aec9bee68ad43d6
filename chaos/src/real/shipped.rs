//! The plans that come with the program.

use std::path::Path;

use super::plan::{Plan, PlanError};

macro_rules! plans {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../plans/", $name, ".toml")))),*]
    };
}

/// Names and texts.
const PLANS: &[(&str, &str)] = plans![
    "all-nodes-killed-at-once",
    "answers-that-come-late",
    "answers-that-never-come",
    "anything-at-any-time",
    "bit-flipped-in-a-log",
    "bit-flipped-in-a-snapshot",
    "clients-that-hang-up",
    "connections-broken-again-and-again",
    "connections-that-fall-silent",
    "disks-that-are-slow",
    "end-of-a-log-lost",
    "every-node-restarted-under-load",
    "follower-hung-and-back",
    "follower-killed-without-a-gap",
    "follower-wiped-and-rejoined",
    "herd-on-one-trip-and-its-leader-killed",
    "leader-accepts-and-never-reads",
    "leader-cut-from-its-followers",
    "leader-drained-under-load",
    "leader-hears-nothing",
    "leader-hung-past-its-lease",
    "leader-isolated-from-everybody",
    "leader-killed-in-the-midst-of-holds",
    "leader-not-heard",
    "leader-that-cannot-write",
    "leader-whose-clock-jumps",
    "leader-with-a-full-disk",
    "leader-with-a-hung-disk",
    "leadership-handed-over-again-and-again",
    "links-that-are-slow",
    "links-that-flap",
    "links-with-delay",
    "nodes-that-say-overloaded",
    "power-of-all-nodes-cut",
    "power-of-the-leader-cut",
    "two-sides-and-a-bridge",
];

/// Every plan by its name.
///
/// # Errors
/// When one cannot be used: a test sees to it that all can.
pub fn all() -> Result<Vec<(&'static str, Plan)>, PlanError> {
    let parse = |&(name, text): &(&'static str, &str)| {
        Ok((name, Plan::parse(Path::new(&format!("{name}.toml")), text)?))
    };
    PLANS.iter().map(parse).collect()
}

/// The text of a plan by its name.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    PLANS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_of_the_folder_is_shipped_and_can_be_used() {
        let shipped: Vec<&str> = all().unwrap().into_iter().map(|(name, _)| name).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(shipped.contains(&name.as_str()), "{name}");
        }
    }
}
