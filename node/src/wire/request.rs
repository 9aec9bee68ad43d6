//! Requests: every field checked, a typed command out.

use std::sync::Arc;

use actors::ids::{BuyerId, CommandId, Fence, HoldId, Legs, SeatNo, TripId};
use actors::seat_map::limits::MAX_SEATS_PER_COMMAND;
use actors::seat_map::{
    Adjacent, Attributes, BeginPayment, Block, Cancel, Command, CommandBody, Confirm, Extend, Hold,
    HoldBest, HoldQuantity, LatePolicy, Note, Part, Release, SeatList, Seats, Span, Stock, Swap,
    Unblock, ZoneRef,
};
use proto::limits::{MAX_BATCH_COMMANDS, MAX_DECODED_LIST_BYTES};
use proto::pb::{self, Code, Problem, pipeline_command::Command as Wire};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::layout;
use super::problem::invalid_id;

const _: () = {
    let command = size_of::<pb::PipelineCommand>() + MAX_SEATS_PER_COMMAND * size_of::<String>();
    assert!(MAX_BATCH_COMMANDS * command <= MAX_DECODED_LIST_BYTES, "the largest batch is read");
};

/// A command and the trip that it is for.
pub(crate) struct Routed {
    pub(crate) trip: TripId,
    pub(crate) command: Command,
}

/// Reads a command from the wire.
pub(crate) fn route(wire: Wire) -> Result<Routed, Problem> {
    let trip = trip_id(trip_of(&wire))?;
    let command = command(wire)?;
    Ok(Routed { trip, command })
}

pub(crate) fn trip_id(text: &str) -> Result<TripId, Problem> {
    TripId::new(text).map_err(|e| invalid_id(&e))
}

pub(crate) fn hold_id(bytes: &[u8]) -> Result<HoldId, Problem> {
    HoldId::from_slice(bytes).map_err(|e| invalid_id(&e))
}

fn trip_of(wire: &Wire) -> &str {
    match wire {
        Wire::Hold(r) => &r.trip_id,
        Wire::HoldBest(r) => &r.trip_id,
        Wire::HoldQuantity(r) => &r.trip_id,
        Wire::Extend(r) => &r.trip_id,
        Wire::BeginPayment(r) => &r.trip_id,
        Wire::Confirm(r) => &r.trip_id,
        Wire::Release(r) => &r.trip_id,
        Wire::Cancel(r) => &r.trip_id,
        Wire::Swap(r) => &r.trip_id,
        Wire::Block(r) => &r.trip_id,
        Wire::Unblock(r) => &r.trip_id,
        Wire::SetSale(r) => &r.trip_id,
        Wire::OpenTrip(r) => &r.trip_id,
        Wire::Batch(r) => &r.trip_id,
    }
}

/// One line a command.
fn command(wire: Wire) -> Result<Command, Problem> {
    match wire {
        Wire::Hold(r) => hold(r),
        Wire::HoldBest(r) => hold_best(r),
        Wire::HoldQuantity(r) => hold_quantity(r),
        Wire::Extend(r) => extend(&r),
        Wire::BeginPayment(r) => begin_payment(&r),
        Wire::Confirm(r) => confirm(&r),
        Wire::Release(r) => release(&r),
        Wire::Cancel(r) => cancel(r),
        Wire::Swap(r) => swap(r),
        Wire::Block(r) => block(r),
        Wire::Unblock(r) => unblock(r),
        Wire::SetSale(r) => set_sale(&r),
        Wire::OpenTrip(r) => open_trip(*r),
        Wire::Batch(r) => batch(r),
    }
}

fn hold(r: pb::HoldRequest) -> Result<Command, Problem> {
    let seats = match (r.seats.is_empty(), r.seat_numbers.is_empty()) {
        (false, true) => names(r.seats),
        (true, false) => {
            let numbers: SeatList = r.seat_numbers.into_iter().map(SeatNo::new).collect();
            Seats::Numbers(numbers)
        }
        (true, true) => return Err(Problem::invalid("seats", "name at least one seat")),
        (false, false) => {
            return Err(Problem::invalid("seats", "give seats or seat_numbers, not both"));
        }
    };
    let body = Hold { buyer: buyer_id(&r.buyer_id)?, seats, legs: legs(r.legs)?, ttl_ms: r.ttl_ms };
    Ok(Command { id: hold_id(&r.hold_id)?.into(), body: CommandBody::Hold(body) })
}

