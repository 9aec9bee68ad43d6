//! A server's process, which ends with this value.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take until it listens, or follows.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How often it is asked whether it listens.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// A process that serves.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts a program in a folder. What it says goes to the file `log` there.
    pub(super) fn start(command: &mut Command, folder: &Path) -> io::Result<Self> {
        let log = std::fs::File::create(folder.join("log"))?;
        let command = command.current_dir(folder).stdin(Stdio::null());
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Self { child })
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody listens at an address.
    pub(super) async fn listens(&mut self, address: SocketAddr) -> io::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("it ended: {status}")));
            }
            match tokio::net::TcpStream::connect(address).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where ports are looked for: below those that the system gives to connections. One of these could be taken
/// before its server listens, even by who tries to connect to it.
const PORTS: std::ops::Range<u16> = 21_000..32_000;

/// How far apart they are looked for.
const PORT_STEP: u16 = 300;

/// Looks that this process has taken: each begins elsewhere than the one before.
static LOOKS: AtomicUsize = AtomicUsize::new(0);

/// The first of several ports on which nobody listens; `offsets` says how far the others are from it.
pub(super) fn free_ports(offsets: &[u16]) -> io::Result<u16> {
    let candidates: Vec<u16> = PORTS.step_by(PORT_STEP.into()).collect();
    // Two processes that look at the same time would find the same ports free.
    let begin = std::process::id() as usize + LOOKS.fetch_add(1, Ordering::Relaxed);
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let all = candidates.iter().cycle().skip(begin % candidates.len()).take(candidates.len());
    let found = all.copied().find(|first| offsets.iter().all(|offset| is_free(first + offset)));
    found.ok_or_else(|| io::Error::other(format!("no {} ports are free", offsets.len())))
}

/// An address on which nobody listens.
pub(super) fn free_address() -> io::Result<SocketAddr> {
    Ok((Ipv4Addr::LOCALHOST, free_ports(&[0])?).into())
}
