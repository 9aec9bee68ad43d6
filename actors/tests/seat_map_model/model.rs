//! The model: a list of holds, searched from end to end for every question. No bits, no indexes, no
//! caches; whoever doubts it can read it in one go.

use std::sync::Arc;

use proto::ids::{BuyerId, CommandId, Fence, HoldId, Legs, LogPosition, SeatNo, Timestamp};
use seatgrid_actors::seat_map::limits::{MIN_TTL_MS, REMEMBER_MS};
use seatgrid_actors::seat_map::*;

use crate::choice;
use crate::rules::{check_quantity, check_ttl, numbers, part_of, resolved};

/// A hold, booking or block.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: HoldId,
    pub(crate) buyer: BuyerId,
    pub(crate) places: Places,
    pub(crate) legs: Legs,
    pub(crate) state: HoldState,
    pub(crate) fence: Fence,
    granted_at: Timestamp,
    pub(crate) deadline: Timestamp,
    finished_at: Option<Timestamp>,
    /// The command that made it and its answer.
    made_by: (CommandBody, Outcome),
}

/// The plainest seat map.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) open: Arc<Open>,
    pub(crate) items: Vec<Item>,
    /// Answers to commands that made no item.
    answers: Vec<(CommandId, CommandBody, Outcome, Timestamp)>,
    pub(crate) frozen: bool,
    pub(crate) closed: bool,
    pub(crate) at: Timestamp,
    pub(crate) pos: LogPosition,
}

impl Model {
    pub(crate) fn new(open: Arc<Open>) -> Self {
        Self {
            open,
            items: Vec::new(),
            answers: Vec::new(),
            frozen: false,
            closed: false,
            at: Timestamp::default(),
            pos: LogPosition::default(),
        }
    }

    /// Everybody who has the seat, in order of legs.
    pub(crate) fn owners(&self, seat: SeatNo) -> Vec<(Legs, HoldId, Class)> {
        let live = self.live().filter(|item| item.places.seats().contains(&seat));
        let mut owners: Vec<_> =
            live.map(|item| (item.legs, item.id, item.state.class().unwrap())).collect();
        owners.sort();
        owners
    }

