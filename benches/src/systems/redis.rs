//! Redis: a key with a life for every seat, or for every leg of a seat, set by a Lua script, all or nothing, or one by one.
//!
//! Requests are pipelined as its clients do: written one behind the other, answered in order.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{START_TIMEOUT, Server, free_address};
use super::{Missing, installed};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, Step};

/// Holds every seat or none: 1, or 0 when one was taken. ARGV: the buyer, the life in seconds.
const HOLD: &str = "for i = 1, #KEYS do if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end end \
                    for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[1], 'EX', ARGV[2]) end return 1";

/// Makes the holds of a buyer last, if every seat is still his: 1, or 0. ARGV: the buyer.
const CONFIRM: &str = "for i = 1, #KEYS do if redis.call('GET', KEYS[i]) ~= ARGV[1] then return 0 end end \
                       for i = 1, #KEYS do redis.call('PERSIST', KEYS[i]) end return 1";

/// Gives the seats of a buyer back, if every one is still his: 1, or 0. ARGV: the buyer.
const RELEASE: &str = "for i = 1, #KEYS do if redis.call('GET', KEYS[i]) ~= ARGV[1] then return 0 end end \
                       for i = 1, #KEYS do redis.call('DEL', KEYS[i]) end return 1";

/// How a hold is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// A Lua script: every seat or none.
    Lua,
    /// `SET … NX EX` for every seat. Between the first and the last others see half of a hold; where one
    /// was taken the client gives the others back.
    SetNx,
}

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
    /// What the server is started with for it.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
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
    scripts: Scripts,
    folders: Vec<TempDir>,
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
            let address = free_address().map_err(failed)?;
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
        let scripts = Scripts::load(&mut wire).await.map_err(failed)?;
        if replica {
            wire.replica_follows().await.map_err(failed)?;
        }
        Ok(Self { servers, address, scripts, folders })
    }

    /// Its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Server::id).collect()
    }

    /// Where its data lie.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.path().to_owned()).collect()
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
    pub async fn lane(&self, asking: Asking, wait_for_replica: bool) -> io::Result<RedisLane> {
        let wire = Wire::connect(self.address).await?;
        let scripts = self.scripts.clone();
        Ok(RedisLane { wire, scripts, asking, wait: wait_for_replica, asked: VecDeque::new() })
    }
}

/// The names under which Redis knows the scripts.
#[derive(Clone, Debug)]
struct Scripts {
    hold: Vec<u8>,
    confirm: Vec<u8>,
    release: Vec<u8>,
}

impl Scripts {
    async fn load(wire: &mut Wire) -> io::Result<Self> {
        let mut names = Vec::new();
        for script in [HOLD, CONFIRM, RELEASE] {
            names.push(wire.call(&[b"SCRIPT", b"LOAD", script.as_bytes()]).await?.into_bytes());
        }
        let [hold, confirm, release] = names.try_into().expect("three were loaded");
        Ok(Self { hold, confirm, release })
    }
}

/// A connection that keeps requests in flight.
#[derive(Debug)]
pub struct RedisLane {
    wire: Wire,
    scripts: Scripts,
    asking: Asking,
    wait: bool,
    /// What was asked, in order.
    asked: VecDeque<Asked>,
}

/// What is answered next.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// What a lane was asked, under a token.
    Ask(Ask, u32),
    /// Seats that are given back.
    Undo,
}

