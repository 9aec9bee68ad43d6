//! The null server says yes to every request, once.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use seatgrid_benches::course::Course;
use seatgrid_benches::lane::{Answer, Lane as _};
use seatgrid_benches::systems::Missing;
use seatgrid_benches::systems::null::{Null, NullLane, serve};
use seatgrid_benches::work::{Ask, Workload};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn served() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener));
    address
}

#[tokio::test]
async fn every_request_is_answered_with_yes() {
    let address = served().await;
    let workload = Workload { trips: 200, ..Workload::spread(1) };
    let course = Course::closed(workload, 16, Duration::from_secs(20));
    let course = Course { warmup: Duration::ZERO, ..course };
    for _ in 0..2 {
        let lanes = [NullLane::connect(address), NullLane::connect(address)];
        let lanes = futures::future::try_join_all(lanes).await.unwrap();
        let measured = course.run(lanes).await.unwrap();
        let answers = (measured.held, measured.taken, measured.failed);
        assert_eq!(answers, (workload.capacity(), 0, 0));
    }
}

#[tokio::test]
async fn every_answer_bears_its_token() {
    let mut lane = NullLane::connect(served().await).await.unwrap();
    // More than the server reads at a time: some requests come in two parts.
    let tokens: Vec<u32> = (0..5_000).rev().collect();
    for token in &tokens {
        lane.ask(&Ask { trip: 1, first: 2, count: 3, buyer: 4, ..Ask::default() }, *token);
    }
    let mut answers = Vec::new();
    while answers.len() < tokens.len() {
        lane.answers(&mut answers).await.unwrap();
    }
    let expected: Vec<_> = tokens.into_iter().map(|token| (token, Answer::Held)).collect();
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn who_sends_too_long_a_message_or_one_without_a_token_is_hung_up_on() {
    let address = served().await;
    for message in [u32::MAX.to_le_bytes(), 0_u32.to_le_bytes()] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&message).await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "the connection ends");
    }
}

#[tokio::test]
async fn a_program_that_does_not_serve_is_told() {
    let started = Null::start(Path::new("/bin/false")).await;
    assert!(matches!(started, Err(Missing::NotStarted { .. })), "{started:?}");
}
