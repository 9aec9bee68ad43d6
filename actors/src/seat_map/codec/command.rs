//! The bytes of a command. The tags are part of the log: they are never used again for another command.

use std::sync::Arc;

use super::open::{get_late, put_late};
use super::wire::{Reader, invalid, put_legs, put_number, put_seats, put_text};
use super::{DecodeError, Layouts, Resolver, open};
use crate::seat_map::attributes::Attributes;
use crate::seat_map::command::{
    Adjacent, BeginPayment, Block, Cancel, Command, CommandBody, Confirm, ExpireNow, Extend, Hold,
    HoldBest, HoldQuantity, Note, Part, Release, Seats, Span, Stock, Swap, Unblock, ZoneRef,
};
use crate::seat_map::limits::{
    MAX_BATCH, MAX_NOTE_BYTES, MAX_SEAT_NAME_BYTES, MAX_SEATS_PER_COMMAND, MAX_ZONE_NAME_BYTES,
};
use proto::ids::Fence;

/// Writes a command: its id, its tag, its fields.
pub(super) fn put(out: &mut Vec<u8>, command: &Command, layouts: Layouts) {
    out.extend_from_slice(command.id.as_bytes());
    match &command.body {
        CommandBody::Open(open) => {
            out.push(1);
            open::put(out, open, layouts);
        }
        CommandBody::Hold(hold) => {
            out.push(2);
            put_text(out, hold.buyer.as_str());
            put_seat_names(out, &hold.seats);
            put_span(out, hold.legs);
            put_number(out, hold.ttl_ms);
        }
        CommandBody::HoldBest(best) => put_best(out, best),
        CommandBody::HoldQuantity(hold) => put_quantity(out, hold),
        CommandBody::Extend(extend) => {
            out.push(5);
            out.extend_from_slice(extend.hold.as_bytes());
            put_number(out, extend.ttl_ms);
        }
        CommandBody::BeginPayment(payment) => {
            out.push(6);
            out.extend_from_slice(payment.hold.as_bytes());
            put_number(out, payment.window_ms);
        }
        CommandBody::Confirm(confirm) => {
            out.push(7);
            out.extend_from_slice(confirm.hold.as_bytes());
            put_fence(out, confirm.fence);
            out.push(confirm.late.map_or(0, put_late));
        }
        CommandBody::Release(release) => {
            out.push(8);
            out.extend_from_slice(release.hold.as_bytes());
        }
        CommandBody::Cancel(cancel) => {
            out.push(9);
            out.extend_from_slice(cancel.hold.as_bytes());
            put_part(out, &cancel.part);
        }
        CommandBody::Swap(swap) => {
            out.push(10);
            out.extend_from_slice(swap.hold.as_bytes());
            put_fence(out, swap.fence);
            put_seat_names(out, &swap.give);
            put_seat_names(out, &swap.take);
        }
        CommandBody::Block(block) => put_block(out, block),
        CommandBody::Unblock(unblock) => {
            out.push(12);
            out.extend_from_slice(unblock.block.as_bytes());
            put_part(out, &unblock.part);
        }
        CommandBody::Freeze => out.push(13),
        CommandBody::Thaw => out.push(14),
        CommandBody::CloseSales => out.push(15),
        CommandBody::Expire => out.push(16),
        CommandBody::ExpireNow(expire) => {
            out.push(18);
            out.push(u8::from(expire.hold.is_some()));
            if let Some(hold) = expire.hold {
                out.extend_from_slice(hold.as_bytes());
            }
        }
        CommandBody::Batch(commands) => {
            out.push(17);
            put_number(out, commands.len() as u64);
            for command in commands {
                put(out, command, layouts);
            }
        }
    }
}

