//! The seat map: the one place where it is decided who gets a seat.
//!
//! A [`SeatMap`] is the state of one trip. [`SeatMap::apply`] takes the log time, the log position and a
//! command, and answers with an [`Outcome`]: every replica that applies the same log comes to the same
//! answers and the same [`SeatMap::digest`]. Nothing here waits, reads a clock, touches a file or draws
//! a random number.
//!
//! # How to read it
//! * `command.rs`, `reply.rs` and `refusal.rs` say what can be asked and answered.
//! * A file a verb decides it: `hold.rs`, `hold_best.rs`, `hold_quantity.rs`, `extend.rs`, `payment.rs`,
//!   `confirm.rs`, `release.rs`, `cancel.rs`, `swap.rs`, `block.rs`, `sales.rs`, `expire.rs`, `batch.rs`.
//!   Each is a ladder of refusals (`check`), below which `apply` changes the state: a refusal never
//!   leaves half a change behind.
//! * `occupancy.rs`, `counters.rs`, `registry.rs`, `deadlines.rs` and `buyers.rs` are the state, `terms.rs`
//!   is what holds are checked against; `ledger.rs` keeps them in step, `invariants.rs` proves that it did.
//!
//! # Ids
//! A command is answered once: a retry with the same id and body gets the first answer, also when that
//! was a refusal that the log has seen. (A refusal by [`SeatMap::check`] left no trace.) So whoever wants
//! to ask again after a refusal makes a new id; whoever does not know the answer keeps the old one.
//!
//! # Time
//! `apply` first expires what is due at the command's log time. So a hold whose deadline has come is
//! over for every command, whether or not an `Expire` was proposed for it.

mod answer;
mod attributes;
mod batch;
mod block;
mod blocking;
mod buyers;
mod cancel;
mod canonical;
mod change;
mod choose;
pub mod codec;
mod command;
mod confirm;
mod counters;
mod deadlines;
mod expire;
mod extend;
mod few;
mod fingerprint;
mod grant;
mod hold;
mod hold_best;
mod hold_quantity;
mod id_table;
pub mod invariants;
mod journal;
mod layout;
mod layout_check;
mod ledger;
pub mod limits;
mod occupancy;
mod open;
mod payment;
mod prefetch;
mod readable;
mod record;
mod refusal;
mod refusal_text;
mod registry;
mod release;
mod reply;
mod sales;
mod slab;
mod swap;
mod terms;
mod view;

use std::sync::Arc;

use proto::ids::{CommandId, HoldId, LogPosition, Timestamp};
use raft::mutant::{Mutant, planted};

use buyers::Buyers;
use counters::Counters;
use deadlines::Deadlines;
use journal::NOWHERE;
use occupancy::Occupancy;
use registry::{Finished, Known, Registry};
use terms::Terms;

pub use attributes::Attributes;
pub use change::{Change, ChangeKind};
pub use command::{
    Adjacent, BeginPayment, Block, Cancel, Command, CommandBody, Confirm, ExpireNow, Extend, Hold,
    HoldBest, HoldQuantity, Note, Part, Release, SeatList, Seats, Span, Stock, Swap, Unblock,
    ZoneRef,
};
pub use few::Few;
pub use journal::Journal;
pub use layout::{Layout, LayoutDigest, LayoutSpec, Place, SeatSpec, ZoneKind, ZoneSpec};
pub use layout_check::LayoutFault;
pub use open::{LatePolicy, Open, Rules, Stop, TripFault};
pub use record::HoldState;
pub use refusal::{BatchFault, Blocking, CODES, Class, Refusal, SeatRef, Taken, Winners};
pub use reply::{Check, Grant, Lateness, Outcome, Places, Reply};
pub use view::{Counts, HoldView, Owner, SeatStory, View};

/// The state of one trip. What every hold touches comes first: a trip out of many is in no cache.
#[derive(Clone)]
#[repr(C)]
pub struct SeatMap {
    /// The latest log time seen: time does not run backwards here even if a caller lets it.
    clock: Timestamp,
    /// The last command applied.
    position: LogPosition,
    /// How many changes the trip has seen.
    version: u64,
    /// The number of the last change in the journal.
    last_change: u64,
    /// Where the answer to the last command was decided. No part of the state: only for whoever asked.
    decided_at: LogPosition,
    /// How many holds the last command found expired. No part of the state: only for counting.
    swept: u32,
    /// Whether no seats are given out for the moment.
    frozen: bool,
    /// Whether no seats are given out any more.
    closed: bool,
    /// Where changes are written: the trip's own journal, or one lent to it.
    journal: Journal,
    /// What every hold is checked against.
    terms: Terms,
    /// Live holds, bookings and blocks, and what is remembered of finished ones.
    registry: Registry,
    /// When the live holds expire.
    deadlines: Deadlines,
    /// Who has which seat on which leg.
    occupancy: Occupancy,
    /// How many places are taken, by zone, leg and class.
    counters: Counters,
    /// The trip as it was put on sale.
    open: Arc<Open>,
    /// The command that put it on sale: known for as long as the trip exists.
    opened_by: CommandId,
    /// Where that was decided.
    opened_at: LogPosition,
    /// How many places every buyer has; empty unless the trip limits it.
    buyers: Buyers,
}

