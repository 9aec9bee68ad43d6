//! Requests: the server's codec, and the checks of every field. The first byte says which message.
//!
//! A message that is read is written as one encoding. A command that comes out can be read back from the
//! log by every replica, or the shard refuses it before it enters the log.

use prost::Message;
use proto::codec::read;
use proto::pb::{self, Problem, pipeline_command::Command as Wire};
use proto::shape::Shaped;

use crate::command::comes_back;
use crate::{Seed, world};

/// Reads a request and routes it.
pub fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 14 {
        0 => one(bytes, Wire::Hold),
        1 => one(bytes, Wire::HoldBest),
        2 => one(bytes, Wire::HoldQuantity),
        3 => one(bytes, Wire::Extend),
        4 => one(bytes, Wire::BeginPayment),
        5 => one(bytes, Wire::Confirm),
        6 => one(bytes, Wire::Release),
        7 => one(bytes, Wire::Cancel),
        8 => one(bytes, Wire::Swap),
        9 => one(bytes, Wire::Block),
        10 => one(bytes, Wire::Unblock),
        11 => one(bytes, Wire::SetSale),
        12 => one(bytes, |open| Wire::OpenTrip(Box::new(open))),
        _ => one(bytes, Wire::Batch),
    }
}

fn one<R: Message + Default + Shaped + PartialEq>(mut bytes: &[u8], wire: fn(R) -> Wire) {
    match read::<R>(&mut bytes) {
        Ok(request) => {
            let encoded = request.encode_to_vec();
            assert!(R::decode(encoded.as_slice()).as_ref() == Ok(&request), "{encoded:?}");
            route(wire(request));
        }
        Err(problem) => is_told(&problem),
    }
}

/// Checks a request as a node does.
pub(crate) fn route(wire: Wire) {
    match node::fuzzing::route(wire) {
        Ok((_, command)) if command.check_readable().is_ok() => comes_back(&command),
        Ok(_) => {}
        Err(problem) => is_told(&problem),
    }
}

fn is_told(problem: &Problem) {
    assert!(problem.code != 0 && !problem.message.is_empty(), "{problem:?}");
}

/// A request of most kinds.
pub fn seeds() -> Vec<Seed> {
    let named = |kind: u8, message: Vec<u8>| [vec![kind], message].concat();
    let commands = wire_commands().into_iter();
    commands.map(|(name, kind, wire)| (name, named(kind, encoded(wire)))).collect()
}

fn encoded(wire: Wire) -> Vec<u8> {
    match wire {
        Wire::Hold(r) => r.encode_to_vec(),
        Wire::HoldBest(r) => r.encode_to_vec(),
        Wire::HoldQuantity(r) => r.encode_to_vec(),
        Wire::Extend(r) => r.encode_to_vec(),
        Wire::BeginPayment(r) => r.encode_to_vec(),
        Wire::Confirm(r) => r.encode_to_vec(),
        Wire::Release(r) => r.encode_to_vec(),
        Wire::Cancel(r) => r.encode_to_vec(),
        Wire::Swap(r) => r.encode_to_vec(),
        Wire::Block(r) => r.encode_to_vec(),
        Wire::Unblock(r) => r.encode_to_vec(),
        Wire::SetSale(r) => r.encode_to_vec(),
        Wire::OpenTrip(r) => r.encode_to_vec(),
        Wire::Batch(r) => r.encode_to_vec(),
    }
}

/// Requests with their names and the numbers of their kinds.
pub(crate) fn wire_commands() -> Vec<(&'static str, u8, Wire)> {
    let trip_id = || world::trip_id().as_str().to_owned();
    let id = |number| bytes::Bytes::copy_from_slice(world::hold_id(number).as_bytes());
    let legs = Some(pb::Legs { from: 1, to: 2 });
    let hold = pb::HoldRequest {
        trip_id: trip_id(),
        hold_id: id(1),
        buyer_id: "ann".into(),
        seats: vec!["1A".into(), "1B".into()],
        legs,
        ttl_ms: 60_000,
        ..Default::default()
    };
    let best = pb::HoldBestRequest {
        trip_id: trip_id(),
        hold_id: id(2),
        quantity: 2,
        zone: "main".into(),
        prefer: 3,
        adjacent: true,
        ..Default::default()
    };
    let numbers = pb::HoldRequest { seats: Vec::new(), seat_numbers: vec![0, 2], ..hold.clone() };
    let confirm =
        pb::ConfirmRequest { trip_id: trip_id(), hold_id: id(1), fence: 7, ..Default::default() };
    let cancel =
        pb::CancelRequest { trip_id: trip_id(), hold_id: id(1), quantity: 1, ..Default::default() };
    let swap = pb::SwapRequest {
        trip_id: trip_id(),
        hold_id: id(1),
        command_id: id(9),
        give: vec!["1A".into()],
        take: vec!["1C".into()],
        ..Default::default()
    };
    let block = pb::BlockRequest {
        trip_id: trip_id(),
        command_id: id(10),
        zone: "floor".into(),
        quantity: 3,
        reason: "wet".into(),
        ..Default::default()
    };
    let sale = pb::SetSaleRequest { trip_id: trip_id(), command_id: id(11), action: 1 };
    let inner = |command| pb::PipelineCommand { command: Some(command), ..Default::default() };
    let commands = vec![inner(Wire::Hold(hold.clone())), inner(Wire::SetSale(sale.clone()))];
    let batch = pb::BatchRequest { trip_id: trip_id(), command_id: id(12), commands };
    vec![
        ("hold", 0, Wire::Hold(hold)),
        ("hold-numbers", 0, Wire::Hold(numbers)),
        ("hold-best", 1, Wire::HoldBest(best)),
        ("confirm", 5, Wire::Confirm(confirm)),
        ("cancel", 7, Wire::Cancel(cancel)),
        ("swap", 8, Wire::Swap(swap)),
        ("block", 9, Wire::Block(block)),
        ("sale", 11, Wire::SetSale(sale)),
        ("open", 12, Wire::OpenTrip(open_request().into())),
        ("batch", 13, Wire::Batch(batch)),
    ]
}

fn open_request() -> pb::OpenTripRequest {
    let place = |seat: &str| pb::Place { seat: seat.into(), ..Default::default() };
    let row = pb::Row { places: vec![place("1A"), place(""), place("1B")], ..Default::default() };
    let zone = pb::Zone { name: "main".into(), ..Default::default() };
    let floor = pb::Zone { name: "floor".into(), general_admission_capacity: Some(9) };
    let layout = pb::Layout { zones: vec![zone, floor], rows: vec![row], ..Default::default() };
    let stop = |name: &str| pb::Stop { name: name.into(), ..Default::default() };
    pb::OpenTripRequest {
        trip_id: "coach-101".into(),
        title: "Köln – Bonn".into(),
        layout: Some(layout),
        stops: vec![stop("Köln"), stop("Bonn")],
        rules: Some(pb::SaleRules { max_seats_per_hold: 4, ..Default::default() }),
        ..Default::default()
    }
}
