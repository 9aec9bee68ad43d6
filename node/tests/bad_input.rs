//! Whatever comes in gets a typed answer that names the field, and the node goes on serving.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write as _;
use std::net::TcpStream;

use futures::StreamExt as _;
use proto::limits::PIPELINE_WINDOW;
use proto::pb::open_trip_stream_request::Part;
use proto::pb::pipeline_command::Command as Wire;
use proto::pb::pipeline_reply::Reply;
use proto::pb::{self, Code, Problem};
use support::{Cluster, hold_request, trip_of};

/// What is wrong, the request, and the code and field of the answer.
type Case = (&'static str, Wire, Code, &'static str);

fn hold(change: impl FnOnce(&mut pb::HoldRequest)) -> Wire {
    let mut request = hold_request("trip", 7, "2A");
    change(&mut request);
    Wire::Hold(request)
}

fn open(change: impl FnOnce(&mut pb::OpenTripRequest)) -> Wire {
    let mut request = trip_of("other", 4);
    change(&mut request);
    Wire::OpenTrip(request.into())
}

fn quantity(quantity: u32) -> Wire {
    let (trip_id, zone) = ("trip".to_owned(), "standard".to_owned());
    let hold_id = vec![9; 16].into();
    Wire::HoldBest(pb::HoldBestRequest { trip_id, zone, hold_id, quantity, ..Default::default() })
}

fn legs(from: u32, to: u32) -> Option<pb::Legs> {
    Some(pb::Legs { from, to })
}

fn shapes() -> Vec<Case> {
    use Code::{InvalidArgument as Argument, InvalidLegs as Legs, InvalidTtl as Ttl};
    vec![
        ("empty trip id", hold(|r| r.trip_id.clear()), Argument, "trip_id"),
        ("over-long trip id", hold(|r| r.trip_id = "x".repeat(129)), Argument, "trip_id"),
        ("trip id with a space", hold(|r| r.trip_id = "a b".into()), Argument, "trip_id"),
        ("empty hold id", hold(|r| r.hold_id.clear()), Argument, "hold_id"),
        ("short hold id", hold(|r| r.hold_id = vec![1; 15].into()), Argument, "hold_id"),
        ("zero hold id", hold(|r| r.hold_id = vec![0; 16].into()), Argument, "hold_id"),
        ("over-long buyer", hold(|r| r.buyer_id = "x".repeat(65)), Argument, "buyer_id"),
        ("no seats", hold(|r| r.seats.clear()), Argument, "seats"),
        ("seats twice told", hold(|r| r.seat_numbers.push(1)), Argument, "seats"),
        ("unknown trip", hold(|r| r.trip_id = "nowhere".into()), Code::TripNotFound, ""),
        ("unknown seat", hold(|r| r.seats = vec!["99Z".into()]), Code::UnknownSeat, "seats"),
        ("one seat twice", hold(|r| r.seats.push("2A".into())), Code::DuplicateSeat, "seats"),
        ("legs reversed", hold(|r| r.legs = legs(2, 1)), Legs, "legs"),
        ("legs of no length", hold(|r| r.legs = legs(1, 1)), Legs, "legs"),
        ("legs beyond the end", hold(|r| r.legs = legs(0, 3)), Legs, "legs"),
        ("legs beyond 16 bits", hold(|r| r.legs = legs(0, 70_000)), Legs, "legs"),
        ("a life of 1 ms", hold(|r| r.ttl_ms = 1), Ttl, "ttl_ms"),
        ("a life of ten years", hold(|r| r.ttl_ms = 315_360_000_000), Ttl, "ttl_ms"),
        ("a life without end", hold(|r| r.ttl_ms = u64::MAX), Ttl, "ttl_ms"),
        ("no seat at all", quantity(0), Code::InvalidQuantity, "quantity"),
        ("a billion seats", quantity(1_000_000_000), Code::InvalidQuantity, "quantity"),
        ("no layout", open(|r| r.layout = None), Argument, "layout"),
        ("one stop", open(|r| r.stops.truncate(1)), Code::InvalidTrip, "trip"),
        ("a title of 300 bytes", open(|r| r.title = "x".repeat(300)), Code::InvalidTrip, "trip"),
        ("duplicate seats", open(duplicate_seat), Code::DuplicateSeat, "layout"),
        ("a zone that is not there", open(unknown_zone), Code::InvalidLayout, "layout"),
        (
            "a hold of another trip's id",
            hold(|r| r.hold_id = vec![5; 16].into()),
            Code::IdReused,
            "",
        ),
    ]
}

fn places(r: &mut pb::OpenTripRequest) -> &mut Vec<pb::Place> {
    &mut r.layout.as_mut().unwrap().rows[0].places
}

fn duplicate_seat(r: &mut pb::OpenTripRequest) {
    places(r)[1].seat = "1A".into();
}

fn unknown_zone(r: &mut pb::OpenTripRequest) {
    places(r)[0].zone = 9;
}

