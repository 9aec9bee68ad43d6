//! The network between processes: every connection goes through a proxy in this process, so that each
//! direction of each pair can be held up, slowed down or broken without any privilege.
//!
//! A flow is what one party says to another, on whichever connection: a connection that node 1 opened to
//! node 2 carries the flow 1→2 and, with its answers, the flow 2→1. While a flow is held its bytes wait
//! where they are, as bytes do that TCP sends again and again into a cut cable.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// One end of a flow: a node's number, or [`CLIENTS`].
pub type Party = u64;

/// All clients together.
pub const CLIENTS: Party = 0;

/// What is read at once, in bytes.
const CHUNK_BYTES: usize = 16 << 10;

/// Chunks under way on a delayed flow of one connection.
const CHUNKS_QUEUED: usize = 256;

/// How one party's bytes reach another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// They do not.
    pub held: bool,
    /// They take so much longer, in milliseconds.
    pub delay_ms: u64,
    /// At most so many a second on each connection; any number when 0.
    pub bytes_per_s: u64,
}

impl Rule {
    /// Nothing passes.
    pub const HELD: Self = Self { held: true, delay_ms: 0, bytes_per_s: 0 };

    fn and(self, other: Self) -> Self {
        let rate = [self.bytes_per_s, other.bytes_per_s].into_iter().filter(|&rate| rate > 0).min();
        Self {
            held: self.held || other.held,
            delay_ms: self.delay_ms.max(other.delay_ms),
            bytes_per_s: rate.unwrap_or(0),
        }
    }
}

/// A flow: from, to.
pub type Flow = (Party, Party);

/// Faults of flows that are under way, by a number of each.
#[derive(Debug, Default)]
struct Active {
    next: u64,
    rules: BTreeMap<u64, Vec<(Flow, Rule)>>,
}

/// The way from one party to another's listener.
#[derive(Debug)]
struct Link {
    address: SocketAddr,
    /// Counts up to break every connection.
    reset: watch::Sender<u64>,
    /// Counts up to silence every connection that is open, for ever.
    silence: watch::Sender<u64>,
}

/// All links, and what happens to their flows.
#[derive(Debug)]
pub struct Network {
    flows: BTreeMap<Flow, watch::Sender<Rule>>,
    links: BTreeMap<Flow, Link>,
    active: Mutex<Active>,
    _proxies: JoinSet<()>,
}

impl Network {
    /// Listens for every party that dials another: who dials whom, and where that one really is.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(ways: &BTreeMap<Flow, SocketAddr>) -> std::io::Result<Arc<Self>> {
        let mut flows = BTreeMap::new();
        for &(from, to) in ways.keys() {
            for flow in [(from, to), (to, from)] {
                flows.entry(flow).or_insert_with(|| watch::channel(Rule::default()).0);
            }
        }
        let (mut links, mut proxies) = (BTreeMap::new(), JoinSet::new());
        for (&(from, to), &target) in ways {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let link = Link { address, reset: watch::channel(0).0, silence: watch::channel(0).0 };
            let ends = Ends {
                target,
                there: flows[&(from, to)].subscribe(),
                back: flows[&(to, from)].subscribe(),
                reset: link.reset.subscribe(),
                silence: link.silence.subscribe(),
            };
            proxies.spawn(accept(listener, ends));
            links.insert((from, to), link);
        }
        Ok(Arc::new(Self { flows, links, active: Mutex::default(), _proxies: proxies }))
    }

    /// Where `from` dials `to`.
    #[must_use]
    pub fn address(&self, from: Party, to: Party) -> Option<SocketAddr> {
        self.links.get(&(from, to)).map(|link| link.address)
    }

    /// Puts rules on flows until [`Network::end`] with the number that is returned.
    pub fn begin(&self, rules: Vec<(Flow, Rule)>) -> u64 {
        let mut active = self.active.lock();
        active.next += 1;
        let number = active.next;
        active.rules.insert(number, rules);
        self.settle(&active);
        number
    }

    /// Takes rules away.
    pub fn end(&self, number: u64) {
        let mut active = self.active.lock();
        active.rules.remove(&number);
        self.settle(&active);
    }

    fn settle(&self, active: &Active) {
        for (flow, sender) in &self.flows {
            let rules = active.rules.values().flatten().filter(|(on, _)| on == flow);
            let rule = rules.fold(Rule::default(), |sum, (_, rule)| sum.and(*rule));
            sender.send_if_modified(|now| std::mem::replace(now, rule) != rule);
        }
    }

    /// Breaks every connection between two parties.
    pub fn reset(&self, a: Party, b: Party) {
        for link in [self.links.get(&(a, b)), self.links.get(&(b, a))].into_iter().flatten() {
            link.reset.send_modify(|count| *count += 1);
        }
    }

    /// Silences every connection between two parties that is open now.
    pub fn silence(&self, a: Party, b: Party) {
        for link in [self.links.get(&(a, b)), self.links.get(&(b, a))].into_iter().flatten() {
            link.silence.send_modify(|count| *count += 1);
        }
    }
}

/// What a connection of a link needs to know.
#[derive(Clone)]
struct Ends {
    target: SocketAddr,
    there: watch::Receiver<Rule>,
    back: watch::Receiver<Rule>,
    reset: watch::Receiver<u64>,
    silence: watch::Receiver<u64>,
}

async fn accept(listener: TcpListener, ends: Ends) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((dialer, _)) => drop(connections.spawn(carry(dialer, ends.clone()))),
                // Too many open files: those that end make room.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until it ends or is broken.
