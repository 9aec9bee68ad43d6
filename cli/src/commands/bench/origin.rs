//! Where, when and of what something is measured.

use std::fs;
use std::process::Command;

use benches::results::Run;
use jiff::Timestamp;

/// This run.
pub(super) fn this_run() -> Run {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or("seatgrid").to_owned();
    Run {
        command: std::iter::once(name).chain(words).collect::<Vec<_>>().join(" "),
        commit: commit().unwrap_or_default(),
        date: Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        machine: machine(),
    }
}

/// The commit of the folder that the command runs in, where that is known.
fn commit() -> Option<String> {
    let told = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let told = told.status.success().then_some(told.stdout)?;
    Some(String::from_utf8(told).ok()?.trim().to_owned())
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processor = after(&read("/proc/cpuinfo"), "model name");
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{}, {cores} cores, {} GiB, Linux {}",
        processor.unwrap_or_else(|| "unknown processor".to_owned()),
        kib.div_ceil(1 << 20),
        read("/proc/sys/kernel/osrelease").trim()
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_run_says_where_and_when_it_was() {
        let run = super::this_run();
        assert!(run.machine.contains("cores") && run.machine.contains("GiB"), "{run:?}");
        assert!(run.date.ends_with("UTC") && !run.command.contains('/'), "{run:?}");
    }
}
