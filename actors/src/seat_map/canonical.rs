//! The canonical form of a command: numbers for names, legs for the whole trip, the trip's defaults
//! filled in, lists of seats ascending. Fingerprints are taken over it.

use proto::ids::{SeatNo, ZoneNo};

use super::SeatMap;
use super::command::{Command, CommandBody, Part, SeatList, Seats, Span, Stock, ZoneRef};
use super::limits::{MAX_SEAT_NAME_BYTES, MAX_SEATS_PER_COMMAND, MAX_ZONE_NAME_BYTES};
use super::refusal::{Refusal, SeatRef};

impl SeatMap {
    /// Turns a command into its canonical form. Call it before the command is checked and proposed: a
    /// command that is refused here may be too long to be read back from the log.
    pub fn canonical(&self, command: &mut Command) -> Result<(), Refusal> {
        self.canonical_body(&mut command.body)
    }

    fn canonical_body(&self, body: &mut CommandBody) -> Result<(), Refusal> {
        let (terms, rules) = (&self.terms, &self.open.rules);
        match body {
            CommandBody::Hold(hold) => {
                self.number_seats(&mut hold.seats)?;
                self.resolve(&mut hold.legs);
                default_to(&mut hold.ttl_ms, terms.ttl_default_ms);
            }
            CommandBody::HoldBest(best) => {
                if let Some(zone) = &mut best.zone {
                    self.number_zone(zone)?;
                }
                self.resolve(&mut best.legs);
                default_to(&mut best.ttl_ms, terms.ttl_default_ms);
            }
            CommandBody::HoldQuantity(hold) => {
                self.number_zone(&mut hold.zone)?;
                self.resolve(&mut hold.legs);
                default_to(&mut hold.ttl_ms, terms.ttl_default_ms);
            }
            CommandBody::Extend(extend) => default_to(&mut extend.ttl_ms, terms.ttl_default_ms),
            CommandBody::BeginPayment(pay) => {
                default_to(&mut pay.window_ms, rules.payment_window_ms);
            }
            CommandBody::Confirm(confirm) => {
                confirm.late.get_or_insert(rules.late);
            }
            CommandBody::Cancel(cancel) => self.canonical_part(&mut cancel.part)?,
            CommandBody::Swap(swap) => {
                self.number_seats(&mut swap.give)?;
                self.number_seats(&mut swap.take)?;
            }
            CommandBody::Block(block) => {
                match &mut block.stock {
                    Stock::Seats(seats) => self.number_seats(seats)?,
                    Stock::Quantity { zone, .. } => self.number_zone(zone)?,
                }
                self.resolve(&mut block.legs);
            }
            CommandBody::Unblock(unblock) => self.canonical_part(&mut unblock.part)?,
            CommandBody::Batch(commands) => {
                for (place, command) in (0..).zip(commands) {
                    if matches!(command.body, CommandBody::Batch(_)) {
                        continue;
                    }
                    self.canonical_body(&mut command.body).map_err(|refusal| Refusal::InBatch {
                        place,
                        refusal: Box::new(refusal),
                    })?;
                }
            }
            CommandBody::Open(_)
            | CommandBody::Release(_)
            | CommandBody::Freeze
            | CommandBody::Thaw
            | CommandBody::CloseSales
            | CommandBody::Expire
            | CommandBody::ExpireNow(_) => {}
        }
        Ok(())
    }

    fn canonical_part(&self, part: &mut Part) -> Result<(), Refusal> {
        let Part::Seats(seats) = part else { return Ok(()) };
        self.number_seats(seats)?;
        if seats.numbers().is_empty() {
            *part = Part::All;
        }
        Ok(())
    }

    fn number_seats(&self, seats: &mut Seats) -> Result<(), Refusal> {
        check_seat_count(seats)?;
        let mut numbers: Vec<SeatNo> = match seats {
            Seats::Numbers(numbers) if is_ascending(numbers) => return Ok(()),
            Seats::Numbers(numbers) => numbers.to_vec(),
            Seats::Names(names) => {
                let number = |name: &str| {
                    self.terms.layout.seat_named(name).ok_or_else(|| unknown_seat(name))
                };
                names.iter().map(|name| number(name)).collect::<Result<_, _>>()?
            }
        };
        numbers.sort_unstable();
        if let Some(twice) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Refusal::DuplicateSeat { seat: twice[0] });
        }
        *seats = Seats::Numbers(numbers.into());
        Ok(())
    }

    fn number_zone(&self, zone: &mut ZoneRef) -> Result<(), Refusal> {
        let ZoneRef::Name(name) = zone else { return Ok(()) };
        let number = self.terms.layout.zone_named(name).ok_or_else(|| unknown_zone(name))?;
        *zone = ZoneRef::Number(number);
        Ok(())
    }

    fn resolve(&self, span: &mut Span) {
        if *span == Span::Whole {
            *span = Span::Legs(self.terms.whole());
        }
    }

    /// Refuses a zone that the layout does not have.
    pub(super) fn check_zone(&self, zone: ZoneNo) -> Result<(), Refusal> {
        match self.terms.layout.zone(zone) {
            Some(_) => Ok(()),
            None => Err(Refusal::UnknownZone { zone: zone.to_string().into() }),
        }
    }
}