/// What a command is applied with.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// The log time.
    at: Timestamp,
    /// The log position.
    pos: LogPosition,
    /// What the command asks for.
    fingerprint: u64,
}

impl SeatMap {
    /// Puts a trip on sale: the state after the command `id` with this body.
    pub fn open(
        at: Timestamp,
        pos: LogPosition,
        id: CommandId,
        open: &Arc<Open>,
    ) -> Result<Self, Refusal> {
        open.check()?;
        let mut map = Self::empty(Arc::clone(open), id);
        map.clock = at;
        (map.position, map.opened_at, map.decided_at) = (pos, pos, pos);
        map.note_trip(at, pos, ChangeKind::Opened);
        Ok(map)
    }

    /// A trip without a past.
    fn empty(open: Arc<Open>, opened_by: CommandId) -> Self {
        let legs = open.leg_count();
        let (seats, zones) = (open.layout.seats().len(), open.layout.zones().len());
        Self {
            clock: Timestamp::default(),
            position: LogPosition::default(),
            version: 0,
            last_change: NOWHERE,
            decided_at: LogPosition::default(),
            swept: 0,
            frozen: false,
            closed: false,
            journal: Journal::default(),
            terms: Terms::of(&open),
            registry: Registry::default(),
            deadlines: Deadlines::default(),
            occupancy: Occupancy::new(seats, legs),
            counters: Counters::new(zones, legs),
            open,
            opened_by,
            opened_at: LogPosition::default(),
            buyers: Buyers::default(),
        }
    }

    /// The answer to the command that put the trip on sale.
    pub fn opened(&self) -> Reply {
        let zones = (0..).map(proto::ids::ZoneNo::new).take(self.open.layout.zones().len());
        let places = zones.map(|zone| self.open.layout.capacity(zone)).sum();
        Reply::Opened { places, legs: self.open.leg_count() }
    }

    /// Answers a command without changing anything, as far as that is possible: what is known is
    /// answered again, what the state refuses is refused, and the rest has to be proposed.
    ///
    /// A [`Check::Refuse`] is what [`SeatMap::apply`] would answer at the same time with the same
    /// state. A confirm that lost its seats is not refused here: that answer means money, so the log has
    /// to know it.
    pub fn check(&self, at: Timestamp, command: &Command) -> Check {
        if canonical::is_canonical(&command.body) {
            return self.check_canonical(at, command);
        }
        let mut canonical = command.clone();
        match self.canonical(&mut canonical) {
            Ok(()) => self.check_canonical(at, &canonical),
            Err(refusal) => match self.known(at, command) {
                Some((position, outcome)) => Check::Known(position, outcome),
                None => Check::Refuse(refusal),
            },
        }
    }

    /// Applies a command of the log. The answer to a command whose id is known is the first answer.
    ///
    /// # Panics
    /// If `pos` does not come after the last position applied: the caller has to skip what the state
    /// already has ([`SeatMap::position`]).
    pub fn apply(&mut self, at: Timestamp, pos: LogPosition, command: &Command) -> Outcome {
        let again = pos <= self.position && planted(Mutant::AppliesTwice);
        let follows = pos > self.position || again;
        assert!(follows, "{pos} was applied before: the trip is at {}", self.position);
        let at = at.max(self.clock);
        self.clock = at;
        (self.position, self.decided_at) = (pos, pos);
        self.swept = expire::sweep(self, at, pos);
        if matches!(command.body, CommandBody::Expire) {
            return Ok(Reply::Expired { count: self.swept });
        }
        if again {
            return self.decide(Turn { at, pos, fingerprint: 0 }, command);
        }
        if canonical::is_canonical(&command.body) {
            return self.run(at, pos, command);
        }
        let mut canonical = command.clone();
        match self.canonical(&mut canonical) {
            Ok(()) => self.run(at, pos, &canonical),
            Err(refusal) => match self.known(at, command) {
                Some(known) => self.again(known),
                None => {
                    let outcome = Err(refusal);
                    self.remember((at, pos), fingerprint::of(&command.body), command, &outcome);
                    outcome
                }
            },
        }
    }