/// Reads a command. Only an outer one may be a batch, so that reading does not nest.
pub(super) fn get(
    reader: &mut Reader<'_>,
    resolver: Resolver<'_>,
    outer: bool,
) -> Result<Command, DecodeError> {
    let id = reader.command_id()?;
    let body = match reader.byte()? {
        1 => CommandBody::Open(Arc::new(open::get(reader, resolver)?)),
        2 => CommandBody::Hold(Hold {
            buyer: reader.buyer()?,
            seats: get_seat_names(reader)?,
            legs: get_span(reader)?,
            ttl_ms: reader.number()?,
        }),
        3 => CommandBody::HoldBest(get_best(reader)?),
        4 => CommandBody::HoldQuantity(HoldQuantity {
            buyer: reader.buyer()?,
            zone: get_zone(reader)?,
            quantity: reader.small("quantity")?,
            legs: get_span(reader)?,
            ttl_ms: reader.number()?,
        }),
        5 => CommandBody::Extend(Extend { hold: reader.hold()?, ttl_ms: reader.number()? }),
        6 => CommandBody::BeginPayment(BeginPayment {
            hold: reader.hold()?,
            window_ms: reader.number()?,
        }),
        7 => CommandBody::Confirm(Confirm {
            hold: reader.hold()?,
            fence: get_fence(reader)?,
            late: match reader.byte()? {
                0 => None,
                late => Some(get_late(late)?),
            },
        }),
        8 => CommandBody::Release(Release { hold: reader.hold()? }),
        9 => CommandBody::Cancel(Cancel { hold: reader.hold()?, part: get_part(reader)? }),
        10 => CommandBody::Swap(Swap {
            hold: reader.hold()?,
            fence: get_fence(reader)?,
            give: get_seat_names(reader)?,
            take: get_seat_names(reader)?,
        }),
        11 => CommandBody::Block(get_block(reader)?),
        12 => CommandBody::Unblock(Unblock { block: reader.hold()?, part: get_part(reader)? }),
        13 => CommandBody::Freeze,
        14 => CommandBody::Thaw,
        15 => CommandBody::CloseSales,
        16 => CommandBody::Expire,
        17 if outer => {
            let count = reader.count(MAX_BATCH, "number of commands")?;
            let commands = (0..count).map(|_| get(reader, resolver, false));
            CommandBody::Batch(commands.collect::<Result<_, _>>()?)
        }
        18 => CommandBody::ExpireNow(ExpireNow {
            hold: if reader.flag("hold")? { Some(reader.hold()?) } else { None },
        }),
        _ => return invalid("command"),
    };
    Ok(Command { id, body })
}

fn put_quantity(out: &mut Vec<u8>, hold: &HoldQuantity) {
    out.push(4);
    put_text(out, hold.buyer.as_str());
    put_zone(out, &hold.zone);
    put_number(out, hold.quantity.into());
    put_span(out, hold.legs);
    put_number(out, hold.ttl_ms);
}

fn put_best(out: &mut Vec<u8>, best: &HoldBest) {
    out.push(3);
    put_text(out, best.buyer.as_str());
    put_number(out, best.quantity.into());
    match &best.zone {
        None => out.push(0),
        Some(zone) => {
            out.push(1);
            put_zone(out, zone);
        }
    }
    for attributes in [best.required, best.wanted, best.avoided] {
        put_number(out, attributes.bits().into());
    }
    out.push(u8::from(best.adjacent == Adjacent::Required));
    put_span(out, best.legs);
    put_number(out, best.ttl_ms);
}

fn get_best(reader: &mut Reader<'_>) -> Result<HoldBest, DecodeError> {
    let buyer = reader.buyer()?;
    let quantity = reader.small("quantity")?;
    let zone = if reader.flag("zone")? { Some(get_zone(reader)?) } else { None };
    let mut attributes = || reader.small("attributes").map(Attributes::from_bits);
    let (required, wanted, avoided) = (attributes()?, attributes()?, attributes()?);
    let adjacent = if reader.flag("adjacent")? { Adjacent::Required } else { Adjacent::Preferred };
    let (legs, ttl_ms) = (get_span(reader)?, reader.number()?);
    Ok(HoldBest { buyer, quantity, zone, required, wanted, avoided, adjacent, legs, ttl_ms })
}

