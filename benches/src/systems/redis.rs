//! Redis: a Lua script that sets a key with a life for every seat, all or nothing.
//!
//! Requests are pipelined as its clients do: written one behind the other, answered in order.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{START_TIMEOUT, Server, free_port};
use super::{Missing, installed};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, TTL_S};

/// Holds every seat or none: 1, or 0 when one was taken. ARGV: the buyer, the life in seconds.
const SCRIPT: &str = "for i = 1, #KEYS do if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end end \
                      for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[1], 'EX', ARGV[2]) end return 1";

/// What of its data Redis puts on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing: a crash loses every hold.
    None,
    /// The log is flushed every second: a crash loses what came since.
    EverySecond,
    /// The log is flushed before an answer.
    Always,
}

impl Persistence {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::None => &["--appendonly", "no"],
            Self::EverySecond => &["--appendonly", "yes", "--appendfsync", "everysec"],
            Self::Always => &["--appendonly", "yes", "--appendfsync", "always"],
        }
    }
}

/// A Redis that runs, with a replica where asked for.
#[derive(Debug)]
pub struct Redis {
    servers: Vec<Server>,
    address: SocketAddr,
    script: String,
    _folders: Vec<TempDir>,
}

impl Redis {
    /// Starts a Redis on ports and in folders of its own.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub async fn start(persistence: Persistence, replica: bool) -> Result<Self, Missing> {
        let program = installed("redis-server", "redis-server")?;
        let failed = |why| Missing::NotStarted { program: "redis-server", why };
        let (mut servers, mut folders, mut first) = (Vec::new(), Vec::new(), None);
        for _ in 0..1 + usize::from(replica) {
            let folder = tempfile::tempdir().map_err(failed)?;
            let address = free_port().map_err(failed)?;
            let mut command = Command::new(&program);
            command.args(["--bind", "127.0.0.1", "--save", "", "--port"]);
            command.arg(address.port().to_string()).args(persistence.arguments());
            if let Some(SocketAddr::V4(first)) = first {
                command.args(["--replicaof", "127.0.0.1", &first.port().to_string()]);
            }
            let mut server = Server::start(&mut command, folder.path()).map_err(failed)?;
            server.listens(address).await.map_err(failed)?;
            servers.push(server);
            folders.push(folder);
            first.get_or_insert(address);
        }
        let address = first.expect("one was started");
        let mut wire = Wire::connect(address).await.map_err(failed)?;
        let script = wire.call(&[b"SCRIPT", b"LOAD", SCRIPT.as_bytes()]).await.map_err(failed)?;
        if replica {
            wire.replica_follows().await.map_err(failed)?;
        }
        Ok(Self { servers, address, script, _folders: folders })
    }

    /// Its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Server::id).collect()
    }

    /// Forgets every hold.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn empty(&self) -> io::Result<()> {
        Wire::connect(self.address).await?.call(&[b"FLUSHALL", b"SYNC"]).await.map(drop)
    }

    /// A connection. `wait_for_replica`: every hold waits until a replica has it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn lane(&self, wait_for_replica: bool) -> io::Result<RedisLane> {
        let wire = Wire::connect(self.address).await?;
        let script = self.script.clone().into_bytes();
        Ok(RedisLane { wire, script, wait: wait_for_replica, asked: VecDeque::new() })
    }
}

/// A connection that keeps requests in flight.
#[derive(Debug)]
pub struct RedisLane {
    wire: Wire,
    script: Vec<u8>,
    wait: bool,
    /// Tokens of what was asked, in order.
    asked: VecDeque<u32>,
}

