//! The rungs that several commands of the model share.

use proto::ids::{BuyerId, Legs, SeatNo, ZoneNo};
use seatgrid_actors::seat_map::*;

use crate::model::Model;

impl Model {
    /// Whether nobody has the seat on any of the legs.
    pub(crate) fn is_free(&self, seat: SeatNo, legs: Legs) -> bool {
        self.owners(seat).iter().all(|(owned, ..)| !owned.overlaps(legs))
    }

    pub(crate) fn check_free(&self, seats: &[SeatNo], legs: Legs) -> Result<(), Refusal> {
        let (mut blocking, mut retry_at) = (Few::new(), None);
        for &seat in seats {
            for (owned, id, state) in self.owners(seat) {
                if !owned.overlaps(legs) {
                    continue;
                }
                if blocking.len() < 16 {
                    blocking.push(Blocking { seat, legs: owned, state });
                }
                let owner = self.live().find(|item| item.id == id).unwrap();
                if owner.state.can_expire() {
                    retry_at = Some(retry_at.map_or(owner.deadline, |at| owner.deadline.min(at)));
                }
            }
        }
        if blocking.is_empty() {
            return Ok(());
        }
        Err(Refusal::SeatsTaken(Taken { blocking, retry_at, alternatives: Few::new() }))
    }

    pub(crate) fn check_stock(
        &self,
        zone: ZoneNo,
        legs: Legs,
        requested: u32,
    ) -> Result<(), Refusal> {
        let taken = (legs.from()..legs.to()).map(|leg| {
            let there = self.live().filter(|item| item.legs.contains(leg));
            let counts = there.map(|item| match item.places {
                Places::Quantity { zone: of, count } if of == zone => count,
                _ => 0,
            });
            counts.sum::<u32>()
        });
        let available = self.open.layout.capacity(zone) - taken.max().unwrap();
        if requested > available {
            return Err(Refusal::InsufficientStock { zone: Some(zone), requested, available });
        }
        Ok(())
    }

    pub(crate) fn check_seats(&self, seats: &[SeatNo]) -> Result<(), Refusal> {
        match seats.iter().find(|seat| self.open.layout.seat(**seat).is_none()) {
            Some(unknown) => Err(Refusal::UnknownSeat(SeatRef::Number(*unknown))),
            None => Ok(()),
        }
    }

    pub(crate) fn check_legs(&self, legs: Legs) -> Result<(), Refusal> {
        let last = self.open.leg_count();
        if legs.to() > last { Err(Refusal::InvalidLegs { legs, last }) } else { Ok(()) }
    }

    pub(crate) fn check_sale(
        &self,
        buyer: &BuyerId,
        quantity: u32,
        legs: Legs,
        ttl_ms: u64,
    ) -> Result<(), Refusal> {
        let rules = &self.open.rules;
        self.check_legs(legs)?;
        if !self.open.stops[usize::from(legs.from())].boarding {
            return Err(Refusal::NoBoarding { stop: legs.from() });
        }
        if !self.open.stops[usize::from(legs.to())].alighting {
            return Err(Refusal::NoAlighting { stop: legs.to() });
        }
        check_ttl(ttl_ms, rules.ttl_min_ms, rules.ttl_max_ms)?;
        if self.closed || rules.sale_closes_at.is_some_and(|closes| self.at >= closes) {
            return Err(Refusal::SaleClosed);
        }
        match rules.sale_opens_at {
            Some(opens_at) if self.at < opens_at => return Err(Refusal::SaleNotOpen { opens_at }),
            _ => {}
        }
        if self.frozen {
            return Err(Refusal::TripFrozen);
        }
        let max = rules.max_seats_per_hold;
        if quantity > max {
            return Err(Refusal::MaxPerHoldExceeded { requested: quantity, max });
        }
        self.check_buyer(buyer, quantity)
    }

    pub(crate) fn check_buyer(&self, buyer: &BuyerId, requested: u32) -> Result<(), Refusal> {
        let max = self.open.rules.max_seats_per_buyer;
        if max == 0 {
            return Ok(());
        }
        if buyer.is_anonymous() {
            return Err(Refusal::BuyerRequired);
        }
        let theirs = self.live().filter(|item| item.buyer == *buyer);
        let has = theirs.map(|item| item.places.count()).sum::<u32>();
        if has + requested > max {
            return Err(Refusal::MaxPerBuyerExceeded { has, requested, max });
        }
        Ok(())
    }

    pub(crate) fn general_admission(&self, zone: &ZoneRef) -> Result<ZoneNo, Refusal> {
        let zone = self.zone_number(zone)?;
        match self.open.layout.zone(zone).unwrap().kind {
            ZoneKind::Numbered => Err(Refusal::WrongZone { zone, general_admission: false }),
            ZoneKind::GeneralAdmission { .. } => Ok(zone),
        }
    }

    pub(crate) fn zone_number(&self, zone: &ZoneRef) -> Result<ZoneNo, Refusal> {
        let layout = &self.open.layout;
        match zone {
            ZoneRef::Number(zone) if layout.zone(*zone).is_some() => Ok(*zone),
            ZoneRef::Number(zone) => Err(Refusal::UnknownZone { zone: zone.to_string().into() }),
            ZoneRef::Name(name) => {
                let unknown = || Refusal::UnknownZone { zone: name.clone() };
                layout.zone_named(name).ok_or_else(unknown)
            }
        }
    }
}

pub(crate) fn check_quantity(quantity: u32, max: u32) -> Result<(), Refusal> {
    if (1..=max).contains(&quantity) {
        Ok(())
    } else {
        Err(Refusal::InvalidQuantity { quantity, min: 1, max })
    }
}

pub(crate) fn check_ttl(ttl_ms: u64, min_ms: u64, max_ms: u64) -> Result<(), Refusal> {
    if (min_ms..=max_ms).contains(&ttl_ms) {
        Ok(())
    } else {
        Err(Refusal::InvalidTtl { ttl_ms, min_ms, max_ms })
    }
}

pub(crate) fn numbers(seats: &Seats) -> Vec<SeatNo> {
    match seats {
        Seats::Numbers(numbers) => numbers.to_vec(),
        Seats::Names(_) => panic!("names have numbers by now"),
    }
}

pub(crate) fn resolved(span: Span) -> Legs {
    match span {
        Span::Legs(legs) => legs,
        Span::Whole => panic!("spans have legs by now"),
    }
}

pub(crate) fn part_of(places: &Places, part: &Part) -> Result<Places, Refusal> {
    match (part, places) {
        (Part::All, places) => Ok(places.clone()),
        (Part::Seats(seats), Places::Seats(own)) => {
            let seats = numbers(seats);
            match seats.iter().find(|seat| !own.contains(seat)) {
                Some(foreign) => Err(Refusal::NotInHold { seat: Some(*foreign) }),
                None => Ok(Places::Seats(seats.as_slice().into())),
            }
        }
        (Part::Quantity(count), Places::Quantity { zone, count: own }) => {
            if (1..=*own).contains(count) {
                Ok(Places::Quantity { zone: *zone, count: *count })
            } else {
                Err(Refusal::InvalidQuantity { quantity: *count, min: 1, max: *own })
            }
        }
        _ => Err(Refusal::NotInHold { seat: None }),
    }
}
