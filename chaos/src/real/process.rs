//! A node as a process of its own, and what the system can do to it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::process::{Child, ChildStdin, Command};

use super::machine::Machine;

/// How long a node may take to drain before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Lines of a node's log that are shown when it ends by itself.
const SHOWN_LINES: usize = 3;

/// One node's process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    id: u64,
    program: PathBuf,
    config: PathBuf,
    machine: Machine,
    log: PathBuf,
    workers: usize,
    running: Option<(Child, ChildStdin)>,
}

impl Process {
    /// A node that does not run yet. `program` knows the subcommand `node` of `seatgrid`.
    #[must_use]
    pub fn new(
        id: u64,
        program: PathBuf,
        config: PathBuf,
        machine: Machine,
        workers: usize,
    ) -> Self {
        let log = config.with_extension("log");
        Self { id, program, config, machine, log, workers, running: None }
    }

    /// What it runs on.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Where its data lies.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.machine.data_dir()
    }

    /// Starts the process.
    ///
    /// # Errors
    /// When the system cannot.
    pub fn start(&mut self) -> io::Result<()> {
        let mut log = File::options().create(true).append(true).open(&self.log)?;
        // A pipe, and not the file: a limit on the process's files is not to meet what it says.
        let (mut said, stderr) = io::pipe()?;
        // A file that may not grow is to be an error of a write, as on a full disk, and not a signal.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(&self.program)
            .args(["node", "--until-stdin-ends", "--workers", &self.workers.to_string()])
            .args(["--id", &self.id.to_string(), "--config"])
            .arg(&self.config)
            .arg("--data-dir")
            .arg(self.data_dir())
            .envs(self.machine.environment())
            // A pipe that ends with this process, however it ends: no node outlives it.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().ok_or_else(|| io::Error::other("no pipe to the node"))?;
        self.running = Some((child, stdin));
        // What cannot be written is missing from a log that nobody but people reads.
        std::thread::spawn(move || io::copy(&mut said, &mut log));
        Ok(())
    }

    /// Whether it runs, or is paused.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.running.is_some()
    }

    /// How it ended, if it ended by itself since it was started.
    pub fn ended(&mut self) -> Option<String> {
        let (child, _) = self.running.as_mut()?;
        let status = child.try_wait().ok().flatten()?;
        self.running = None;
        Some(format!("node {} ended by itself: {status}: {}", self.id, self.last_words()))
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(SHOWN_LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self) -> io::Result<()> {
        let (mut child, _stdin) = self.running.take().ok_or_else(|| self.not_running())?;
        child.kill().await
    }

    /// SIGTERM, and waits until it has drained and ended.
    ///
    /// # Errors
    /// When it does not run, or has to be killed because it does not end.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM)?;
        let (mut child, _stdin) = self.running.take().ok_or_else(|| self.not_running())?;
        if tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            child.kill().await?;
            let why = format!("node {} did not end within {STOP_TIMEOUT:?}", self.id);
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        Ok(())
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// From now on no file of the process may grow beyond `bytes`; without a number as far as it likes.
    ///
    /// # Errors
    /// When it does not run.
    pub fn limit_files(&self, bytes: Option<u64>) -> io::Result<()> {
        let limit = Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(self.pid()?), Resource::Fsize, limit)?;
        Ok(())
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(rustix::process::kill_process(self.pid()?, signal)?)
    }

    fn pid(&self) -> io::Result<Pid> {
        let pid = self.running.as_ref().and_then(|(child, _)| child.id());
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        pid.ok_or_else(|| self.not_running())
    }

    fn not_running(&self) -> io::Error {
        io::Error::other(format!("node {} does not run", self.id))
    }
}
