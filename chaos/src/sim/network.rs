//! The network between nodes and clients: it delays, loses, repeats and reorders, and its links can be
//! cut in one direction.
//!
//! A call between nodes is a message there and a message back. A stream is what TCP makes of a link:
//! its frames keep their order, a lost one comes late, and a link that stays cut breaks it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::chance::Chance;

/// The number of the clients' side, where nodes have theirs.
pub const CLIENTS: u64 = 0;

/// How long TCP waits before it sends a lost segment again.
const RETRANSMIT: Duration = Duration::from_millis(200);

/// Of a thousand segments so many are lost at most, else a stream would never go on.
const MOST_RESENT: u64 = 500;

/// A link that is cut for so long breaks its streams: what keep-alives notice.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// How a network behaves while nothing particular is done to it.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The shortest way of a message, in milliseconds.
    pub delay_min_ms: u64,
    /// The longest, in milliseconds.
    pub delay_max_ms: u64,
    /// Messages that are lost, per mille.
    pub lost: u64,
    /// Messages that arrive twice, per mille.
    pub repeated: u64,
}

impl Weather {
    /// A millisecond each way, and nothing is lost.
    pub const FAIR: Self = Self { delay_min_ms: 1, delay_max_ms: 1, lost: 0, repeated: 0 };
}

/// What happened to messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Census {
    /// Messages and frames that set out.
    pub sent: u64,
    /// Lost, or sent again by a stream.
    pub lost: u64,
    /// Arrived twice.
    pub repeated: u64,
    /// Stopped by a cut link.
    pub cut: u64,
    /// Arrived before one that set out earlier.
    pub reordered: u64,
}

/// One life of a node's process: false once it has ended.
#[derive(Clone, Debug)]
pub struct Life(Arc<AtomicBool>);

impl Life {
    /// A life that has begun.
    #[must_use]
    pub fn begin() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Whether it goes on.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The network. `E` is what a node shows to it.
pub struct Network<E> {
    state: Mutex<State<E>>,
    /// Signalled when a link, a process or a stream's fate changes.
    changed: Notify,
}

struct State<E> {
    chance: Chance,
    weather: Weather,
    links: BTreeMap<(u64, u64), Link>,
    up: BTreeMap<u64, (Life, E)>,
    /// Nodes whose processes stand still: they neither send nor take anything.
    paused: BTreeSet<u64>,
    census: Census,
}

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    cut: bool,
    /// What every message takes longer, in milliseconds.
    clogged_ms: u64,
    /// Messages that are lost beside those of bad weather, per mille.
    lost: u64,
    /// How long every message occupies the link, in milliseconds.
    each_ms: u64,
    /// When the last message has passed the link.
    free_at: Option<Instant>,
    /// Streams that began before this many resets are broken.
    resets: u64,
    /// How often it was mended: what a slow link held back before arrives then.
    mends: u64,
    /// When the last message arrives that has set out.
    last_arrival: Option<Instant>,
}