async fn carry(mut dialer: TcpStream, mut ends: Ends) {
    ends.reset.mark_unchanged();
    ends.silence.mark_unchanged();
    let (mut target, mut reset) = (None, ends.reset.clone());
    tokio::select! {
        // Whoever fails takes the connection along; the system tells both ends.
        _ = connect(&mut dialer, &mut target, ends) => {}
        Ok(()) = reset.changed() => {
            for stream in [Some(dialer), target].into_iter().flatten() {
                // A connection that has gone already cannot be broken.
                let _ = stream.set_zero_linger();
            }
        }
    }
}

async fn connect(
    dialer: &mut TcpStream,
    target: &mut Option<TcpStream>,
    mut ends: Ends,
) -> std::io::Result<()> {
    passes(&mut ends.there).await;
    let target = target.insert(TcpStream::connect(ends.target).await?);
    dialer.set_nodelay(true)?;
    target.set_nodelay(true)?;
    let ((dialer_in, dialer_out), (target_in, target_out)) = (dialer.split(), target.split());
    let there = pump(dialer_in, target_out, ends.there, ends.silence.clone());
    let back = pump(target_in, dialer_out, ends.back, ends.silence);
    tokio::try_join!(there, back).map(drop)
}

/// Completes when the flow is not held.
async fn passes(flow: &mut watch::Receiver<Rule>) -> Rule {
    let passing = flow.wait_for(|rule| !rule.held).await.map(|rule| *rule);
    match passing {
        Ok(rule) => rule,
        // The network has gone, and this connection goes with it.
        Err(_) => std::future::pending().await,
    }
}

/// Moves one direction of a connection, until its end.
async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    flow: watch::Receiver<Rule>,
    mut silence: watch::Receiver<u64>,
) -> std::io::Result<()> {
    let (queue, queued) = mpsc::channel(CHUNKS_QUEUED);
    let moved = async {
        tokio::try_join!(read(from, queue, flow.clone()), write(to, queued, flow)).map(drop)
    };
    tokio::select! {
        moved = moved => moved,
        // The sockets stay open: nobody is told.
        Ok(()) = silence.changed() => std::future::pending().await,
    }
}

async fn read(
    mut from: ReadHalf<'_>,
    queue: mpsc::Sender<(Instant, Bytes)>,
    mut flow: watch::Receiver<Rule>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        passes(&mut flow).await;
        let length = from.read(&mut buffer).await?;
        let delay = Duration::from_millis(flow.borrow().delay_ms);
        let chunk = Bytes::copy_from_slice(&buffer[..length]);
        // The writer has failed and says so itself; an empty chunk is the end.
        if queue.send((Instant::now() + delay, chunk)).await.is_err() || length == 0 {
            return Ok(());
        }
    }
}

async fn write(
    mut to: WriteHalf<'_>,
    mut queued: mpsc::Receiver<(Instant, Bytes)>,
    mut flow: watch::Receiver<Rule>,
) -> std::io::Result<()> {
    while let Some((due, chunk)) = queued.recv().await {
        tokio::time::sleep_until(due).await;
        let rule = passes(&mut flow).await;
        if chunk.is_empty() {
            return to.shutdown().await;
        }
        if let Some(micros) = (chunk.len() as u64 * 1_000_000).checked_div(rule.bytes_per_s) {
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
        to.write_all(&chunk).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A party that sends back whatever it gets, and the network from 1 to it, who is 2.
    async fn echo() -> (Arc<Network>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut from, mut to) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        let network = Network::start(&BTreeMap::from([((1, 2), target)])).await.unwrap();
        let stream = TcpStream::connect(network.address(1, 2).unwrap()).await.unwrap();
        (network, stream)
    }

    async fn answers(stream: &mut TcpStream) -> bool {
        let mut byte = [0];
        let answer = async {
            stream.write_all(&[7]).await?;
            stream.read_exact(&mut byte).await
        };
        matches!(tokio::time::timeout(Duration::from_millis(200), answer).await, Ok(Ok(_)))
    }

    #[tokio::test]
    async fn what_is_held_arrives_later() {
        let (network, mut stream) = echo().await;
        assert!(answers(&mut stream).await);
        for flow in [(1, 2), (2, 1)] {
            let cut = network.begin(vec![(flow, Rule::HELD)]);
            assert!(!answers(&mut stream).await);
            network.end(cut);
            let mut late = [0];
            stream.read_exact(&mut late).await.unwrap();
            assert_eq!(late, [7]);
        }
    }

    #[tokio::test]
    async fn overlapping_faults_end_one_by_one() {
        let (network, mut stream) = echo().await;
        let first = network.begin(vec![((1, 2), Rule::HELD)]);
        let second = network.begin(vec![((1, 2), Rule::HELD)]);
        network.end(first);
        assert!(!answers(&mut stream).await);
        network.end(second);
        assert!(answers(&mut stream).await);
    }

    #[tokio::test]
    async fn a_broken_connection_is_noticed_and_a_silent_one_is_not() {
        let (network, mut stream) = echo().await;
        assert!(answers(&mut stream).await);
        network.silence(1, 2);
        assert!(!answers(&mut stream).await);
        let mut fresh = TcpStream::connect(network.address(1, 2).unwrap()).await.unwrap();
        assert!(answers(&mut fresh).await, "new connections work");
        network.reset(1, 2);
        let mut byte = [0];
        assert!(fresh.read_exact(&mut byte).await.is_err());
    }
}