async fn pipelined(cluster: &Cluster, command: &Wire) -> Problem {
    // The leader answers; others say where it is.
    loop {
        for id in cluster.running() {
            let command = pb::PipelineCommand {
                tag: 1,
                command: Some(command.clone()),
                ..Default::default()
            };
            let request = pb::PipelineRequest { commands: vec![command] };
            let mut client = cluster.inventory(id).await;
            let mut replies =
                client.pipeline(futures::stream::iter([request])).await.unwrap().into_inner();
            let reply = replies.next().await.unwrap().unwrap().replies.remove(0);
            let Some(Reply::Problem(problem)) = reply.reply else {
                panic!("not refused: {reply:?}")
            };
            if !matches!(problem.code(), Code::NotLeader | Code::Unavailable) {
                return *problem;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_get_typed_answers_that_name_the_field() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    let first = u128::from_be_bytes([5; 16]);
    cluster.hold("trip", first, "1A").await.unwrap();
    for (what, command, code, field) in shapes() {
        let problem = pipelined(&cluster, &command).await;
        assert_eq!(problem.code(), code, "{what}: {problem:?}");
        assert_eq!(problem.field, field, "{what}: {problem:?}");
        assert!(!problem.sentence().is_empty(), "{what}");
    }
    // Nothing of it had an effect.
    let totals = cluster.trip("trip").await.totals.unwrap();
    assert_eq!((totals.free, totals.held), (7, 1));
    cluster.audit().await;
    cluster.stop().await;
}

/// Commands of one flood.
const FLOOD: u32 = 3 * PIPELINE_WINDOW as u32;

/// Resident memory that four floods may add to a process of three nodes, in bytes: far less than they
/// would take if anything of them piled up, far more than what allocators keep.
const FLOOD_MEMORY_BYTES: u64 = 512 << 20;

/// Sends a flood in one message; gives how many commands were refused for want of room.
async fn flood(cluster: &Cluster, node: u64) -> usize {
    let command = |tag| pb::PipelineCommand {
        tag,
        command: Some(Wire::Hold(hold_request("trip", u128::from(tag) + 1, "1A"))),
        ..Default::default()
    };
    let request = pb::PipelineRequest { commands: (0..FLOOD).map(command).collect() };
    let mut client = cluster.inventory(node).await;
    let mut replies = client.pipeline(futures::stream::iter([request])).await.unwrap().into_inner();
    let mut answered = vec![false; FLOOD as usize];
    let mut overloaded = 0;
    while let Some(message) = replies.next().await {
        for reply in message.unwrap().replies {
            assert!(!std::mem::replace(&mut answered[reply.tag as usize], true), "answered twice");
            if let Some(Reply::Problem(problem)) = reply.reply
                && problem.code() == Code::Overloaded
            {
                overloaded += 1;
                assert!(problem.retry_after_ms > 0);
            }
        }
    }
    assert!(answered.iter().all(|&answered| answered));
    overloaded
}

async fn resident_bytes(cluster: &Cluster) -> u64 {
    let mut client = cluster.cluster_client(1).await;
    client.get_status(pb::GetStatusRequest {}).await.unwrap().into_inner().resident_bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_answered_to_the_last_command() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    let before = resident_bytes(&cluster).await;
    assert!(flood(&cluster, 1).await > 0, "what is beyond the window is refused");
    // Of all nodes at once, for one of them leads.
    tokio::join!(flood(&cluster, 1), flood(&cluster, 2), flood(&cluster, 3));
    let after = resident_bytes(&cluster).await;
    assert!(before > 0 && after < before + FLOOD_MEMORY_BYTES, "{before} bytes became {after}");
    cluster.hold("trip", u128::MAX, "2B").await.unwrap();
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_oversized_messages_do_not_stop_a_node() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    for id in 1..=3 {
        let member = cluster.config.member(id).unwrap();
        for address in [&member.client, &member.peer, &member.admin] {
            let mut socket = TcpStream::connect(address.get_ref()).unwrap();
            let noise: Vec<u8> =
                (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            // The node may hang up at any byte.
            let _ = socket.write_all(&noise);
            let mut socket = TcpStream::connect(address.get_ref()).unwrap();
            let _ =
                socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff");
        }
    }
    let mut huge = trip_of("huge", 4);
    huge.title = "x".repeat(5 << 20);
    let refused = cluster.inventory(1).await.open_trip(huge).await.unwrap_err();
    assert_eq!(Problem::from_status(&refused).code(), Code::TooLarge, "{refused:?}");
    cluster.hold("trip", 1, "1A").await.unwrap();
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trip_streamed_with_endless_names_is_not_gathered() {
    let cluster = Cluster::start().await;
    let part = |part| pb::OpenTripStreamRequest { part: Some(part) };
    let place = pb::Place { seat: "x".repeat(1 << 20), ..Default::default() };
    let rows = vec![pb::Row { deck: 0, places: vec![place] }];
    let header = part(Part::Header(trip_of("endless", 4)));
    let more = std::iter::repeat_n(part(Part::Rows(pb::OpenTripRows { rows })), 20);
    let parts = futures::stream::iter(std::iter::once(header).chain(more));
    let refused = cluster.inventory(1).await.open_trip_stream(parts).await.unwrap_err();
    let problem = Problem::from_status(&refused);
    assert_eq!((problem.code(), problem.field.as_str()), (Code::TooLarge, "rows"), "{problem:?}");
    cluster.open("trip", 8).await;
    cluster.stop().await;
}
