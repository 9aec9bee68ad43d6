//! The canonical form of a command, in the model.

use proto::ids::SeatNo;
use seatgrid_actors::seat_map::*;

use crate::model::Model;
use crate::rules::numbers;

impl Model {
    /// The body with numbers for names and the trip's defaults.
    pub(crate) fn canonical(&self, body: &CommandBody) -> Result<CommandBody, Refusal> {
        let mut body = body.clone();
        let rules = &self.open.rules;
        let default = |value: &mut u64, default| {
            if *value == 0 {
                *value = default;
            }
        };
        let whole = |span: &mut Span| {
            if *span == Span::Whole {
                *span = Span::Legs(self.open.whole());
            }
        };
        let zone = |zone: &mut ZoneRef| -> Result<(), Refusal> {
            match zone {
                ZoneRef::Name(_) => {
                    *zone = ZoneRef::Number(self.zone_number(zone)?);
                    Ok(())
                }
                ZoneRef::Number(_) => Ok(()),
            }
        };
        let part = |part: &mut Part| -> Result<(), Refusal> {
            if let Part::Seats(seats) = part {
                self.number(seats)?;
                if numbers(seats).is_empty() {
                    *part = Part::All;
                }
            }
            Ok(())
        };
        match &mut body {
            CommandBody::Hold(hold) => {
                self.number(&mut hold.seats)?;
                whole(&mut hold.legs);
                default(&mut hold.ttl_ms, rules.ttl_default_ms);
            }
            CommandBody::HoldBest(best) => {
                best.zone.as_mut().map_or(Ok(()), zone)?;
                whole(&mut best.legs);
                default(&mut best.ttl_ms, rules.ttl_default_ms);
            }
            CommandBody::HoldQuantity(hold) => {
                zone(&mut hold.zone)?;
                whole(&mut hold.legs);
                default(&mut hold.ttl_ms, rules.ttl_default_ms);
            }
            CommandBody::Extend(extend) => default(&mut extend.ttl_ms, rules.ttl_default_ms),
            CommandBody::BeginPayment(pay) => default(&mut pay.window_ms, rules.payment_window_ms),
            CommandBody::Confirm(confirm) => {
                confirm.late = Some(confirm.late.unwrap_or(rules.late))
            }
            CommandBody::Cancel(cancel) => part(&mut cancel.part)?,
            CommandBody::Unblock(unblock) => part(&mut unblock.part)?,
            CommandBody::Swap(swap) => {
                self.number(&mut swap.give)?;
                self.number(&mut swap.take)?;
            }
            CommandBody::Block(block) => {
                match &mut block.stock {
                    Stock::Seats(seats) => self.number(seats)?,
                    Stock::Quantity { zone: name, .. } => zone(name)?,
                }
                whole(&mut block.legs);
            }
            CommandBody::Batch(commands) => {
                for (place, command) in (0..).zip(commands) {
                    command.body = self.canonical(&command.body).map_err(|refusal| {
                        Refusal::InBatch { place, refusal: Box::new(refusal) }
                    })?;
                }
            }
            _ => {}
        }
        Ok(body)
    }

    pub(crate) fn number(&self, seats: &mut Seats) -> Result<(), Refusal> {
        let mut numbers = match seats {
            Seats::Numbers(numbers) => numbers.to_vec(),
            Seats::Names(names) => {
                let number = |name: &str| {
                    let unknown = || Refusal::UnknownSeat(SeatRef::Name(name.into()));
                    let seats = self.open.layout.seats();
                    let at = seats.iter().position(|seat| *seat.name == *name);
                    at.map(|at| SeatNo::new(at as u32)).ok_or_else(unknown)
                };
                names.iter().map(|name| number(name)).collect::<Result<Vec<_>, _>>()?
            }
        };
        numbers.sort();
        for pair in numbers.windows(2) {
            if pair[0] == pair[1] {
                return Err(Refusal::DuplicateSeat { seat: pair[0] });
            }
        }
        *seats = Seats::Numbers(numbers.into());
        Ok(())
    }
}