fn hold_best(r: pb::HoldBestRequest) -> Result<Command, Problem> {
    let body = HoldBest {
        buyer: buyer_id(&r.buyer_id)?,
        quantity: r.quantity,
        zone: (!r.zone.is_empty()).then(|| ZoneRef::Name(r.zone.into())),
        required: Attributes::from_bits(r.require),
        wanted: Attributes::from_bits(r.prefer),
        avoided: Attributes::from_bits(r.avoid),
        adjacent: if r.adjacent { Adjacent::Required } else { Adjacent::Preferred },
        legs: legs(r.legs)?,
        ttl_ms: r.ttl_ms,
    };
    Ok(Command { id: hold_id(&r.hold_id)?.into(), body: CommandBody::HoldBest(body) })
}

fn hold_quantity(r: pb::HoldQuantityRequest) -> Result<Command, Problem> {
    let body = HoldQuantity {
        buyer: buyer_id(&r.buyer_id)?,
        zone: ZoneRef::Name(r.zone.into()),
        quantity: r.quantity,
        legs: legs(r.legs)?,
        ttl_ms: r.ttl_ms,
    };
    Ok(Command { id: hold_id(&r.hold_id)?.into(), body: CommandBody::HoldQuantity(body) })
}

fn extend(r: &pb::ExtendRequest) -> Result<Command, Problem> {
    let body = Extend { hold: hold_id(&r.hold_id)?, ttl_ms: r.ttl_ms };
    Ok(Command { id: command_id(&r.command_id)?, body: CommandBody::Extend(body) })
}

fn begin_payment(r: &pb::BeginPaymentRequest) -> Result<Command, Problem> {
    let hold = hold_id(&r.hold_id)?;
    let body = BeginPayment { hold, window_ms: r.window_ms };
    let id = command_id_or(&r.command_id, hold, Kind::BeginPayment)?;
    Ok(Command { id, body: CommandBody::BeginPayment(body) })
}

fn confirm(r: &pb::ConfirmRequest) -> Result<Command, Problem> {
    let hold = hold_id(&r.hold_id)?;
    let body = Confirm { hold, fence: fence(r.fence), late: late_policy(r.late())? };
    let id = command_id_or(&r.command_id, hold, Kind::Confirm)?;
    Ok(Command { id, body: CommandBody::Confirm(body) })
}

fn release(r: &pb::ReleaseRequest) -> Result<Command, Problem> {
    let hold = hold_id(&r.hold_id)?;
    let id = command_id_or(&r.command_id, hold, Kind::Release)?;
    Ok(Command { id, body: CommandBody::Release(Release { hold }) })
}

fn cancel(r: pb::CancelRequest) -> Result<Command, Problem> {
    let hold = hold_id(&r.hold_id)?;
    let id = command_id_or(&r.command_id, hold, Kind::Cancel)?;
    let body = Cancel { hold, part: part(r.seats, r.quantity)? };
    Ok(Command { id, body: CommandBody::Cancel(body) })
}

fn swap(r: pb::SwapRequest) -> Result<Command, Problem> {
    let body = Swap {
        hold: hold_id(&r.hold_id)?,
        fence: fence(r.fence),
        give: names(r.give),
        take: names(r.take),
    };
    Ok(Command { id: command_id(&r.command_id)?, body: CommandBody::Swap(body) })
}

fn block(r: pb::BlockRequest) -> Result<Command, Problem> {
    let stock = match (r.seats.is_empty(), r.zone.is_empty()) {
        (false, true) => Stock::Seats(names(r.seats)),
        (true, false) => Stock::Quantity { zone: ZoneRef::Name(r.zone.into()), count: r.quantity },
        _ => return Err(Problem::invalid("seats", "give seats, or a zone and a quantity")),
    };
    let body = Block { stock, legs: legs(r.legs)?, note: Note::new(&r.reason) };
    Ok(Command { id: command_id(&r.command_id)?, body: CommandBody::Block(body) })
}

fn unblock(r: pb::UnblockRequest) -> Result<Command, Problem> {
    let block = HoldId::from_slice(&r.block_id)
        .map_err(|e| Problem { field: "block_id".into(), ..invalid_id(&e) })?;
    let body = Unblock { block, part: part(r.seats, r.quantity)? };
    Ok(Command { id: command_id(&r.command_id)?, body: CommandBody::Unblock(body) })
}

fn set_sale(r: &pb::SetSaleRequest) -> Result<Command, Problem> {
    let body = match r.action() {
        pb::SaleAction::Freeze => CommandBody::Freeze,
        pb::SaleAction::Thaw => CommandBody::Thaw,
        pb::SaleAction::Close => CommandBody::CloseSales,
        pb::SaleAction::Unspecified => {
            return Err(Problem::invalid("action", "one of FREEZE, THAW and CLOSE is required"));
        }
    };
    Ok(Command { id: command_id(&r.command_id)?, body })
}

