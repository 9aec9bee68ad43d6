//! One order: whom it meets, what it does, and when it ends.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use actors::ids::{BuyerId, HoldId, TripId};
use actors::measures;
use actors::seat_map::{Command, CommandBody};
use proto::pb::{self, Problem, order_fault_request::Effect as Wire};

use super::Met;
use crate::wire::{self, Routed};

/// How long an order may hold, in milliseconds.
const FOR_MS: RangeInclusive<u64> = 1..=600_000;

/// By how much an answer may be late, in milliseconds.
const DELAY_MS: RangeInclusive<u64> = 1..=60_000;

/// How often leaders may be changed, in milliseconds.
const EVERY_MS: RangeInclusive<u64> = 200..=60_000;

/// Of how many commands shares are counted.
const ALL: u32 = 1_000;

/// Holds of one buyer that are remembered, at most: what is asked about later ones is not met.
const MAX_HOLDS_OF_A_BUYER: usize = 65_536;

/// An order.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) ends: Instant,
    pub(super) met: u64,
    wire: pb::OrderFaultRequest,
    trip: Option<TripId>,
    command: Option<&'static str>,
    buyer: Option<BuyerId>,
    /// The holds of this buyer that have come by.
    holds: BTreeSet<HoldId>,
    per_mille: u32,
    effect: Effect,
}

#[derive(Clone, Copy, Debug)]
enum Effect {
    Commands(Met),
    Leaders(Duration),
}

/// Leaders that are to be changed.
#[derive(Clone, Debug)]
pub(crate) struct ChangeLeaders {
    /// Of this trip's shard; of all shards unless given.
    pub(crate) trip: Option<TripId>,
    /// How often.
    pub(crate) every: Duration,
}

impl Order {
    /// Reads an order that begins now.
    pub(super) fn read(id: u64, wire: pb::OrderFaultRequest) -> Result<Self, Problem> {
        let scope = wire.scope.clone().unwrap_or_default();
        let effect = wire.effect.ok_or_else(|| Problem::invalid("effect", "it is required"))?;
        let effect = match effect {
            Wire::DelayAnswers(delay) => {
                let by = within("delay_answers.ms", delay.ms, DELAY_MS)?;
                Effect::Commands(Met::Late(by))
            }
            Wire::LoseAnswers(_) => Effect::Commands(Met::Lost),
            Wire::RefuseOverloaded(_) => Effect::Commands(Met::Overloaded),
            Wire::ChangeLeaders(change) => {
                let narrow = !scope.command.is_empty() || !scope.buyer_id.is_empty();
                if narrow || scope.per_mille != 0 {
                    let why = "leaders have no command, buyer or share: only a trip is allowed";
                    return Err(Problem::invalid("scope", why));
                }
                Effect::Leaders(within("change_leaders.every_ms", change.every_ms, EVERY_MS)?)
            }
        };
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let per_mille = match scope.per_mille {
            0 => ALL,
            share if share <= ALL => share,
            share => {
                let why = format!("it is {share}, 1 to {ALL} are allowed");
                return Err(Problem::invalid("scope.per_mille", why));
            }
        };
        Ok(Self {
            id,
            ends: Instant::now() + within("for_ms", wire.for_ms, FOR_MS)?,
            met: 0,
            trip: given(&scope.trip_id).map(|trip| wire::trip_id(&trip)).transpose()?,
            command: given(&scope.command).map(|name| command_named(&name)).transpose()?,
            buyer: given(&scope.buyer_id).map(|buyer| wire::buyer_id(&buyer)).transpose()?,
            holds: BTreeSet::new(),
            per_mille,
            effect,
            wire,
        })
    }

    /// The order on the wire.
    pub(super) fn shown(&self) -> pb::OrderedFault {
        let left = self.ends.saturating_duration_since(Instant::now()).as_millis();
        pb::OrderedFault {
            fault_id: self.id,
            order: Some(self.wire.clone()),
            left_ms: u64::try_from(left).unwrap_or(u64::MAX),
            met: self.met,
        }
    }

    pub(super) fn change_leaders(&self) -> Option<ChangeLeaders> {
        let Effect::Leaders(every) = self.effect else { return None };
        Some(ChangeLeaders { trip: self.trip.clone(), every })
    }

    /// What it does to a command.
    pub(super) fn meet(&mut self, Routed { trip, command }: &Routed) -> Option<Met> {
        let Effect::Commands(met) = self.effect else { return None };
        let fits = self.trip.as_ref().is_none_or(|wanted| wanted == trip)
            && self.is_of_the_buyer(command)
            && self.command.is_none_or(|wanted| wanted == measures::name(&command.body));
        let chosen = || self.per_mille == ALL || rand::random_range(0..ALL) < self.per_mille;
        (fits && chosen()).then_some(met)
    }

    fn is_of_the_buyer(&mut self, command: &Command) -> bool {
        let Some(wanted) = &self.buyer else { return true };
        if let Some(buyer) = buyer(&command.body) {
            let is_theirs = buyer == wanted;
            if is_theirs && self.holds.len() < MAX_HOLDS_OF_A_BUYER {
                self.holds.insert(command.id.into());
            }
            return is_theirs;
        }
        hold(&command.body).is_some_and(|hold| self.holds.contains(&hold))
    }
}