impl<E: Clone> Network<E> {
    /// A network in fair weather.
    #[must_use]
    pub fn new(chance: Chance) -> Arc<Self> {
        let state = State {
            chance,
            weather: Weather::FAIR,
            links: BTreeMap::new(),
            up: BTreeMap::new(),
            paused: BTreeSet::new(),
            census: Census::default(),
        };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    /// A node's process listens.
    pub fn listen(&self, node: u64, life: Life, shown: E) {
        self.state.lock().up.insert(node, (life, shown));
        self.changed.notify_waiters();
    }

    /// A node's process is gone: its machine refuses at once what comes.
    pub fn gone(&self, node: u64) {
        let mut state = self.state.lock();
        state.up.remove(&node);
        state.paused.remove(&node);
        drop(state);
        self.changed.notify_waiters();
    }

    /// A node's process stands still, or goes on: what comes to it and what it says waits so long.
    pub fn pause(&self, node: u64, paused: bool) {
        let mut state = self.state.lock();
        if paused {
            state.paused.insert(node)
        } else {
            state.paused.remove(&node)
        };
        drop(state);
        self.changed.notify_waiters();
    }

    /// Completes when a node's process does not stand still.
    pub async fn awake(&self, node: u64) {
        loop {
            let changed = self.changed.notified();
            if !self.state.lock().paused.contains(&node) {
                return;
            }
            changed.await;
        }
    }

    /// Who listens at a node.
    pub fn at(&self, node: u64) -> Option<(Life, E)> {
        self.state.lock().up.get(&node).cloned()
    }

    /// Changes how the network behaves in general.
    pub fn set_weather(&self, weather: Weather) {
        self.state.lock().weather = weather;
    }

    /// Cuts the way from one to another.
    pub fn cut(&self, from: u64, to: u64) {
        self.change(from, to, |link| link.cut = true);
    }

    /// Makes every message on a way take longer.
    pub fn clog(&self, from: u64, to: u64, ms: u64) {
        self.change(from, to, |link| link.clogged_ms = ms);
    }

    /// Loses so many of a thousand messages on a way.
    pub fn lose(&self, from: u64, to: u64, per_mille: u64) {
        self.change(from, to, |link| link.lost = per_mille);
    }

    /// Lets one message after the other pass a way, each for so long.
    pub fn trickle(&self, from: u64, to: u64, each_ms: u64) {
        self.change(from, to, |link| link.each_ms = each_ms);
    }

    /// Makes some ways as they should be.
    pub fn mend_ways(&self, ways: &[(u64, u64)]) {
        ways.iter().for_each(|&(from, to)| self.change(from, to, Link::mend));
    }

    fn change(&self, from: u64, to: u64, change: impl FnOnce(&mut Link)) {
        change(self.state.lock().links.entry((from, to)).or_default());
        self.changed.notify_waiters();
    }

    /// Whether the way from one to another is cut.
    pub fn is_cut(&self, from: u64, to: u64) -> bool {
        self.link(from, to).cut
    }

    /// Breaks every stream between two nodes.
    pub fn reset(&self, a: u64, b: u64) {
        let mut state = self.state.lock();
        for way in [(a, b), (b, a)] {
            state.links.entry(way).or_default().resets += 1;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Mends everything.
    pub fn mend(&self) {
        let mut state = self.state.lock();
        state.weather = Weather::FAIR;
        state.links.values_mut().for_each(Link::mend);
        state.paused.clear();
        drop(state);
        self.changed.notify_waiters();
    }

    /// What happened to messages so far.
    pub fn census(&self) -> Census {
        self.state.lock().census
    }

    /// When each copy of a message arrives: never, once, or twice.
    pub fn send(&self, from: u64, to: u64) -> Vec<Instant> {
        let state = &mut *self.state.lock();
        state.census.sent += 1;
        let link = state.links.entry((from, to)).or_default();
        if link.cut {
            state.census.cut += 1;
            return Vec::new();
        }
        if state.chance.per_mille(state.weather.lost + link.lost) {
            state.census.lost += 1;
            return Vec::new();
        }
        let copies = 1 + u64::from(state.chance.per_mille(state.weather.repeated));
        state.census.repeated += copies - 1;
        (0..copies)
            .map(|_| {
                let arrival = Instant::now() + way(&mut state.chance, state.weather, link);
                state.census.reordered +=
                    u64::from(link.last_arrival.is_some_and(|last| arrival < last));
                link.last_arrival = link.last_arrival.max(Some(arrival));
                arrival
            })
            .collect()
    }

    /// When a frame of a stream arrives, after the frame before it.
    pub(super) fn send_in_order(&self, from: u64, to: u64, before: Arrival) -> Arrival {
        let state = &mut *self.state.lock();
        state.census.sent += 1;
        let link = state.links.entry((from, to)).or_default();
        let now = Instant::now();
        let mends = link.mends;
        let after = if before.mends == mends { before.at } else { now };
        let mut takes = way(&mut state.chance, state.weather, link);
        while state.chance.per_mille((state.weather.lost + link.lost).min(MOST_RESENT)) {
            state.census.lost += 1;
            takes += RETRANSMIT;
        }
        Arrival { at: after.max(now + takes), mends }
    }

    /// Completes when a frame of a stream arrives.
    pub(super) async fn arrived(&self, from: u64, to: u64, arrival: Arrival) {
        let mends = async {
            loop {
                let changed = self.changed.notified();
                if self.link(from, to).mends != arrival.mends {
                    return;
                }
                changed.await;
            }
        };
        // The only other end is the time.
        let _ = tokio::time::timeout_at(arrival.at, mends).await;
    }

    fn link(&self, from: u64, to: u64) -> Link {
        self.state.lock().links.get(&(from, to)).copied().unwrap_or_default()
    }

    /// Completes when the way is open; `false` when it was cut for so long that a stream over it breaks.
    pub(super) async fn passable(&self, from: u64, to: u64) -> bool {
        let opens = async {
            let mut counted = false;
            loop {
                let changed = self.changed.notified();
                {
                    let mut state = self.state.lock();
                    if !state.links.get(&(from, to)).is_some_and(|link| link.cut) {
                        return;
                    }
                    state.census.cut += u64::from(!std::mem::replace(&mut counted, true));
                }
                changed.await;
            }
        };
        tokio::time::timeout(KEEP_ALIVE, opens).await.is_ok()
    }

    /// How often the streams between two nodes have been reset.
    pub(super) fn resets(&self, from: u64, to: u64) -> u64 {
        self.link(from, to).resets
    }

    /// Completes when the streams from one to another are broken: by a reset after `resets`, or because
    /// one of the two processes has ended.
    pub(super) async fn broken(&self, from: u64, to: u64, resets: u64, lives: &[Life; 2]) {
        loop {
            let changed = self.changed.notified();
            if self.resets(from, to) != resets || lives.iter().any(|life| !life.goes_on()) {
                return;
            }
            changed.await;
        }
    }
}

impl Link {
    /// Everything as it should be; what has broken stays broken.
    fn mend(&mut self) {
        let Self { resets, last_arrival, .. } = *self;
        *self = Self { resets, mends: self.mends + 1, last_arrival, ..Self::default() };
    }
}

/// When a frame of a stream arrives, unless its link is mended before.
#[derive(Clone, Copy)]
pub struct Arrival {
    at: Instant,
    /// How often the link had been mended when it set out.
    mends: u64,
}

impl Arrival {
    /// Of what was never sent: a stream's first frame comes after it.
    #[must_use]
    pub fn first() -> Self {
        Self { at: Instant::now(), mends: 0 }
    }
}

/// How long a message is on its way that sets out now.
fn way(chance: &mut Chance, weather: Weather, link: &mut Link) -> Duration {
    let ms = chance.between(weather.delay_min_ms, weather.delay_max_ms);
    let passes = if link.each_ms == 0 {
        Duration::ZERO
    } else {
        let now = Instant::now();
        let passed = link.free_at.unwrap_or(now).max(now) + Duration::from_millis(link.each_ms);
        link.free_at = Some(passed);
        passed - now
    };
    passes + Duration::from_millis(ms + link.clogged_ms)
}