    /// Where the answer to the last command that was applied had been decided: at its own position, or at
    /// that of an earlier command with its id.
    pub fn decided_at(&self) -> LogPosition {
        self.decided_at
    }

    /// When the next hold or payment window ends: propose [`CommandBody::Expire`] then.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.earliest()
    }

    /// How many holds expired at the last command that was applied.
    pub fn swept(&self) -> u32 {
        self.swept
    }

    /// Whether nothing can happen by itself: no live hold. The trip may be passivated.
    pub fn is_idle(&self) -> bool {
        self.deadlines.len() == 0
    }

    /// The whole state as 64 bits: equal on all replicas that applied the same log, on every platform.
    /// It takes as long as encoding a snapshot.
    pub fn digest(&self) -> u64 {
        codec::digest_of_state(&codec::encode_state(self))
    }

    /// The last command applied: what is not beyond it must not be applied again.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// How many changes the trip has seen.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The trip as it was put on sale.
    pub fn trip(&self) -> &Arc<Open> {
        &self.open
    }

    /// Does something while the trip writes its changes into `journal` and reads them there, instead of
    /// in a journal of its own. A trip has to be lent the same journal all its life.
    #[inline]
    pub fn with_journal<T>(
        &mut self,
        journal: &mut Journal,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        std::mem::swap(&mut self.journal, journal);
        let done = work(self);
        std::mem::swap(&mut self.journal, journal);
        done
    }

    /// Moves the changes of the trip's own journal to one that will be lent to it from now on.
    pub fn hand_over_changes(&mut self, journal: &mut Journal) {
        let own = std::mem::take(&mut self.journal);
        let changes = own.changes().cloned();
        self.last_change = changes.fold(NOWHERE, |last, change| journal.push(last, change));
    }

    /// The changes after `version`, oldest first; `None` if some of them are no longer in the journal,
    /// or if the trip has not come so far: read the view anew.
    pub fn changes_since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let behind = usize::try_from(self.version.checked_sub(version)?).ok()?;
        let mut changes: Vec<&Change> = self.changes().take(behind).collect();
        changes.reverse();
        (changes.len() == behind).then(|| changes.into_iter())
    }

    /// The trip's changes that the journal has, newest first.
    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.journal.chain(self.last_change)
    }

    fn check_canonical(&self, at: Timestamp, command: &Command) -> Check {
        if matches!(command.body, CommandBody::Expire) {
            return Check::Propose;
        }
        if let Some((position, outcome)) = self.known(at, command)
            && !planted(Mutant::LooksAtTheSeatFirst)
        {
            return Check::Known(position, outcome);
        }
        let Err(refusal) = self.refuse(at, command) else { return Check::Propose };
        let counts = refusal.rests_on_counts();
        let lost_money = matches!(command.body, CommandBody::Confirm(_))
            && (counts || matches!(refusal, Refusal::HoldLost { .. }));
        let due = self.deadlines.earliest().is_some_and(|deadline| deadline <= at);
        if lost_money || due && counts { Check::Propose } else { Check::Refuse(refusal) }
    }

    /// The ladder of a command, without what stands below it.
    fn refuse(&self, at: Timestamp, command: &Command) -> Result<(), Refusal> {
        match &command.body {
            CommandBody::Open(_) => Err(Refusal::TripExists),
            CommandBody::Hold(hold) => hold::check(self, at, hold),
            CommandBody::HoldBest(best) => hold_best::check(self, at, best).map(drop),
            CommandBody::HoldQuantity(hold) => hold_quantity::check(self, at, hold).map(drop),
            CommandBody::Extend(extend) => extend::check(self, at, extend).map(drop),
            CommandBody::BeginPayment(payment) => payment::check(self, at, payment).map(drop),
            CommandBody::Confirm(confirm) => confirm::check(self, at, confirm).map(drop),
            CommandBody::Release(release) => release::check(self, at, release).map(drop),
            CommandBody::Cancel(cancel) => cancel::check(self, at, cancel).map(drop),
            CommandBody::Swap(swap) => swap::check(self, at, swap).map(drop),
            CommandBody::Block(block) => block::check(self, at, block),
            CommandBody::Unblock(unblock) => block::check_lift(self, at, unblock).map(drop),
            CommandBody::Freeze | CommandBody::Thaw | CommandBody::CloseSales => Ok(()),
            CommandBody::Expire => Ok(()),
            CommandBody::ExpireNow(expire) => expire::check(self, at, expire),
            CommandBody::Batch(commands) => batch::check(command.id, commands),
        }
    }

    /// Answers a canonical command and remembers the answer.
    fn run(&mut self, at: Timestamp, pos: LogPosition, command: &Command) -> Outcome {
        if let Some(known) = self.known(at, command) {
            return self.again(known);
        }
        let turn = Turn { at, pos, fingerprint: fingerprint::of(&command.body) };
        let outcome = self.decide(turn, command);
        self.remember((at, pos), turn.fingerprint, command, &outcome);
        outcome
    }

    /// Decides a command that was not answered before: one line a command.
    fn decide(&mut self, turn: Turn, command: &Command) -> Outcome {
        let id = HoldId::from(command.id);
        match &command.body {
            CommandBody::Open(_) => Err(Refusal::TripExists),
            CommandBody::Hold(hold) => hold::apply(self, turn, id, hold),
            CommandBody::HoldBest(best) => hold_best::apply(self, turn, id, best),
            CommandBody::HoldQuantity(hold) => hold_quantity::apply(self, turn, id, hold),
            CommandBody::Extend(extend) => extend::apply(self, turn, extend),
            CommandBody::BeginPayment(payment) => payment::apply(self, turn, payment),
            CommandBody::Confirm(confirm) => confirm::apply(self, turn, confirm),
            CommandBody::Release(release) => release::apply(self, turn, release),
            CommandBody::Cancel(cancel) => cancel::apply(self, turn, cancel),
            CommandBody::Swap(swap) => swap::apply(self, turn, swap),
            CommandBody::Block(block) => block::apply(self, turn, id, block),
            CommandBody::Unblock(unblock) => block::lift(self, turn, unblock),
            CommandBody::Freeze => sales::freeze(self, turn),
            CommandBody::Thaw => sales::thaw(self, turn),
            CommandBody::CloseSales => sales::close(self, turn),
            CommandBody::Expire => Ok(Reply::Expired { count: 0 }),
            CommandBody::ExpireNow(expire) => expire::apply(self, turn, expire),
            CommandBody::Batch(commands) => batch::apply(self, turn, command.id, commands),
        }
    }

    /// Gives an answer again, and where it was decided.
    fn again(&mut self, (decided_at, outcome): (LogPosition, Outcome)) -> Outcome {
        if !planted(Mutant::NamesTheLatestPosition) {
            self.decided_at = decided_at;
        }
        outcome
    }

    /// The first answer to this id and where it was decided, if it is known; a refusal if it came with
    /// another body, which was decided there too.
    fn known(&self, at: Timestamp, command: &Command) -> Option<(LogPosition, Outcome)> {
        let Some(known) = self.registry.find(command.id, at) else {
            let is_ours = command.id == self.opened_by;
            return is_ours.then(|| self.opened_again(&command.body));
        };
        let print = fingerprint::of(&command.body);
        Some(match known {
            Known::Record(slot) => {
                let record = self.registry.record(slot);
                let same = record.fingerprint == print || planted(Mutant::ForgetsTheFingerprint);
                let outcome = if same { Ok(record.first_reply()) } else { Err(Refusal::IdReused) };
                (record.decided_at(), outcome)
            }
            Known::Entry(entry) => match &self.registry.entry(entry).what {
                Finished::Command { fingerprint, position, answer, .. } => {
                    let same = *fingerprint == print;
                    let first = || answer.outcome(&command.body);
                    (*position, if same { first() } else { Err(Refusal::IdReused) })
                }
                Finished::Record(slot) => {
                    let record = self.registry.record(*slot);
                    (record.decided_at(), Ok(record.first_reply()))
                }
            },
        })
    }

    /// The answer to the id that put the trip on sale.
    fn opened_again(&self, body: &CommandBody) -> (LogPosition, Outcome) {
        match body {
            CommandBody::Open(open) if **open == *self.open => (self.opened_at, Ok(self.opened())),
            _ => (self.opened_at, Err(Refusal::IdReused)),
        }
    }

    /// Remembers an answer, unless a hold or block was made that tells it anyway.
    fn remember(
        &mut self,
        now: (Timestamp, LogPosition),
        print: u64,
        command: &Command,
        outcome: &Outcome,
    ) {
        if planted(Mutant::ForgetsAnswers) {
            return;
        }
        if !matches!(outcome, Ok(Reply::Held(_) | Reply::Blocked { .. })) {
            self.registry.remember(now, command.id, print, answer::Answer::of(outcome));
        }
    }
}

impl std::fmt::Debug for SeatMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeatMap")
            .field("title", &self.open.title)
            .field("position", &self.position)
            .field("version", &self.version)
            .field("live_holds", &self.deadlines.len())
            .finish_non_exhaustive()
    }
}
