//! Faults that a booking service orders, to see what its own code makes of them: see `faults.proto`.
//!
//! They stand between the wire and the shard, never inside: nothing that is decided is touched. While nothing
//! is ordered, a command costs one load of a flag.

mod order;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actors::ask::{Answer, AnswerSink};
use parking_lot::Mutex;
use proto::ids::ShardId;
use proto::pb::{self, Code, Problem};

pub(crate) use order::ChangeLeaders;
use order::Order;
pub(crate) use token::Token;

use crate::wire::Routed;

/// Orders at a time, at most.
pub(crate) const MAX_ORDERED_FAULTS: usize = 64;

/// How long an answer that is lost keeps its caller waiting, at most.
pub(crate) const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// What meets one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// It is not carried out.
    Overloaded,
    /// Its answer never comes.
    Lost,
    /// Its answer comes so much later.
    Late(Duration),
}

/// The faults of one node.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Who may order; nobody where faults are off.
    token: Option<Token>,
    any: AtomicBool,
    orders: Mutex<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    last_id: u64,
    list: Vec<Order>,
}

impl Orders {
    fn forget_ended(&mut self) {
        let now = Instant::now();
        self.list.retain(|order| order.ends > now);
    }
}

impl Faults {
    /// Faults may be ordered by whoever has the token.
    pub(crate) fn on(token: Token) -> Self {
        Self { token: Some(token), ..Self::default() }
    }

    /// Lets a call in that carries the token.
    pub(crate) fn admit(&self, presented: Option<&str>) -> Result<(), Problem> {
        let denied = |why: &str| Err(Problem::new(Code::PermissionDenied, why));
        match (&self.token, presented) {
            (None, _) => denied("no faults can be ordered here: [faults] is off"),
            (Some(_), None) => denied("the metadata `authorization: Bearer <token>` is missing"),
            (Some(token), Some(presented)) if !token.is(presented) => denied("the token is wrong"),
            _ => Ok(()),
        }
    }

    /// Takes an order; gives it with its number.
    pub(crate) fn order(&self, wire: pb::OrderFaultRequest) -> Result<pb::OrderedFault, Problem> {
        let mut orders = self.orders.lock();
        orders.forget_ended();
        if orders.list.len() >= MAX_ORDERED_FAULTS {
            let why = format!("{MAX_ORDERED_FAULTS} faults are ordered, no more are allowed");
            return Err(Problem::new(Code::Overloaded, why));
        }
        let order = Order::read(orders.last_id + 1, wire)?;
        orders.last_id = order.id;
        let shown = order.shown();
        orders.list.push(order);
        self.any.store(true, Ordering::Relaxed);
        Ok(shown)
    }

    /// What is ordered now.
    pub(crate) fn list(&self) -> Vec<pb::OrderedFault> {
        let mut orders = self.orders.lock();
        orders.forget_ended();
        orders.list.iter().map(Order::shown).collect()
    }

    /// Ends an order, or all with the number 0; says how many that were.
    pub(crate) fn end(&self, id: u64) -> usize {
        let mut orders = self.orders.lock();
        orders.forget_ended();
        let before = orders.list.len();
        orders.list.retain(|order| id != 0 && order.id != id);
        self.any.store(!orders.list.is_empty(), Ordering::Relaxed);
        before - orders.list.len()
    }

    /// What an order wants done to leaders; nothing once it has ended.
    pub(crate) fn leaders_to_change(&self, id: u64) -> Option<ChangeLeaders> {
        let mut orders = self.orders.lock();
        orders.forget_ended();
        orders.list.iter().find(|order| order.id == id)?.change_leaders()
    }

    /// An order has met a leadership.
    pub(crate) fn met_leader(&self, id: u64) {
        if let Some(order) = self.orders.lock().list.iter_mut().find(|order| order.id == id) {
            order.met += 1;
        }
    }

    /// What meets this command. The first order that fits decides.
    #[inline]
    pub(crate) fn meet(&self, routed: &Routed) -> Option<Met> {
        if self.any.load(Ordering::Relaxed) { self.look(routed) } else { None }
    }

    #[cold]
    fn look(&self, routed: &Routed) -> Option<Met> {
        let mut orders = self.orders.lock();
        orders.forget_ended();
        self.any.store(!orders.list.is_empty(), Ordering::Relaxed);
        // All of them look, since they remember whose holds these are.
        let met: Vec<Option<Met>> =
            orders.list.iter_mut().map(|order| order.meet(routed)).collect();
        let first = met.iter().position(Option::is_some)?;
        orders.list[first].met += 1;
        met[first]
    }
}

/// What a refused command is answered.
pub(crate) fn overloaded() -> Problem {
    Problem {
        retry_after_ms: actors::limits::OVERLOAD_RETRY_MS,
        ..Problem::new(Code::Overloaded, "a fault was ordered: the command was not carried out")
    }
}

/// Passes answers on, later.
pub(crate) struct Late {
    pub(crate) sink: Arc<dyn AnswerSink>,
    pub(crate) by: Duration,
}

impl AnswerSink for Late {
    fn answer(&self, tag: u32, answer: Answer) {
        let (sink, by) = (Arc::clone(&self.sink), self.by);
        tokio::spawn(async move {
            tokio::time::sleep(by).await;
            sink.answer(tag, answer);
        });
    }
}

/// Which shards a fault of leaders is about.
pub(crate) fn is_meant(order: &ChangeLeaders, shard: ShardId, shards: u32) -> bool {
    order.trip.as_ref().is_none_or(|trip| proto::ring::shard_of(trip, shards) == shard)
}
