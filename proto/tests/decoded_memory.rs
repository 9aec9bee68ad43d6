//! What reading a message allocates at most, counted: a message of 4 MiB must not become gigabytes.

#![allow(clippy::unwrap_used)]

use peak_alloc::PeakAlloc;
use prost::Message;
use prost::bytes::{Bytes, BytesMut};
use proto::codec::read;
use proto::limits::{
    MAX_BATCH_COMMANDS, MAX_DECODED_LIST_BYTES, MAX_REQUEST_BYTES, PIPELINE_WINDOW,
};
use proto::pb::pipeline_command::Command;
use proto::pb::{self, Code, Problem};
use proto::shape::{Shaped, UNCOUNTED_BYTES};
use seatgrid_proto as proto;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// A list begins with room for four elements and doubles.
const ROOM_PER_ELEMENT: usize = 4;

/// What a refusal allocates at most, in bytes: its words.
const REFUSAL_BYTES: usize = 4 << 10;

/// Nothing but elements of one kind, from their number.
type Build = Box<dyn Fn(usize) -> Vec<u8>>;

/// What is in the message, how it is made, how many elements are allowed, and the list that a refusal names.
type Case = (&'static str, Build, usize, &'static str);

/// A field with a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

/// Elements inside of fields, the innermost first.
fn elements(element: Vec<u8>, around: &[u8]) -> Build {
    let around = around.to_vec();
    Box::new(move |n| around.iter().fold(element.repeat(n), |inner, &f| field(f, &inner)))
}

/// Reads a message; gives the most that was allocated meanwhile beside the message.
fn peak<Request: Message + Default + Shaped>(message: &[u8]) -> (Result<Request, Problem>, usize) {
    let mut message = BytesMut::from(message);
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let found = read::<Request>(&mut message);
    (found, ALLOCATED.peak_usage() - before)
}

/// As many elements as are allowed are read within the bound; one more is refused before anything is.
fn bounded<Request: Message + Default + Shaped>((what, build, most, list): Case) {
    let accepted = build(most);
    let (found, bytes) = peak::<Request>(&accepted);
    found.map(drop).unwrap_or_else(|problem| panic!("{what}: {problem:?}"));
    let bound = ROOM_PER_ELEMENT * MAX_DECODED_LIST_BYTES + accepted.len();
    assert!(bytes <= bound, "{what}: {bytes} bytes");
    println!("{what}: {} bytes of message, {bytes} allocated", accepted.len());

    let (found, bytes) = peak::<Request>(&build(most + 1));
    let problem = found.map(drop).unwrap_err();
    assert_eq!((problem.code(), problem.field.as_str()), (Code::InvalidArgument, list), "{what}");
    assert!(problem.message.contains(&MAX_DECODED_LIST_BYTES.to_string()), "{problem:?}");
    assert!(bytes <= REFUSAL_BYTES, "{what}: {bytes} bytes for a refusal");
}

/// Messages that a client may send, each close to a limit of its own.
fn real<Request: Message + Default + Shaped + PartialEq>(what: &str, request: &Request) {
    let message = request.encode_to_vec();
    assert!((UNCOUNTED_BYTES..=MAX_REQUEST_BYTES).contains(&message.len()), "{}", message.len());
    let (found, bytes) = peak::<Request>(&message);
    assert!(found.unwrap() == *request, "{what}");
    println!("{what}: {} bytes of message, {bytes} allocated", message.len());
}

fn hold(n: usize, seats: usize) -> pb::PipelineCommand {
    let hold = pb::HoldRequest {
        trip_id: format!("trip-{n}"),
        hold_id: (n as u128).to_be_bytes().to_vec().into(),
        buyer_id: format!("buyer-{n}"),
        seats: (0..seats).map(|seat| format!("{seat:04}")).collect(),
        ..Default::default()
    };
    pb::PipelineCommand {
        tag: n as u32,
        command: Some(Command::Hold(hold)),
        timeout_ms: 1_000,
        resent: false,
    }
}

/// As many seats, rows and aisles as a layout may have (`actors/src/seat_map/limits.rs`).
fn largest_layout() -> pb::OpenTripRequest {
    let seat = |n: u32| pb::Place { seat: format!("{n:x}"), ..Default::default() };
    let row = |n| pb::Row { deck: 0, places: vec![seat(n), pb::Place::default()] };
    let layout = pb::Layout { rows: (0..200_000).map(row).collect(), ..Default::default() };
    pb::OpenTripRequest { layout: Some(layout), ..Default::default() }
}

