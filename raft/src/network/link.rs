//! The stream to one peer, shared by all groups.
//!
//! openraft opens many short sessions: one per run of entries, one per heartbeat. Each gets a number;
//! its frames carry it, and the answers come back to it in order. When the stream breaks, every session
//! on it ends, and the link connects again by itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::StreamExt as _;
use parking_lot::Mutex;
use proto::pb;
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::{Inbound, LINK_QUEUE_FRAMES, Transport};

/// Pause before connecting again, so that a dead peer costs little and a restarted one is found soon.
const RECONNECT_PAUSE: Duration = Duration::from_millis(40);

/// Answers to one session. Unbounded, but openraft bounds the requests in flight.
type Answers = mpsc::UnboundedSender<pb::ReplicateResponse>;

/// The stream to one peer.
#[derive(Debug)]
pub struct Link {
    peer: u64,
    addr: String,
    next_session: AtomicU64,
    up: Mutex<Option<Up>>,
}

/// A connected stream.
#[derive(Debug)]
struct Up {
    out: mpsc::Sender<pb::ReplicateRequest>,
    sessions: BTreeMap<u64, Answers>,
}

/// One session: numbered frames out, their answers in.
pub struct Session {
    link: Arc<Link>,
    number: u64,
    out: mpsc::Sender<pb::ReplicateRequest>,
    answers: mpsc::UnboundedReceiver<pb::ReplicateResponse>,
}

impl Link {
    /// Starts to connect to a peer and keeps connecting until the link is dropped.
    pub fn start(peer: u64, addr: &str, transport: Arc<dyn Transport>) -> Arc<Self> {
        let link = Arc::new(Self {
            peer,
            addr: addr.to_owned(),
            next_session: AtomicU64::new(1),
            up: Mutex::new(None),
        });
        tokio::spawn(keep_connected(Arc::downgrade(&link), transport));
        link
    }

    /// Opens a session, or `None` while the peer cannot be reached.
    pub fn open(self: &Arc<Self>) -> Option<Session> {
        let mut up = self.up.lock();
        let up = up.as_mut()?;
        let number = self.next_session.fetch_add(1, Ordering::Relaxed);
        let (tx, answers) = mpsc::unbounded_channel();
        up.sessions.insert(number, tx);
        Some(Session { link: Arc::clone(self), number, out: up.out.clone(), answers })
    }

    fn connected(&self, out: mpsc::Sender<pb::ReplicateRequest>) {
        info!(peer = self.peer, addr = self.addr, "connected to peer");
        *self.up.lock() = Some(Up { out, sessions: BTreeMap::new() });
    }

    fn answer(&self, response: pb::ReplicateResponse) {
        if let Some(up) = self.up.lock().as_ref()
            && let Some(session) = up.sessions.get(&response.session)
        {
            // A session that is gone does not want its answers any more.
            let _ = session.send(response);
        }
    }

    fn disconnected(&self, why: &str) {
        if self.up.lock().take().is_some() {
            info!(peer = self.peer, addr = self.addr, why, "lost the connection to peer");
        }
    }
}

/// Connects, passes answers on until the stream breaks, and connects again.
async fn keep_connected(link: Weak<Link>, transport: Arc<dyn Transport>) {
    while let Some(addr) = link.upgrade().map(|link| link.addr.clone()) {
        let (out, frames) = mpsc::channel(LINK_QUEUE_FRAMES);
        match transport.replicate(&addr, frames).await {
            Ok(inbound) => {
                if let Some(link) = link.upgrade() {
                    link.connected(out);
                }
                let why = pass_answers(&link, inbound).await;
                if let Some(link) = link.upgrade() {
                    link.disconnected(&why);
                }
            }
            Err(error) => debug!(addr, %error, "a peer cannot be reached"),
        }
        tokio::time::sleep(RECONNECT_PAUSE).await;
    }
}

async fn pass_answers(link: &Weak<Link>, mut inbound: Inbound<pb::ReplicateResponse>) -> String {
    loop {
        match inbound.next().await {
            Some(Ok(response)) => match link.upgrade() {
                Some(link) => link.answer(response),
                None => return "the link is no longer used".to_owned(),
            },
            Some(Err(error)) => return error.0,
            None => return "the peer closed the stream".to_owned(),
        }
    }
}

impl Session {
    /// Sends one frame; false when the stream broke.
    pub async fn send(&self, mut frame: pb::ReplicateRequest) -> bool {
        frame.session = self.number;
        self.out.send(frame).await.is_ok()
    }

    /// The next answer; `None` when the stream broke.
    pub async fn answer(&mut self) -> Option<pb::ReplicateResponse> {
        self.answers.recv().await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(up) = self.link.up.lock().as_mut() {
            up.sessions.remove(&self.number);
        }
        let end = pb::ReplicateRequest { session: self.number, end: true, ..Default::default() };
        // When the queue is full the peer learns of the end from the next session of the group.
        let _ = self.out.try_send(end);
    }
}
