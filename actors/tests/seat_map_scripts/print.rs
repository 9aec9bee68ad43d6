//! How answers look in a script: seats and ids by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::ids::{Fence, HoldId, Legs, LogPosition, SeatNo, Timestamp};
use seatgrid_actors::seat_map::*;

/// Knows the names of a script.
#[derive(Default)]
pub(crate) struct Printer {
    /// The layout of the trip, once it is on sale.
    pub(crate) layout: Option<Arc<Layout>>,
    names: BTreeMap<HoldId, String>,
}

impl Printer {
    /// The id of a name: always the same.
    pub(crate) fn id(&mut self, name: &str) -> HoldId {
        let bytes = name.bytes().fold(0_u128, |id, byte| id << 8 | u128::from(byte));
        let id = HoldId::from_u128(bytes).expect("a name is not empty");
        self.names.insert(id, name.into());
        id
    }

    pub(crate) fn name(&self, id: HoldId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    pub(crate) fn seat(&self, seat: SeatNo) -> String {
        let layout = self.layout.as_ref().and_then(|layout| layout.seat(seat));
        layout.map_or_else(|| format!("#{seat}"), |spec| spec.name.to_string())
    }

    fn seats(&self, seats: &[SeatNo]) -> String {
        seats.iter().map(|seat| self.seat(*seat)).collect::<Vec<_>>().join(" ")
    }

    fn places(&self, places: &Places) -> String {
        match places {
            Places::Seats(seats) => self.seats(seats),
            Places::Quantity { zone, count } => {
                let layout = self.layout.as_ref().expect("the trip is open");
                format!("{count} of {}", layout.zone(*zone).unwrap().name)
            }
        }
    }

    fn grant(&self, grant: &Grant) -> String {
        format!(
            "{} on {}, fence {}, until {}",
            self.places(&grant.places),
            grant.legs,
            fence(grant.fence),
            grant.expires_at
        )
    }

    pub(crate) fn outcome(&self, name: &str, outcome: &Outcome) -> String {
        match outcome {
            Ok(Reply::Batch(replies)) => {
                let replies = replies.iter().map(|reply| format!("  {}\n", self.reply(reply)));
                format!("{name}: done, all of it\n{}", replies.collect::<String>())
            }
            Ok(reply) => format!("{name}: {}\n", self.reply(reply)),
            Err(refusal) => self.refusal(name, refusal),
        }
    }

    fn reply(&self, reply: &Reply) -> String {
        match reply {
            Reply::Opened { places, legs } => format!("on sale, {places} places on {legs} legs"),
            Reply::Held(grant) => format!("held {}", self.grant(grant)),
            Reply::Extended { expires_at, .. } => format!("extended until {expires_at}"),
            Reply::Paying { expires_at, .. } => format!("paying until {expires_at}"),
            Reply::Confirmed { hold, fence: at, late } => {
                let late = match late {
                    Lateness::InTime => "",
                    Lateness::Reacquired => ", late but taken again",
                };
                format!("{} confirmed, fence {}{late}", self.name(*hold), fence(*at))
            }
            Reply::Released { hold } => format!("{} released", self.name(*hold)),
            Reply::Cancelled { hold, left } => {
                format!("{} cancelled, {left} places left", self.name(*hold))
            }
            Reply::Swapped(grant) => format!("swapped, now {}", self.grant(grant)),
            Reply::Blocked { count, .. } => format!("blocked {count} places"),
            Reply::Unblocked { block, left } => {
                format!("{} unblocked, {left} places left", self.name(*block))
            }
            Reply::Frozen => "frozen".into(),
            Reply::Thawed => "thawed".into(),
            Reply::SalesClosed => "sales closed".into(),
            Reply::Expired { count } => format!("{count} holds expired"),
            Reply::Batch(_) => "a batch in a batch".into(),
        }
    }

    pub(crate) fn refusal(&self, name: &str, refusal: &Refusal) -> String {
        let detail = match refusal {
            Refusal::SeatsTaken(taken) => self.taken(taken),
            Refusal::InBatch { place, refusal } => {
                let inner = self.refusal("", refusal);
                format!("command {place}{}", inner.trim_end())
            }
            Refusal::HoldExpired { expired_at, winners } => {
                format!("at {expired_at}, winners [{}]", fences(winners))
            }
            Refusal::HoldLost { expired_at, winners } => {
                format!("expired at {expired_at}, winners [{}]", fences(winners))
            }
            Refusal::HoldConfirmed { fence: at } | Refusal::HoldFenced { fence: at } => {
                format!("fence {}", fence(*at))
            }
            Refusal::DuplicateSeat { seat } => self.seat(*seat),
            Refusal::NotInHold { seat: Some(seat) } => self.seat(*seat),
            other => other.to_string(),
        };
        format!("{name}: {} ({detail})\n", refusal.code())
    }

    fn taken(&self, taken: &Taken) -> String {
        let blocking = taken.blocking.iter().map(|blocking| {
            format!("{} is {} on {}", self.seat(blocking.seat), blocking.state, blocking.legs)
        });
        let mut text = blocking.collect::<Vec<_>>().join(", ");
        if let Some(retry_at) = taken.retry_at {
            text += &format!("; retry at {retry_at}");
        }
        if !taken.alternatives.is_empty() {
            text += &format!("; free nearby {}", self.seats(&taken.alternatives));
        }
        text
    }

    pub(crate) fn counts(&self, map: &SeatMap) -> String {
        let mut text = String::new();
        for (number, zone) in (0..).map(proto::ids::ZoneNo::new).zip(map.trip().layout.zones()) {
            for leg in 0..map.trip().leg_count() {
                let counts = map.view().zone(number, leg);
                let Counts { capacity, held, paying, sold, blocked } = counts;
                text += &format!(
                    "{} leg {leg}: {capacity} = {} free + {held} held + {paying} paying + {sold} \
                     sold + {blocked} blocked\n",
                    zone.name,
                    counts.free()
                );
            }
        }
        text
    }

    pub(crate) fn hold(&self, hold: &HoldView<'_>) -> String {
        let until: Option<Timestamp> = hold.state.can_expire().then_some(hold.expires_at);
        let until = until.map_or(String::new(), |at| format!(", until {at}"));
        let note = if hold.note.is_empty() { String::new() } else { format!(", {}", hold.note) };
        let buyer =
            if hold.buyer.is_anonymous() { String::new() } else { format!(" by {}", hold.buyer) };
        let class = hold.state.class().expect("a live hold takes its places for something");
        let places = self.places(hold.places);
        let (name, legs, at) = (self.name(hold.id), legs(hold.legs), fence(hold.fence));
        format!("{name} {class}{buyer}: {places} on {legs}, fence {at}{until}{note}\n")
    }

    pub(crate) fn story(&self, story: &SeatStory<'_>) -> String {
        let owners: String = story.owners.iter().map(|owner| self.hold(&owner.hold)).collect();
        let changes: String = story.changes.iter().map(|change| self.change(change)).collect();
        let owners = if owners.is_empty() { "free\n".into() } else { owners };
        format!("{owners}{changes}")
    }

    pub(crate) fn change(&self, change: &Change) -> String {
        let Change { version, pos, at, kind, hold, buyer, legs, places } = change;
        let mut text = format!("v{version} {pos} {at} {kind:?}");
        if let (Some(hold), Some(legs)) = (hold, legs) {
            text += &format!(" {} {} on {legs}", self.name(*hold), self.places(places));
        }
        if !buyer.is_anonymous() {
            text += &format!(" by {buyer}");
        }
        text + "\n"
    }
}

fn fence(fence: Fence) -> String {
    LogPosition::from(fence).to_string()
}

fn fences(fences: &[Fence]) -> String {
    fences.iter().map(|at| fence(*at)).collect::<Vec<_>>().join(" ")
}

fn legs(legs: Legs) -> String {
    legs.to_string()
}