/// One test, for the allocator counts what all threads do.
#[test]
fn what_reading_a_message_allocates_has_a_bound() {
    let fit = |element_bytes| MAX_DECODED_LIST_BYTES / element_bytes;
    let names = fit(size_of::<String>());

    // Fields of OpenTripRequest: 4 the layout, 5 stops; of a layout: 2 zones, 3 rows; of a row: 2 places.
    let (row, place) = (size_of::<pb::Row>(), size_of::<pb::Place>());
    let row_of_one = field(3, &field(2, b""));
    let in_one_row = (MAX_DECODED_LIST_BYTES - row) / place;
    for case in [
        ("empty rows", elements(field(3, b""), &[4]), fit(row), "rows"),
        ("rows of one place", elements(row_of_one, &[4]), fit(row + place), "rows"),
        ("places", elements(field(2, b""), &[3, 4]), in_one_row, "places"),
        ("zones", elements(field(2, b""), &[4]), fit(size_of::<pb::Zone>()), "zones"),
        ("stops", elements(field(5, b""), &[]), fit(size_of::<pb::Stop>()), "stops"),
        ("rows of many layouts", elements(field(4, &field(3, b"")), &[]), fit(row), "rows"),
    ] {
        bounded::<pb::OpenTripRequest>(case);
    }

    // Field 2 of a command is a hold, 15 a batch; field 3 of a batch its commands; 4 of a hold seats.
    let command = size_of::<pb::PipelineCommand>();
    let hold_of_one = field(1, &field(2, &field(4, b"")));
    let holds = fit(command + size_of::<String>());
    let nested = (0..49).fold(Vec::new(), |inner, _| field(15, &field(3, &inner)));
    for case in [
        ("commands", elements(field(1, b""), &[]), fit(command), "commands"),
        ("holds of a seat", elements(hold_of_one, &[]), holds, "commands"),
        ("nested batches", elements(field(1, &nested), &[]), fit(50 * command), "commands"),
    ] {
        bounded::<pb::PipelineRequest>(case);
    }
    bounded::<pb::BatchRequest>((
        "a batch",
        elements(field(3, b""), &[]),
        fit(command),
        "commands",
    ));
    // A hundred messages in each other: prost reads no deeper.
    let deepest = elements(field(4, b""), &[&[2, 3][..], &[15, 3].repeat(49)].concat());
    let at_depth = (MAX_DECODED_LIST_BYTES - 50 * command) / size_of::<String>();
    bounded::<pb::BatchRequest>(("the deepest names", deepest, at_depth, "seats"));

    bounded::<pb::BlockRequest>(("empty names", elements(field(3, b""), &[]), names, "seats"));
    bounded::<pb::BlockRequest>(("short names", elements(field(3, b"A"), &[]), names, "seats"));

    // Numbers, with and without a key each: larger messages than a client may send.
    let numbers = fit(size_of::<u32>());
    bounded::<pb::HoldRequest>((
        "numbers",
        elements(vec![5 << 3, 1], &[]),
        numbers,
        "seat_numbers",
    ));
    bounded::<pb::HoldRequest>(("packed", elements(vec![1], &[5]), numbers, "seat_numbers"));

    let (entry, record) = (size_of::<Bytes>(), size_of::<pb::SnapshotRecord>());
    bounded::<pb::ReplicateRequest>((
        "entries",
        elements(field(6, b""), &[]),
        fit(entry),
        "entries",
    ));
    let records = elements(field(1, b""), &[2]);
    bounded::<pb::InstallSnapshotRequest>(("records", records, fit(record), "records"));

    // A command of six bytes that begins a batch of all that follows: prost reads it before it notices.
    let mut batch = field(15, &field(3, b"").repeat(2_000_000));
    batch.splice(0..0, [1 << 3 | 2, 6]);
    let (found, bytes) = peak::<pb::PipelineRequest>(&batch);
    assert_eq!(found.unwrap_err().field, "commands");
    assert!(bytes <= REFUSAL_BYTES, "{bytes} bytes for a refusal");

    let window = (0..PIPELINE_WINDOW).map(|n| hold(n, 70)).collect();
    real("a window of holds", &pb::PipelineRequest { commands: window });
    let commands = (0..MAX_BATCH_COMMANDS).map(|n| hold(n, 10_000)).collect();
    real("a batch", &pb::BatchRequest { commands, ..Default::default() });
    real("a layout", &largest_layout());
}