/// Whether a body is in canonical form already, told without building anything.
#[inline]
pub(super) fn is_canonical(body: &CommandBody) -> bool {
    match body {
        CommandBody::Hold(hold) => {
            is_numbered(&hold.seats) && hold.legs != Span::Whole && hold.ttl_ms != 0
        }
        CommandBody::HoldBest(best) => {
            !matches!(best.zone, Some(ZoneRef::Name(_)))
                && best.legs != Span::Whole
                && best.ttl_ms != 0
        }
        CommandBody::HoldQuantity(hold) => {
            matches!(hold.zone, ZoneRef::Number(_)) && hold.legs != Span::Whole && hold.ttl_ms != 0
        }
        CommandBody::Extend(extend) => extend.ttl_ms != 0,
        CommandBody::BeginPayment(pay) => pay.window_ms != 0,
        CommandBody::Confirm(confirm) => confirm.late.is_some(),
        CommandBody::Cancel(cancel) => is_canonical_part(&cancel.part),
        CommandBody::Swap(swap) => is_numbered(&swap.give) && is_numbered(&swap.take),
        CommandBody::Block(block) => {
            let numbered = match &block.stock {
                Stock::Seats(seats) => is_numbered(seats),
                Stock::Quantity { zone, .. } => matches!(zone, ZoneRef::Number(_)),
            };
            numbered && block.legs != Span::Whole
        }
        CommandBody::Unblock(unblock) => is_canonical_part(&unblock.part),
        CommandBody::Batch(commands) => commands.iter().all(|command| {
            matches!(command.body, CommandBody::Batch(_)) || is_canonical(&command.body)
        }),
        CommandBody::Open(_)
        | CommandBody::Release(_)
        | CommandBody::Freeze
        | CommandBody::Thaw
        | CommandBody::CloseSales
        | CommandBody::Expire
        | CommandBody::ExpireNow(_) => true,
    }
}

fn is_canonical_part(part: &Part) -> bool {
    match part {
        Part::Seats(seats) => is_numbered(seats) && !seats.numbers().is_empty(),
        Part::All | Part::Quantity(_) => true,
    }
}

fn is_numbered(seats: &Seats) -> bool {
    matches!(seats, Seats::Numbers(numbers)
        if numbers.len() <= MAX_SEATS_PER_COMMAND && is_ascending(numbers))
}

fn is_ascending(seats: &SeatList) -> bool {
    seats.is_sorted_by(|a, b| a < b)
}

/// Refuses more seats than a command may name.
pub(super) fn check_seat_count(seats: &Seats) -> Result<(), Refusal> {
    let count = match seats {
        Seats::Numbers(numbers) => numbers.len(),
        Seats::Names(names) => names.len(),
    };
    if count <= MAX_SEATS_PER_COMMAND {
        return Ok(());
    }
    let number = |n| u32::try_from(n).unwrap_or(u32::MAX);
    let (quantity, max) = (number(count), number(MAX_SEATS_PER_COMMAND));
    Err(Refusal::InvalidQuantity { quantity, min: 1, max })
}

pub(super) fn unknown_seat(name: &str) -> Refusal {
    Refusal::UnknownSeat(SeatRef::Name(cut(name, MAX_SEAT_NAME_BYTES)))
}

pub(super) fn unknown_zone(name: &str) -> Refusal {
    Refusal::UnknownZone { zone: cut(name, MAX_ZONE_NAME_BYTES) }
}

/// A name that does not exist, cut to the length that a name may have: a refusal stays small.
fn cut(name: &str, max: usize) -> Box<str> {
    name[..name.floor_char_boundary(max)].into()
}

fn default_to(value: &mut u64, default: u64) {
    if *value == 0 {
        *value = default;
    }
}
