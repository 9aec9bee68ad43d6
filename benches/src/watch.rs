//! Memory and disk of servers while they are asked.

use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::cost;

/// What servers took at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Memory, in bytes.
    pub resident_bytes: u64,
    /// Disk, in bytes.
    pub disk_bytes: u64,
}

impl Sample {
    /// Of these processes and all that they have started, and of these folders.
    #[must_use]
    pub fn of(processes: &[u32], folders: &[PathBuf]) -> Self {
        Self {
            resident_bytes: cost::of_trees(processes).resident_bytes,
            disk_bytes: folders.iter().map(|folder| cost::disk_bytes(folder)).sum(),
        }
    }
}

/// A thread that takes samples, the first after the first interval.
#[derive(Debug)]
pub struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Watch {
    /// Starts the thread; `intervals`: how long it waits for each sample.
    #[must_use]
    pub fn start(
        processes: Vec<u32>,
        folders: Vec<PathBuf>,
        intervals: impl Iterator<Item = Duration> + Send + 'static,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut samples = Vec::new();
            for interval in intervals {
                if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                samples.push(Sample::of(&processes, &folders));
            }
            samples
        });
        Self { stop, thread }
    }

    /// Ends the thread and returns its samples.
    #[must_use]
    pub fn end(self) -> Vec<Sample> {
        drop(self.stop);
        self.thread.join().expect("reading /proc does not panic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_what_a_process_and_a_folder_take() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        std::fs::create_dir(path.join("deep")).expect("a folder in it");
        std::fs::write(path.join("deep/file"), vec![1; 100_000]).expect("a file");
        let intervals = std::iter::repeat_n(Duration::from_millis(5), 3);
        let watch = Watch::start(vec![std::process::id()], vec![path.to_owned()], intervals);
        while !watch.thread.is_finished() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let samples = watch.end();
        assert_eq!(samples.len(), 3);
        assert!(samples.iter().all(|s| s.resident_bytes > 100_000 && s.disk_bytes >= 100_000));
    }

    #[test]
    fn a_watch_ends_when_it_is_told() {
        let watch = Watch::start(vec![], vec![], std::iter::repeat(Duration::from_secs(3_600)));
        assert_eq!(watch.end(), []);
    }
}
