//! A server that does nothing: it says yes to every request at once. Nothing can be faster over the same
//! connections, so it tells how much of a figure is the client's and the kernel's.
//!
//! A message is its length (four bytes, little-endian) and so many bytes. A request has its token (four
//! bytes) and as much as a hold's would have; its answer has the token and one byte, a yes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Missing;
use super::server::{Server, free_address};
use crate::lane::{Answer, Lane};
use crate::work::Ask;

/// The program's subcommand that serves.
const SUBCOMMAND: &str = "bench-null-server";

/// Connections that are served at a time; others wait.
const MAX_CONNECTIONS: usize = 1_100;

/// What is read at a time from a connection, in bytes: hundreds of requests.
const INBOX_BYTES: usize = 64 << 10;

/// The longest message, in bytes without its length. Who sends more is not listened to any longer.
const MAX_MESSAGE_BYTES: usize = 1 << 10;

/// Bytes of a message's length.
const LENGTH_BYTES: usize = 4;

/// Bytes of a token.
const TOKEN_BYTES: usize = 4;

/// Bytes of an id that a client would make for its hold.
const HOLD_ID_BYTES: usize = 16;

/// The byte that says yes.
const YES: u8 = 1;

const _: () = assert!(LENGTH_BYTES + MAX_MESSAGE_BYTES <= INBOX_BYTES, "a message fits");

/// Answers on a port of this machine, with one thread, until it fails.
///
/// # Errors
/// When the port is not free, or no more connections can be taken.
pub fn serve_forever(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async { serve(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?).await })
}

/// Answers everybody who connects, until it fails.
///
/// # Errors
/// When no more connections can be taken.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&free).acquire_owned().await.expect("nobody closes it");
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // One that breaks is its client's concern.
            let _ = answer(stream).await;
            drop(place);
        });
    }
}

/// Answers one connection until it ends: all that was read at a time with one write.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut inbox, mut filled, mut out) = (vec![0; INBOX_BYTES], 0, Vec::new());
    loop {
        match stream.read(&mut inbox[filled..]).await? {
            0 => return Ok(()),
            count => filled += count,
        }
        let mut at = 0;
        while let Some((message, end)) = next_message(&inbox[at..filled])? {
            let token = message.first_chunk::<TOKEN_BYTES>();
            let token = token.ok_or_else(|| io::Error::other("a request has a token"))?;
            write_message(&mut out, &[token, &[YES]]);
            at += end;
        }
        inbox.copy_within(at..filled, 0);
        filled -= at;
        stream.write_all(&out).await?;
        out.clear();
    }
}

/// The message at the beginning of what was read, and where it ends; none while it is not all there.
fn next_message(bytes: &[u8]) -> io::Result<Option<(&[u8], usize)>> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_MESSAGE_BYTES {
        return Err(io::Error::other("a message is too long"));
    }
    Ok(rest.get(..length).map(|message| (message, LENGTH_BYTES + length)))
}

fn write_message(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    assert!(length <= MAX_MESSAGE_BYTES, "messages are short");
    out.extend_from_slice(&(length as u32).to_le_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// A null server that runs.
#[derive(Debug)]
pub struct Null {
    server: Server,
    address: SocketAddr,
    _folder: TempDir,
}

impl Null {
    /// Starts the null server of a program on a port of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(program: &Path) -> Result<Self, Missing> {
        let started = Self::try_start(program).await;
        started.map_err(|why| Missing::NotStarted { program: "null server", why })
    }

    async fn try_start(program: &Path) -> io::Result<Self> {
        let (folder, address) = (tempfile::tempdir()?, free_address()?);
        let mut command = Command::new(program);
        command.args([SUBCOMMAND, "--port", &address.port().to_string()]);
        let mut server = Server::start(&mut command, folder.path())?;
        server.listens(address).await?;
        Ok(Self { server, address, _folder: folder })
    }

    /// Its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    /// A connection. There is nothing to empty before.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn lane(&self) -> io::Result<NullLane> {
        NullLane::connect(self.address).await
    }
}

/// A connection that keeps requests in flight.
#[derive(Debug)]
pub struct NullLane {
    stream: TcpStream,
    out: Vec<u8>,
    /// How much of it was sent.
    sent: usize,
    inbox: Vec<u8>,
    /// How much of it was read from the connection.
    filled: usize,
}

impl NullLane {
    /// Connects to a null server.
    ///
    /// # Errors
    /// When it does not listen.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Vec::new(), sent: 0, inbox: vec![0; INBOX_BYTES], filled: 0 })
    }

    /// Sends what is to be sent. Dropped half-way, it goes on where it was.
    async fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => self.sent += count,
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Takes the answers that are all there.
    fn take(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        let mut at = 0;
        while let Some((message, end)) = next_message(&self.inbox[at..self.filled])? {
            let bad = || io::Error::other("the null server answers what this client does not know");
            let (token, said) = message.split_first_chunk::<TOKEN_BYTES>().ok_or_else(bad)?;
            let answer = if said == [YES] { Answer::Held } else { return Err(bad()) };
            into.push((u32::from_le_bytes(*token), answer));
            at += end;
        }
        self.inbox.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }
}

impl Lane for NullLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        write_message(
            &mut self.out,
            &[
                &token.to_le_bytes(),
                &ask.trip.to_le_bytes(),
                &ask.first.to_le_bytes(),
                &ask.count.to_le_bytes(),
                &ask.buyer.to_le_bytes(),
                &u64::from(ask.ttl_s).to_le_bytes(),
                &[0; HOLD_ID_BYTES],
            ],
        );
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        self.flush().await?;
        let before = into.len();
        while into.len() == before {
            match self.stream.read(&mut self.inbox[self.filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.filled += count,
            }
            self.take(into)?;
        }
        Ok(())
    }
}