impl Lane for RedisLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let keys = keys(ask);
        let (count, buyer, ttl) =
            (keys.len().to_string(), ask.buyer.to_string(), ask.ttl_s.to_string());
        let (buyer, ttl) = (buyer.as_bytes(), ttl.as_bytes());
        let out = &mut self.wire.out;
        let mut run = |script: &[u8], arguments: &[&[u8]]| {
            let mut words: Vec<&[u8]> = vec![b"EVALSHA", script, count.as_bytes()];
            words.extend(keys.iter().map(|key| key.as_bytes()));
            words.extend(arguments);
            write_command(out, &words);
        };
        match (ask.step, self.asking) {
            (Step::Hold, Asking::Lua) => run(&self.scripts.hold, &[buyer, ttl]),
            (Step::Hold, Asking::SetNx) => {
                for key in &keys {
                    write_command(out, &[b"SET", key.as_bytes(), buyer, b"NX", b"EX", ttl]);
                }
            }
            (Step::Confirm, _) => run(&self.scripts.confirm, &[buyer]),
            (Step::Release, _) => run(&self.scripts.release, &[buyer]),
        }
        if self.wait {
            write_command(out, &[b"WAIT", b"1", b"100"]);
        }
        self.asked.push_back(Asked::Ask(*ask, token));
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        let before = into.len();
        loop {
            self.wire.flush().await?;
            while let Some(asked) = self.asked.front().copied() {
                if !self.take(asked, into)? {
                    break;
                }
                self.asked.pop_front();
            }
            if into.len() > before {
                return Ok(());
            }
            self.wire.fill().await?;
        }
    }
}

impl RedisLane {
    /// Takes the answer to what was asked, if all of it has come.
    fn take(&mut self, asked: Asked, into: &mut Vec<(u32, Answer)>) -> io::Result<bool> {
        let Asked::Ask(ask, token) = asked else {
            let Some((_, end)) = self.wire.peek(0)? else { return Ok(false) };
            self.wire.consume(end);
            return Ok(true);
        };
        let (mut end, mut granted) = (0, Vec::new());
        let one_by_one = ask.step == Step::Hold && self.asking == Asking::SetNx;
        for _ in 0..if one_by_one { ask.places() } else { 1 } {
            let Some((value, after)) = self.wire.peek(end)? else { return Ok(false) };
            granted
                .push(matches!(value, Value::Number(1)) || value == Value::Text("OK".to_owned()));
            end = after;
        }
        let mut kept = true;
        if self.wait {
            let Some((replicas, after)) = self.wire.peek(end)? else { return Ok(false) };
            kept = matches!(replicas, Value::Number(1..));
            end = after;
        }
        self.wire.consume(end);
        let held = granted.iter().all(|granted| *granted);
        if one_by_one && !held && granted.iter().any(|granted| *granted) {
            self.give_back(&ask, &granted);
        }
        into.push((
            token,
            match (ask.step, held, kept) {
                (Step::Hold, true, true) => Answer::Held,
                (Step::Hold, false, _) => Answer::Taken,
                (Step::Confirm | Step::Release, true, true) => Answer::Ended,
                _ => Answer::Failed,
            },
        ));
        Ok(true)
    }

    /// Gives back the seats that were granted, since others of the hold were taken.
    fn give_back(&mut self, ask: &Ask, granted: &[bool]) {
        let keys = keys(ask);
        let own = keys.iter().zip(granted).filter(|(_, granted)| **granted);
        let words: Vec<&[u8]> =
            std::iter::once(&b"DEL"[..]).chain(own.map(|(key, _)| key.as_bytes())).collect();
        write_command(&mut self.wire.out, &words);
        self.asked.push_back(Asked::Undo);
    }
}

fn keys(ask: &Ask) -> Vec<String> {
    let trip = ask.trip;
    match ask.legs() {
        None => ask.seats().map(|seat| format!("h:{trip}:{seat}")).collect(),
        Some(legs) => {
            let keys = |seat| legs.clone().map(move |leg| format!("h:{trip}:{seat}:{leg}"));
            ask.seats().flat_map(keys).collect()
        }
    }
}

/// An answer in Redis's protocol, as far as it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(i64),
    Text(String),
    Nothing,
}

/// A connection and what is on it.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    out: Vec<u8>,
    /// How much of it was sent.
    sent: usize,
    inbox: Vec<u8>,
    /// How far the inbox was read.
    at: usize,
}

impl Wire {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Vec::new(), sent: 0, inbox: Vec::new(), at: 0 })
    }

    /// Sends what is to be sent. Dropped half-way, it goes on where it was.
    async fn flush(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            self.sent += self.stream.write(&self.out[self.sent..]).await?;
        }
        self.out.clear();
        self.sent = 0;
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
            b'$' if text == "-1" => Ok(Some((Value::Nothing, from + end))),
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
                    Value::Nothing => String::new(),
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