fn put_block(out: &mut Vec<u8>, block: &Block) {
    out.push(11);
    match &block.stock {
        Stock::Seats(seats) => {
            out.push(0);
            put_seat_names(out, seats);
        }
        Stock::Quantity { zone, count } => {
            out.push(1);
            put_zone(out, zone);
            put_number(out, (*count).into());
        }
    }
    put_span(out, block.legs);
    put_text(out, block.note.as_str());
}

fn get_block(reader: &mut Reader<'_>) -> Result<Block, DecodeError> {
    let stock = if reader.flag("stock")? {
        Stock::Quantity { zone: get_zone(reader)?, count: reader.small("count")? }
    } else {
        Stock::Seats(get_seat_names(reader)?)
    };
    let legs = get_span(reader)?;
    let note = Note::new(reader.text(MAX_NOTE_BYTES, "note")?);
    Ok(Block { stock, legs, note })
}

fn put_seat_names(out: &mut Vec<u8>, seats: &Seats) {
    match seats {
        Seats::Numbers(numbers) => {
            out.push(0);
            put_seats(out, numbers);
        }
        Seats::Names(names) => {
            out.push(1);
            put_number(out, names.len() as u64);
            for name in names {
                put_text(out, name);
            }
        }
    }
}

fn get_seat_names(reader: &mut Reader<'_>) -> Result<Seats, DecodeError> {
    if !reader.flag("seats")? {
        return reader.seats().map(Seats::Numbers);
    }
    let count = reader.count(MAX_SEATS_PER_COMMAND, "seats")?;
    let names = (0..count).map(|_| reader.text(MAX_SEAT_NAME_BYTES, "seat name").map(Box::from));
    names.collect::<Result<_, _>>().map(Seats::Names)
}

fn put_zone(out: &mut Vec<u8>, zone: &ZoneRef) {
    match zone {
        ZoneRef::Number(number) => {
            out.push(0);
            put_number(out, number.get().into());
        }
        ZoneRef::Name(name) => {
            out.push(1);
            put_text(out, name);
        }
    }
}

fn get_zone(reader: &mut Reader<'_>) -> Result<ZoneRef, DecodeError> {
    if reader.flag("zone")? {
        return Ok(ZoneRef::Name(reader.text(MAX_ZONE_NAME_BYTES, "zone name")?.into()));
    }
    reader.zone().map(ZoneRef::Number)
}

fn put_span(out: &mut Vec<u8>, span: Span) {
    match span {
        Span::Whole => out.push(0),
        Span::Legs(legs) => {
            out.push(1);
            put_legs(out, legs);
        }
    }
}

fn get_span(reader: &mut Reader<'_>) -> Result<Span, DecodeError> {
    if reader.flag("legs")? { reader.legs().map(Span::Legs) } else { Ok(Span::Whole) }
}

fn put_fence(out: &mut Vec<u8>, fence: Option<Fence>) {
    out.push(u8::from(fence.is_some()));
    if let Some(fence) = fence {
        put_number(out, fence.get());
    }
}

fn get_fence(reader: &mut Reader<'_>) -> Result<Option<Fence>, DecodeError> {
    if reader.flag("fence")? { reader.fence().map(Some) } else { Ok(None) }
}

fn put_part(out: &mut Vec<u8>, part: &Part) {
    match part {
        Part::All => out.push(0),
        Part::Seats(seats) => {
            out.push(1);
            put_seat_names(out, seats);
        }
        Part::Quantity(count) => {
            out.push(2);
            put_number(out, (*count).into());
        }
    }
}

fn get_part(reader: &mut Reader<'_>) -> Result<Part, DecodeError> {
    match reader.byte()? {
        0 => Ok(Part::All),
        1 => get_seat_names(reader).map(Part::Seats),
        2 => reader.small("count").map(Part::Quantity),
        _ => invalid("part"),
    }
}
