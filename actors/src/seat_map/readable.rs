//! Whether a command can be read back from the log.
//!
//! What is decoded from the log is bounded, and every replica stops at an entry that does not decode. So
//! a command that was not brought into canonical form by its trip is looked at here before it is proposed.

use super::batch;
use super::canonical::{check_seat_count, unknown_seat, unknown_zone};
use super::command::{Command, CommandBody, Part, Seats, Stock, ZoneRef};
use super::limits::{MAX_SEAT_NAME_BYTES, MAX_ZONE_NAME_BYTES};
use super::refusal::Refusal;

impl Command {
    /// Whether the command can be read back from the log. If not, every trip refuses it: no layout has
    /// such a name, no command names so many seats.
    ///
    /// # Errors
    /// What a trip that has room for none of it would answer.
    pub fn check_readable(&self) -> Result<(), Refusal> {
        match &self.body {
            CommandBody::Open(open) => Ok(open.check()?),
            CommandBody::Hold(hold) => check_seats(&hold.seats),
            CommandBody::HoldBest(best) => best.zone.as_ref().map_or(Ok(()), check_zone),
            CommandBody::HoldQuantity(hold) => check_zone(&hold.zone),
            CommandBody::Cancel(cancel) => check_part(&cancel.part),
            CommandBody::Unblock(unblock) => check_part(&unblock.part),
            CommandBody::Swap(swap) => {
                check_seats(&swap.give).and_then(|()| check_seats(&swap.take))
            }
            CommandBody::Block(block) => match &block.stock {
                Stock::Seats(seats) => check_seats(seats),
                Stock::Quantity { zone, .. } => check_zone(zone),
            },
            CommandBody::Batch(commands) => check_batch(self, commands),
            CommandBody::Extend(_)
            | CommandBody::BeginPayment(_)
            | CommandBody::Confirm(_)
            | CommandBody::Release(_)
            | CommandBody::Freeze
            | CommandBody::Thaw
            | CommandBody::CloseSales
            | CommandBody::Expire
            | CommandBody::ExpireNow(_) => Ok(()),
        }
    }
}

fn check_batch(batch: &Command, commands: &[Command]) -> Result<(), Refusal> {
    batch::check(batch.id, commands)?;
    for (place, command) in (0..).zip(commands) {
        let in_batch = |refusal| Refusal::InBatch { place, refusal: Box::new(refusal) };
        command.check_readable().map_err(in_batch)?;
    }
    Ok(())
}

fn check_part(part: &Part) -> Result<(), Refusal> {
    match part {
        Part::Seats(seats) => check_seats(seats),
        Part::All | Part::Quantity(_) => Ok(()),
    }
}

fn check_seats(seats: &Seats) -> Result<(), Refusal> {
    check_seat_count(seats)?;
    let Seats::Names(names) = seats else { return Ok(()) };
    match names.iter().find(|name| name.len() > MAX_SEAT_NAME_BYTES) {
        Some(name) => Err(unknown_seat(name)),
        None => Ok(()),
    }
}

fn check_zone(zone: &ZoneRef) -> Result<(), Refusal> {
    match zone {
        ZoneRef::Name(name) if name.len() > MAX_ZONE_NAME_BYTES => Err(unknown_zone(name)),
        ZoneRef::Name(_) | ZoneRef::Number(_) => Ok(()),
    }
}