impl Lane for RedisLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let keys: Vec<String> = ask.seats().map(|seat| format!("h:{}:{seat}", ask.trip)).collect();
        let (count, buyer, ttl) =
            (keys.len().to_string(), ask.buyer.to_string(), TTL_S.to_string());
        let mut words: Vec<&[u8]> = vec![b"EVALSHA", &self.script, count.as_bytes()];
        words.extend(keys.iter().map(|key| key.as_bytes()));
        words.extend([buyer.as_bytes(), ttl.as_bytes()]);
        write_command(&mut self.wire.out, &words);
        if self.wait {
            write_command(&mut self.wire.out, &[b"WAIT", b"1", b"100"]);
        }
        self.asked.push_back(token);
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        self.wire.flush().await?;
        let before = into.len();
        loop {
            while let Some(token) = self.asked.front().copied() {
                let Some(answer) = self.next_answer()? else { break };
                self.asked.pop_front();
                into.push((token, answer));
            }
            if into.len() > before {
                return Ok(());
            }
            self.wire.fill().await?;
        }
    }
}

impl RedisLane {
    /// The next answer, if all of it has come.
    fn next_answer(&mut self) -> io::Result<Option<Answer>> {
        let Some((held, after)) = self.wire.peek(0)? else { return Ok(None) };
        let held = held == Value::Number(1);
        let mut end = after;
        let mut kept = true;
        if self.wait {
            let Some((replicas, after)) = self.wire.peek(after)? else { return Ok(None) };
            kept = matches!(replicas, Value::Number(1..));
            end = after;
        }
        self.wire.consume(end);
        Ok(Some(match (held, kept) {
            (true, true) => Answer::Held,
            (true, false) => Answer::Failed,
            (false, _) => Answer::Taken,
        }))
    }
}

/// An answer in Redis's protocol, as far as it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(i64),
    Text(String),
}

/// A connection and what is on it.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    out: Vec<u8>,
    inbox: Vec<u8>,
    /// How far the inbox was read.
    at: usize,
}

impl Wire {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Vec::new(), inbox: Vec::new(), at: 0 })
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out).await?;
            self.out.clear();
        }
        Ok(())
    }

    /// Reads more.
    async fn fill(&mut self) -> io::Result<()> {
        if self.at > 0 {
            self.inbox.drain(..self.at);
            self.at = 0;
        }
        match self.stream.read_buf(&mut self.inbox).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// The value that begins so far behind what was read, and where it ends; none while it is not all there.
    fn peek(&self, from: usize) -> io::Result<Option<(Value, usize)>> {
        let bytes = &self.inbox[self.at + from..];
        let Some(line) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        let end = line + 2;
        let bad = || io::Error::other("redis answers what this client does not know");
        let (kind, text) = bytes[..line].split_first().ok_or_else(bad)?;
        let text = std::str::from_utf8(text).map_err(|_| bad())?;
        match kind {
            b':' => Ok(Some((Value::Number(text.parse().map_err(|_| bad())?), from + end))),
            b'+' => Ok(Some((Value::Text(text.to_owned()), from + end))),
            b'-' => Err(io::Error::other(text.to_owned())),
            b'$' => {
                let length: usize = text.parse().map_err(|_| bad())?;
                let Some(body) = bytes.get(end..end + length + 2) else { return Ok(None) };
                let body = String::from_utf8_lossy(&body[..length]).into_owned();
                Ok(Some((Value::Text(body), from + end + length + 2)))
            }
            _ => Err(bad()),
        }
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }

    /// Waits until a replica has everything.
    async fn replica_follows(&mut self) -> io::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        while self.call(&[b"WAIT", b"1", b"100"]).await? != "1" {
            if Instant::now() >= end {
                return Err(io::Error::other("the replica does not follow"));
            }
        }
        Ok(())
    }

    /// One request and its answer.
    async fn call(&mut self, words: &[&[u8]]) -> io::Result<String> {
        write_command(&mut self.out, words);
        self.flush().await?;
        loop {
            if let Some((value, end)) = self.peek(0)? {
                self.consume(end);
                return Ok(match value {
                    Value::Number(number) => number.to_string(),
                    Value::Text(text) => text,
                });
            }
            self.fill().await?;
        }
    }
}

fn write_command(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