fn within(field: &str, ms: u64, allowed: RangeInclusive<u64>) -> Result<Duration, Problem> {
    if allowed.contains(&ms) {
        return Ok(Duration::from_millis(ms));
    }
    let (min, max) = allowed.into_inner();
    Err(Problem::invalid(field, format!("it is {ms}, {min} to {max} are allowed")))
}

fn command_named(name: &str) -> Result<&'static str, Problem> {
    let known = measures::NAMES.iter().copied();
    known.clone().find(|known| *known == name).ok_or_else(|| {
        let names: Vec<&str> = known.collect();
        let why = format!("there is no command {name:?}; these are: {}", names.join(", "));
        Problem::invalid("scope.command", why)
    })
}

/// Who asks for a hold.
fn buyer(body: &CommandBody) -> Option<&BuyerId> {
    match body {
        CommandBody::Hold(hold) => Some(&hold.buyer),
        CommandBody::HoldBest(hold) => Some(&hold.buyer),
        CommandBody::HoldQuantity(hold) => Some(&hold.buyer),
        _ => None,
    }
}

/// The hold that a command is about.
fn hold(body: &CommandBody) -> Option<HoldId> {
    match body {
        CommandBody::Extend(about) => Some(about.hold),
        CommandBody::BeginPayment(about) => Some(about.hold),
        CommandBody::Confirm(about) => Some(about.hold),
        CommandBody::Release(about) => Some(about.hold),
        CommandBody::Cancel(about) => Some(about.hold),
        CommandBody::Swap(about) => Some(about.hold),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actors::ids::CommandId;
    use actors::seat_map::{Confirm, HoldQuantity, Span, ZoneRef};
    use proto::ids::ZoneNo;

    use super::*;

    fn order(scope: pb::FaultScope) -> Order {
        let effect = Some(Wire::LoseAnswers(pb::LoseAnswers {}));
        let wire = pb::OrderFaultRequest { scope: Some(scope), effect, for_ms: 1_000 };
        Order::read(1, wire).unwrap()
    }

    fn id(number: u128) -> CommandId {
        CommandId::from_u128(number).unwrap()
    }

    fn held(trip: &str, buyer: &str, number: u128) -> Routed {
        let body = CommandBody::HoldQuantity(HoldQuantity {
            buyer: BuyerId::new(buyer).unwrap(),
            zone: ZoneRef::Number(ZoneNo::new(0)),
            quantity: 1,
            legs: Span::Whole,
            ttl_ms: 0,
        });
        Routed { trip: TripId::new(trip).unwrap(), command: Command { id: id(number), body } }
    }

    fn confirmed(trip: &str, number: u128) -> Routed {
        let hold = id(number).into();
        let body = CommandBody::Confirm(Confirm { hold, fence: None, late: None });
        Routed { trip: TripId::new(trip).unwrap(), command: Command { id: id(99), body } }
    }

    #[test]
    fn what_is_asked_about_a_buyers_hold_is_of_that_buyer() {
        let mut order = order(pb::FaultScope {
            trip_id: "t".into(),
            command: "confirm".into(),
            buyer_id: "ann".into(),
            per_mille: 0,
        });
        assert_eq!(order.meet(&held("t", "ann", 1)), None, "only confirms are meant");
        assert_eq!(order.meet(&held("t", "bob", 2)), None);
        assert_eq!(order.meet(&confirmed("t", 2)), None);
        assert_eq!(order.meet(&confirmed("u", 1)), None, "another trip");
        assert_eq!(order.meet(&confirmed("t", 1)), Some(Met::Lost));
    }

    #[test]
    fn a_share_is_about_as_large_as_was_asked() {
        let mut order = order(pb::FaultScope { per_mille: 250, ..Default::default() });
        let met = (1..=4_000).filter(|&n| order.meet(&held("t", "ann", n)).is_some()).count();
        assert!((800..1_200).contains(&met), "{met}");
    }

    #[test]
    fn what_is_wrong_with_an_order_is_told_with_its_field() {
        let lose = || Some(Wire::LoseAnswers(pb::LoseAnswers {}));
        let scope = |command: &str, per_mille| {
            Some(pb::FaultScope { command: command.into(), per_mille, ..Default::default() })
        };
        let request = |scope, effect, for_ms| pb::OrderFaultRequest { scope, effect, for_ms };
        let delay = |ms| Some(Wire::DelayAnswers(pb::DelayAnswers { ms }));
        let change = |every_ms| Some(Wire::ChangeLeaders(pb::ChangeLeaders { every_ms }));
        let cases = [
            (request(None, None, 1), "effect"),
            (request(None, lose(), 0), "for_ms"),
            (request(None, lose(), 600_001), "for_ms"),
            (request(None, delay(0), 1), "delay_answers.ms"),
            (request(None, change(100), 1), "change_leaders.every_ms"),
            (request(scope("hold", 0), change(500), 1), "scope"),
            (request(scope("buy", 0), lose(), 1), "scope.command"),
            (request(scope("hold", 1_001), lose(), 1), "scope.per_mille"),
        ];
        for (wire, field) in cases {
            let problem = Order::read(1, wire).unwrap_err();
            assert_eq!(problem.field, field, "{}", problem.message);
        }
    }
}