fn open_trip(r: pb::OpenTripRequest) -> Result<Command, Problem> {
    let id = match r.command_id.is_empty() {
        true => derived(r.trip_id.as_bytes(), Kind::Open),
        false => command_id(&r.command_id)?,
    };
    Ok(Command { id, body: CommandBody::Open(Arc::new(layout::open(r)?)) })
}

fn batch(r: pb::BatchRequest) -> Result<Command, Problem> {
    let invalid = |message: String| Problem {
        field: "commands".into(),
        ..Problem::new(Code::BatchInvalid, message)
    };
    if r.commands.len() > MAX_BATCH_COMMANDS {
        let many = r.commands.len();
        return Err(invalid(format!("{many} commands, at most {MAX_BATCH_COMMANDS} are allowed")));
    }
    let mut commands = Vec::with_capacity(r.commands.len());
    for (place, inner) in r.commands.into_iter().enumerate() {
        let inner = inner.command.ok_or_else(|| invalid(format!("command {place} is empty")))?;
        if matches!(inner, Wire::Batch(_)) {
            return Err(invalid(format!("command {place} is itself a batch")));
        }
        let trip = trip_of(&inner);
        if !trip.is_empty() && trip != r.trip_id {
            return Err(invalid(format!("command {place} is for another trip")));
        }
        let at = |problem: Problem| Problem {
            field: format!("commands[{place}].{}", problem.field),
            ..problem
        };
        commands.push(command(inner).map_err(at)?);
    }
    Ok(Command { id: command_id(&r.command_id)?, body: CommandBody::Batch(commands) })
}

pub(crate) fn buyer_id(text: &str) -> Result<BuyerId, Problem> {
    BuyerId::new(text).map_err(|e| invalid_id(&e))
}

fn names(names: Vec<String>) -> Seats {
    Seats::Names(names.into_iter().map(String::into_boxed_str).collect())
}

fn part(seats: Vec<String>, quantity: u32) -> Result<Part, Problem> {
    match (seats.is_empty(), quantity) {
        (true, 0) => Ok(Part::All),
        (true, quantity) => Ok(Part::Quantity(quantity)),
        (false, 0) => Ok(Part::Seats(names(seats))),
        (false, _) => Err(Problem::invalid("quantity", "give seats or a quantity, not both")),
    }
}

/// The legs asked for; none means the whole trip.
pub(crate) fn legs(wire: Option<pb::Legs>) -> Result<Span, Problem> {
    let Some(pb::Legs { from, to }) = wire else { return Ok(Span::Whole) };
    let invalid = || Problem {
        field: "legs".into(),
        ..Problem::new(
            Code::InvalidLegs,
            format!("from {from} to {to}: `from` must be smaller than `to`, both below 65536"),
        )
    };
    let (from, to) = (u16::try_from(from), u16::try_from(to));
    let (Ok(from), Ok(to)) = (from, to) else { return Err(invalid()) };
    Ok(Span::Legs(Legs::new(from, to).map_err(|_| invalid())?))
}

fn fence(number: u64) -> Option<Fence> {
    (number > 0).then(|| Fence::new(number))
}

pub(super) fn late_policy(late: pb::LatePolicy) -> Result<Option<LatePolicy>, Problem> {
    Ok(match late {
        pb::LatePolicy::Unspecified => None,
        pb::LatePolicy::Refuse => Some(LatePolicy::Refuse),
        pb::LatePolicy::Reacquire => Some(LatePolicy::Reacquire),
    })
}

fn command_id(bytes: &[u8]) -> Result<CommandId, Problem> {
    CommandId::from_slice(bytes).map_err(|e| invalid_id(&e))
}

/// Kinds of commands whose id may be left out: such a command is done once a hold.
#[derive(Clone, Copy)]
enum Kind {
    BeginPayment = 1,
    Confirm,
    Release,
    Cancel,
    Open,
}

/// An id for a command that nobody repeats.
pub(crate) fn new_command_id() -> CommandId {
    CommandId::from_u128(rand::random::<u128>() | 1).expect("the lowest bit is set")
}

fn command_id_or(bytes: &[u8], hold: HoldId, kind: Kind) -> Result<CommandId, Problem> {
    match bytes.is_empty() {
        true => Ok(derived(hold.as_bytes(), kind)),
        false => command_id(bytes),
    }
}

fn derived(from: &[u8], kind: Kind) -> CommandId {
    // Never zero: the lowest bit is set.
    let id = xxh3_128_with_seed(from, kind as u64) | 1;
    CommandId::from_u128(id).expect("the lowest bit is set")
}