    pub(crate) fn live_count(&self) -> usize {
        self.live().count()
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.state.class().is_some())
    }

    /// Applies a command. What a `HoldBest` chose is taken from `real`, if it is the best choice.
    pub(crate) fn apply(
        &mut self,
        at: Timestamp,
        pos: LogPosition,
        command: &Command,
        real: &Outcome,
    ) -> Outcome {
        (self.at, self.pos) = (at, pos);
        let remembered = |finished: Timestamp| finished.plus_ms(REMEMBER_MS) > at;
        self.items.retain(|item| item.finished_at.is_none_or(remembered));
        self.answers.retain(|(.., finished)| remembered(*finished));
        let mut expired = 0;
        for item in &mut self.items {
            if item.state.can_expire() && item.deadline <= at {
                item.state = HoldState::Expired;
                item.finished_at = Some(at);
                expired += 1;
            }
        }
        if command.body == CommandBody::Expire {
            return Ok(Reply::Expired { count: expired });
        }
        self.answer(command, real)
    }

    /// The first answer to the id, or a new one.
    fn answer(&mut self, command: &Command, real: &Outcome) -> Outcome {
        let canonical = self.canonical(&command.body);
        let body = canonical.clone().unwrap_or(command.body.clone());
        let id = HoldId::from(command.id);
        if let Some(item) = self.items.iter().find(|item| item.id == id) {
            let (made_by, answer) = &item.made_by;
            return if *made_by == body { answer.clone() } else { Err(Refusal::IdReused) };
        }
        if let Some((_, asked, answer, _)) = self.answers.iter().find(|a| a.0 == command.id) {
            return if *asked == body { answer.clone() } else { Err(Refusal::IdReused) };
        }
        let outcome = canonical.and_then(|body| self.decide(command.id, &body, real));
        if !matches!(outcome, Ok(Reply::Held(_) | Reply::Blocked { .. })) {
            self.answers.push((command.id, body, outcome.clone(), self.at));
        }
        outcome
    }

    fn decide(&mut self, id: CommandId, body: &CommandBody, real: &Outcome) -> Outcome {
        match body {
            CommandBody::Hold(hold) => self.hold(id.into(), hold, body),
            CommandBody::HoldBest(best) => self.hold_best(id.into(), best, body, real),
            CommandBody::HoldQuantity(hold) => self.hold_quantity(id.into(), hold, body),
            CommandBody::Block(block) => self.block(id.into(), block, body),
            CommandBody::Extend(extend) => {
                let rules = self.open.rules.clone();
                check_ttl(extend.ttl_ms, rules.ttl_min_ms, rules.ttl_max_ms)?;
                if self.frozen {
                    return Err(Refusal::TripFrozen);
                }
                let expires_at = self.prolong(extend.hold, extend.ttl_ms, None)?;
                Ok(Reply::Extended { hold: extend.hold, expires_at })
            }
            CommandBody::BeginPayment(pay) => {
                check_ttl(pay.window_ms, MIN_TTL_MS, self.open.rules.payment_window_ms)?;
                let expires_at = self.prolong(pay.hold, pay.window_ms, Some(HoldState::Paying))?;
                Ok(Reply::Paying { hold: pay.hold, expires_at })
            }
            CommandBody::Confirm(confirm) => self.confirm(confirm),
            CommandBody::Release(release) => {
                let at = self.alive(release.hold)?;
                self.end(at, HoldState::Released);
                Ok(Reply::Released { hold: release.hold })
            }
            CommandBody::Cancel(cancel) => {
                let at = self.known(cancel.hold)?;
                match self.items[at].state {
                    HoldState::Sold => {}
                    HoldState::Expired => return Err(self.expired(at)),
                    _ => return Err(Refusal::HoldNotConfirmed),
                }
                let left = self.shrink(at, &cancel.part, HoldState::Cancelled)?;
                Ok(Reply::Cancelled { hold: cancel.hold, left })
            }
            CommandBody::Swap(swap) => self.swap(swap),
            CommandBody::Unblock(unblock) => {
                let blocks =
                    |item: &Item| item.id == unblock.block && item.state == HoldState::Blocked;
                let at = self.items.iter().position(blocks).ok_or(Refusal::UnknownBlock)?;
                let left = self.shrink(at, &unblock.part, HoldState::Unblocked)?;
                Ok(Reply::Unblocked { block: unblock.block, left })
            }
            CommandBody::Freeze => {
                self.frozen = true;
                Ok(Reply::Frozen)
            }
            CommandBody::Thaw => {
                self.frozen = false;
                Ok(Reply::Thawed)
            }
            CommandBody::CloseSales => {
                self.closed = true;
                Ok(Reply::SalesClosed)
            }
            CommandBody::ExpireNow(expire) => self.expire_now(expire.hold),
            CommandBody::Batch(commands) => self.batch(id, commands, real),
            CommandBody::Open(_) | CommandBody::Expire => unreachable!("not generated"),
        }
    }

    fn expire_now(&mut self, hold: Option<HoldId>) -> Outcome {
        let all = 0..self.items.len();
        let ends: Vec<usize> = match hold {
            Some(hold) => vec![self.alive(hold)?],
            None => all.filter(|&at| self.items[at].state.can_expire()).collect(),
        };
        for &at in &ends {
            self.items[at].deadline = self.at;
            self.end(at, HoldState::Expired);
        }
        Ok(Reply::Expired { count: ends.len() as u32 })
    }

    fn batch(&mut self, id: CommandId, commands: &[Command], real: &Outcome) -> Outcome {
        if commands.is_empty() {
            return Err(Refusal::BatchInvalid(BatchFault::Size { commands: 0 }));
        }
        for (place, command) in (0..).zip(commands) {
            if command.body == CommandBody::Expire {
                return Err(Refusal::BatchInvalid(BatchFault::NotAllowed { place }));
            }
            let before = &commands[..usize::from(place)];
            if command.id == id || before.iter().any(|other| other.id == command.id) {
                return Err(Refusal::BatchInvalid(BatchFault::DuplicateId { place }));
            }
        }
        let before = self.clone();
        let mut replies = Vec::new();
        for (place, command) in (0..).zip(commands) {
            let real = match real {
                Ok(Reply::Batch(replies)) => Ok(replies[usize::from(place)].clone()),
                Err(Refusal::InBatch { place: at, refusal }) if *at == place => {
                    Err((**refusal).clone())
                }
                // Undone: what it chose is not known, so batches choose only where one choice is best.
                _ => Err(Refusal::TripNotFound),
            };
            match self.answer(command, &real) {
                Ok(reply) => replies.push(reply),
                Err(refusal) => {
                    *self = before;
                    return Err(Refusal::InBatch { place, refusal: Box::new(refusal) });
                }
            }
        }
        Ok(Reply::Batch(replies))
    }

    fn hold(&mut self, id: HoldId, hold: &Hold, body: &CommandBody) -> Outcome {
        let seats = numbers(&hold.seats);
        self.check_seats(&seats)?;
        check_quantity(seats.len() as u32, 1000)?;
        let legs = resolved(hold.legs);
        self.check_sale(&hold.buyer, seats.len() as u32, legs, hold.ttl_ms)?;
        self.check_free(&seats, legs)?;
        let places = Places::Seats(seats.as_slice().into());
        Ok(self.grant(id, &hold.buyer, places, legs, hold.ttl_ms, body))
    }

    fn hold_quantity(&mut self, id: HoldId, hold: &HoldQuantity, body: &CommandBody) -> Outcome {
        let zone = self.general_admission(&hold.zone)?;
        check_quantity(hold.quantity, 1000)?;
        let legs = resolved(hold.legs);
        self.check_sale(&hold.buyer, hold.quantity, legs, hold.ttl_ms)?;
        self.check_stock(zone, legs, hold.quantity)?;
        let places = Places::Quantity { zone, count: hold.quantity };
        Ok(self.grant(id, &hold.buyer, places, legs, hold.ttl_ms, body))
    }

    fn hold_best(
        &mut self,
        id: HoldId,
        best: &HoldBest,
        body: &CommandBody,
        real: &Outcome,
    ) -> Outcome {
        let zone = best.zone.as_ref().map(|zone| self.zone_number(zone)).transpose()?;
        if let Some(zone) = zone
            && self.open.layout.zone(zone).unwrap().kind != ZoneKind::Numbered
        {
            return Err(Refusal::WrongZone { zone, general_admission: true });
        }
        check_quantity(best.quantity, 100)?;
        let legs = resolved(best.legs);
        self.check_sale(&best.buyer, best.quantity, legs, best.ttl_ms)?;
        let seats = choice::choose(self, best, zone, legs, real)?;
        let places = Places::Seats(seats.as_slice().into());
        Ok(self.grant(id, &best.buyer, places, legs, best.ttl_ms, body))
    }

    fn block(&mut self, id: HoldId, block: &Block, body: &CommandBody) -> Outcome {
        let legs = resolved(block.legs);
        let places = match &block.stock {
            Stock::Seats(seats) => {
                let seats = numbers(seats);
                self.check_seats(&seats)?;
                check_quantity(seats.len() as u32, 10_000)?;
                self.check_legs(legs)?;
                self.check_free(&seats, legs)?;
                Places::Seats(seats.as_slice().into())
            }
            Stock::Quantity { zone, count } => {
                let zone = self.general_admission(zone)?;
                check_quantity(*count, 1_000_000)?;
                self.check_legs(legs)?;
                self.check_stock(zone, legs, *count)?;
                Places::Quantity { zone, count: *count }
            }
        };
        let reply = Reply::Blocked { block: id, count: places.count() };
        self.items.push(Item {
            id,
            buyer: BuyerId::default(),
            places,
            legs,
            state: HoldState::Blocked,
            fence: self.pos.into(),
            granted_at: self.at,
            deadline: self.at,
            finished_at: None,
            made_by: (body.clone(), Ok(reply.clone())),
        });
        Ok(reply)
    }

    fn confirm(&mut self, confirm: &Confirm) -> Outcome {
        let at = self.known(confirm.hold)?;
        let item = self.items[at].clone();
        if item.state == HoldState::Sold {
            return Err(Refusal::HoldConfirmed { fence: item.fence });
        }
        if confirm.fence.is_some_and(|fence| fence != item.fence) {
            return Err(Refusal::HoldFenced { fence: item.fence });
        }
        let late = if item.state == HoldState::Expired {
            if confirm.late == Some(LatePolicy::Refuse) {
                return Err(self.expired(at));
            }
            if !item.buyer.is_anonymous() {
                self.check_buyer(&item.buyer, item.places.count())?;
            }
            let winners = self.winners(item.places.seats(), item.legs);
            let stock = match item.places {
                Places::Quantity { zone, count } => self.check_stock(zone, item.legs, count),
                Places::Seats(_) => Ok(()),
            };
            if !winners.is_empty() || stock.is_err() {
                return Err(Refusal::HoldLost { expired_at: item.deadline, winners });
            }
            self.items[at].fence = self.pos.into();
            self.items[at].finished_at = None;
            Lateness::Reacquired
        } else {
            Lateness::InTime
        };
        self.items[at].state = HoldState::Sold;
        Ok(Reply::Confirmed { hold: confirm.hold, fence: self.items[at].fence, late })
    }

    fn swap(&mut self, swap: &Swap) -> Outcome {
        let (give, take) = (numbers(&swap.give), numbers(&swap.take));
        self.check_seats(&take)?;
        if give.is_empty() || give.len() != take.len() {
            let wanted = (give.len() as u32).max(1);
            let quantity = take.len() as u32;
            return Err(Refusal::InvalidQuantity { quantity, min: wanted, max: wanted });
        }
        if self.frozen {
            return Err(Refusal::TripFrozen);
        }
        let at = self.known(swap.hold)?;
        let item = self.items[at].clone();
        if swap.fence.is_some_and(|fence| fence != item.fence) {
            return Err(Refusal::HoldFenced { fence: item.fence });
        }
        if item.state == HoldState::Expired {
            return Err(self.expired(at));
        }
        part_of(&item.places, &Part::Seats(swap.give.clone()))?;
        self.check_free(&take, item.legs)?;
        let stay = item.places.seats().iter().filter(|seat| !give.contains(seat));
        let mut seats: Vec<_> = stay.chain(&take).copied().collect();
        seats.sort();
        let item = &mut self.items[at];
        item.places = Places::Seats(seats.as_slice().into());
        item.fence = self.pos.into();
        Ok(Reply::Swapped(grant_of(item)))
    }

    fn grant(
        &mut self,
        id: HoldId,
        buyer: &BuyerId,
        places: Places,
        legs: Legs,
        ttl_ms: u64,
        body: &CommandBody,
    ) -> Reply {
        let mut item = Item {
            id,
            buyer: buyer.clone(),
            places,
            legs,
            state: HoldState::Held,
            fence: self.pos.into(),
            granted_at: self.at,
            deadline: self.at.plus_ms(ttl_ms),
            finished_at: None,
            made_by: (body.clone(), Err(Refusal::UnknownHold)),
        };
        let reply = Reply::Held(grant_of(&item));
        item.made_by.1 = Ok(reply.clone());
        self.items.push(item);
        reply
    }

    fn prolong(
        &mut self,
        hold: HoldId,
        ms: u64,
        state: Option<HoldState>,
    ) -> Result<Timestamp, Refusal> {
        let at = self.alive(hold)?;
        let cap = self.items[at].granted_at.plus_ms(self.open.rules.hold_cap_ms);
        let wanted = self.at.plus_ms(ms);
        let item = &mut self.items[at];
        if item.deadline >= cap && wanted > cap {
            return Err(Refusal::HoldCapReached { until: item.deadline });
        }
        item.deadline = item.deadline.max(wanted.min(cap));
        item.state = state.unwrap_or(item.state);
        Ok(item.deadline)
    }

    fn shrink(&mut self, at: usize, part: &Part, end: HoldState) -> Result<u32, Refusal> {
        let freed = part_of(&self.items[at].places, part)?;
        let left = match (&self.items[at].places, &freed) {
            (Places::Seats(own), Places::Seats(freed)) => {
                Places::Seats(own.iter().filter(|seat| !freed.contains(seat)).copied().collect())
            }
            (Places::Quantity { zone, count }, freed) => {
                Places::Quantity { zone: *zone, count: count - freed.count() }
            }
            _ => unreachable!("a part is like its whole"),
        };
        if left.count() == 0 {
            self.end(at, end);
            return Ok(0);
        }
        self.items[at].places = left;
        Ok(self.items[at].places.count())
    }

    fn end(&mut self, at: usize, state: HoldState) {
        self.items[at].state = state;
        self.items[at].finished_at = Some(self.at);
    }

    fn known(&self, hold: HoldId) -> Result<usize, Refusal> {
        let found = self.items.iter().position(|item| item.id == hold);
        let at = found.ok_or(Refusal::UnknownHold)?;
        match self.items[at].state {
            HoldState::Blocked | HoldState::Unblocked => Err(Refusal::UnknownHold),
            HoldState::Released => Err(Refusal::HoldReleased),
            HoldState::Cancelled => Err(Refusal::HoldCancelled),
            _ => Ok(at),
        }
    }

    fn alive(&self, hold: HoldId) -> Result<usize, Refusal> {
        let at = self.known(hold)?;
        match self.items[at].state {
            HoldState::Sold => Err(Refusal::HoldConfirmed { fence: self.items[at].fence }),
            HoldState::Expired => Err(self.expired(at)),
            _ => Ok(at),
        }
    }

    fn expired(&self, at: usize) -> Refusal {
        let item = &self.items[at];
        let winners = self.winners(item.places.seats(), item.legs);
        Refusal::HoldExpired { expired_at: item.deadline, winners }
    }

    fn winners(&self, seats: &[SeatNo], legs: Legs) -> Winners {
        let mut winners = Winners::new();
        for &seat in seats {
            for (owned, id, _) in self.owners(seat) {
                let fence = self.live().find(|item| item.id == id).unwrap().fence;
                if owned.overlaps(legs) && !winners.contains(&fence) && winners.len() < 16 {
                    winners.push(fence);
                }
            }
        }
        winners
    }
}

fn grant_of(item: &Item) -> Grant {
    Grant {
        hold: item.id,
        fence: item.fence,
        expires_at: item.deadline,
        legs: item.legs,
        places: item.places.clone(),
    }
}
