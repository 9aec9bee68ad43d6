//! Calls against nodes that misbehave: what is retried, with which id, and what the caller is told.
#![allow(clippy::unwrap_used)]

mod fake;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fake::{Node, problem, topology, yes};
use seatgrid_client_sdk::ids::{Fence, TripId};
use seatgrid_client_sdk::pb::pipeline_command::Command;
use seatgrid_client_sdk::pb::{Code, LeaderHint, PipelineCommand, Problem};
use seatgrid_client_sdk::{Advice, Client, Error, Hold, Options, Release, new_hold_id};
use tokio::net::TcpListener;
use tokio::sync::watch;

fn trip() -> TripId {
    TripId::new("trip-1").unwrap()
}

fn quick() -> Options {
    Options {
        deadline: Duration::from_secs(10),
        attempt_timeout: Duration::from_secs(5),
        streams_per_node: 1,
        ..Options::default()
    }
}

fn hold_id(command: &PipelineCommand) -> Vec<u8> {
    match &command.command {
        Some(Command::Hold(hold)) => hold.hold_id.to_vec(),
        other => panic!("not a hold: {other:?}"),
    }
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_hold_is_answered_with_its_fence() {
    let node = fake::single(Arc::new(yes)).await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    let held = client.hold(Hold::seats(&trip(), ["1A"])).await.unwrap();
    assert_eq!((held.fence, held.seats.as_slice()), (Fence::new(7), &["1A".to_owned()][..]));
    assert!(client.confirm(&held).await.is_ok());
}

#[tokio::test]
async fn many_callers_share_one_stream_and_each_gets_its_own_answer() {
    // The answer of a release carries the number that its hold id ends with.
    let node = fake::single(Arc::new(|command: &PipelineCommand| {
        let fence = hold_id(command).iter().map(|&byte| u64::from(byte)).sum();
        problem(command, Problem { fence, ..Problem::new(Code::HoldLost, "") })
    }))
    .await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    let tasks: Vec<_> = (0..2_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let hold = Hold::seats(&trip(), ["1A"]);
                let own = hold.id.as_bytes().iter().map(|&byte| u64::from(byte)).sum();
                let refused = client.hold(hold).await.unwrap_err();
                assert_eq!(refused.refusal().unwrap().fence, Some(Fence::new(own)));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(node.pipelines(), 1);
}

#[tokio::test]
async fn a_broken_stream_is_opened_again_and_the_same_id_is_sent() {
    let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let ids = seen.clone();
    // The first time, no answer comes.
    let node = fake::single(Arc::new(move |command: &PipelineCommand| {
        let mut ids = ids.lock().unwrap();
        ids.push(hold_id(command));
        if ids.len() == 1 { Vec::new() } else { yes(command) }
    }))
    .await;
    let options = Options { attempt_timeout: Duration::from_secs(60), ..quick() };
    let client = Client::connect([&node.endpoint], options).await.unwrap();
    let hold = Hold::seats(&trip(), ["1A"]);
    let id = hold.id;
    let call = tokio::spawn(async move { client.hold(hold).await });
    until("the first attempt", || node.commands() == 1).await;
    node.cut();
    assert_eq!(call.await.unwrap().unwrap().hold, id);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen == id.as_bytes()));
    assert_eq!(node.pipelines(), 2);
}

#[tokio::test]
async fn a_silent_attempt_is_made_again_with_the_same_id() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = attempts.clone();
    let node = fake::single(Arc::new(move |command: &PipelineCommand| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 { Vec::new() } else { yes(command) }
    }))
    .await;
    let options = Options { attempt_timeout: Duration::from_millis(200), ..quick() };
    let client = Client::connect([&node.endpoint], options).await.unwrap();
    assert!(client.hold(Hold::seats(&trip(), ["1A"])).await.is_ok());
    assert!(attempts.load(Ordering::SeqCst) >= 2);
}

/// Two nodes; the topology says that the first leads, and it does not.
async fn redirected(hint: bool) -> (Node, Node) {
    let (one, two) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let endpoints =
        [&one, &two].map(|listener| format!("http://{}", listener.local_addr().unwrap()));
    let (tx, rx) = watch::channel(topology(&endpoints, &[1], 1));
    let leader = hint.then(|| LeaderHint { shard: 0, node_id: 2, endpoint: endpoints[1].clone() });
    let newer = topology(&endpoints, &[2], 2);
    let not_leader = move |command: &PipelineCommand| {
        // From now on, whoever asks learns the new leader.
        tx.send_replace(newer.clone());
        problem(command, Problem { leader: leader.clone(), ..Problem::new(Code::NotLeader, "") })
    };
    let first = Node::serve(one, rx.clone(), Arc::new(not_leader), None);
    (first, Node::serve(two, rx, Arc::new(yes), None))
}

#[tokio::test]
async fn a_hint_leads_to_the_leader_and_is_remembered() {
    let (first, second) = redirected(true).await;
    let client = Client::connect([&first.endpoint], quick()).await.unwrap();
    for _ in 0..10 {
        assert!(client.hold(Hold::seats(&trip(), ["1A"])).await.is_ok());
    }
    assert_eq!((first.commands(), second.commands()), (1, 10));
}

#[tokio::test]
async fn without_a_hint_the_topology_is_read_again() {
    let (first, second) = redirected(false).await;
    let client = Client::connect([&first.endpoint], quick()).await.unwrap();
    assert!(client.hold(Hold::seats(&trip(), ["1A"])).await.is_ok());
    assert_eq!(second.commands(), 1);
}

#[tokio::test]
async fn a_dead_leader_is_replaced_by_the_next() {
    let (one, two) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let endpoints =
        [&one, &two].map(|listener| format!("http://{}", listener.local_addr().unwrap()));
    let (tx, rx) = watch::channel(topology(&endpoints, &[1], 1));
    let first = Node::serve(one, rx.clone(), Arc::new(yes), None);
    let second = Node::serve(two, rx, Arc::new(yes), None);
    let client = Client::connect([&first.endpoint, &second.endpoint], quick()).await.unwrap();
    assert!(client.hold(Hold::seats(&trip(), ["1A"])).await.is_ok());
    first.stop();
    let call = tokio::spawn(async move { client.hold(Hold::seats(&trip(), ["1B"])).await });
    tx.send_replace(topology(&endpoints, &[2], 2));
    assert!(call.await.unwrap().is_ok());
    assert_eq!(second.commands(), 1);
}

#[tokio::test]
async fn repeated_answers_reach_nobody_twice() {
    let node = fake::single(Arc::new(|command: &PipelineCommand| {
        [yes(command), yes(command), yes(command)].concat()
    }))
    .await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    for _ in 0..200 {
        let held = client.hold(Hold::seats(&trip(), ["1A"])).await.unwrap();
        // Were a stale answer taken, it would be one of another kind.
        assert!(client.release(&held).await.is_ok());
    }
}

#[tokio::test]
async fn overload_is_waited_out_or_told_at_once() {
    let busy = Problem { retry_after_ms: 30, ..Problem::new(Code::Overloaded, "busy") };
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = attempts.clone();
    let node = fake::single(Arc::new(move |command: &PipelineCommand| {
        if count.fetch_add(1, Ordering::SeqCst) < 3 {
            problem(command, busy.clone())
        } else {
            yes(command)
        }
    }))
    .await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    assert!(client.hold(Hold::seats(&trip(), ["1A"])).await.is_ok());
    assert_eq!(attempts.load(Ordering::SeqCst), 4);

    // This wait would end after the deadline.
    let wait = Duration::from_secs(3_600);
    let busy = Problem { retry_after_ms: 3_600_000, ..Problem::new(Code::Overloaded, "busy") };
    let node =
        fake::single(Arc::new(move |command: &PipelineCommand| problem(command, busy.clone())))
            .await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    let error = client.hold(Hold::seats(&trip(), ["1A"])).await.unwrap_err();
    assert_eq!(node.commands(), 1);
    assert!(
        matches!(error, Error::Overloaded { retry_after, .. } if retry_after == wait),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refusal_is_never_sent_again() {
    let node = fake::single(Arc::new(|command: &PipelineCommand| {
        problem(command, Problem::new(Code::SeatTaken, "seat 1A is taken"))
    }))
    .await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    let error = client.hold(Hold::seats(&trip(), ["1A"])).await.unwrap_err();
    assert_eq!((error.code(), node.commands()), (Code::SeatTaken, 1));
}

#[tokio::test]
async fn silence_until_the_deadline_leaves_the_outcome_unknown() {
    let node = fake::single(Arc::new(yes)).await;
    node.set_silent(true);
    let options = Options { deadline: Duration::from_millis(300), ..quick() };
    let client = Client::connect([&node.endpoint], options).await.unwrap();
    let error = client.hold(Hold::seats(&trip(), ["1A"])).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error:?}");
}

#[tokio::test]
async fn without_any_node_nothing_happened() {
    let node = fake::single(Arc::new(yes)).await;
    let options = Options { deadline: Duration::from_millis(400), ..quick() };
    let client = Client::connect([&node.endpoint], options.clone()).await.unwrap();
    node.stop();
    // Connections that the node had accepted end some time after it stopped listening.
    until("the node is gone", || std::net::TcpStream::connect(node.address).is_err()).await;
    let error = client.release(Release::new(&trip(), new_hold_id())).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let error = Client::connect([&node.endpoint], options).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_full_window_makes_callers_wait_and_loses_nobody() {
    let most = Arc::new(AtomicUsize::new(0));
    let in_message = most.clone();
    let node = fake::single(Arc::new(move |command: &PipelineCommand| {
        in_message.fetch_max(1 + (command.tag & 0x3fff) as usize, Ordering::SeqCst);
        yes(command)
    }))
    .await;
    let options = Options { window: 8, ..quick() };
    let client = Client::connect([&node.endpoint], options).await.unwrap();
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.hold(Hold::seats(&trip(), ["1A"])).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    // Answers that wait to be picked up keep their slots, so that some more than the window are used.
    assert!(most.load(Ordering::SeqCst) <= 16, "{most:?} slots");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_stream_in_order() {
    let node = fake::single(Arc::new(yes)).await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    for _ in 0..100 {
        let call = client.hold(Hold::seats(&trip(), ["1A"]));
        let _ = tokio::time::timeout(Duration::from_micros(1), call).await;
        assert!(client.hold(Hold::seats(&trip(), ["1A"])).await.is_ok());
    }
}

#[tokio::test]
async fn a_command_too_large_is_refused_before_it_is_sent() {
    let node = fake::single(Arc::new(yes)).await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    let seats = (0..1_000_000).map(|n| format!("seat-{n}"));
    let error = client.hold(Hold::seats(&trip(), seats)).await.unwrap_err();
    assert_eq!((error.code(), node.commands()), (Code::TooLarge, 0));
    assert!(client.hold(Hold::seats(&trip(), ["1A"])).await.is_ok(), "the stream is not harmed");
}

#[tokio::test]
async fn a_lane_tells_what_to_send_again() {
    let node = fake::single(Arc::new(|command: &PipelineCommand| {
        if hold_id(command)[15].is_multiple_of(2) { Vec::new() } else { yes(command) }
    }))
    .await;
    let client = Client::connect([&node.endpoint], quick()).await.unwrap();
    let mut lane = client.lane();
    let shard = client.shard_of(&trip());
    for token in 0..100_u8 {
        let mut hold_id = vec![1; 16];
        hold_id[15] = token;
        let hold = seatgrid_client_sdk::pb::HoldRequest {
            trip_id: "trip-1".into(),
            hold_id: hold_id.into(),
            ..Default::default()
        };
        lane.submit(shard, &Command::Hold(hold), token.into()).await;
    }
    let (mut done, mut tokens) = (Vec::new(), HashSet::new());
    while lane.in_flight() > 0 {
        lane.completed(&mut done).await;
        for completion in done.drain(..) {
            let again = matches!(completion.advice(), Advice::Again { maybe_done: true, .. });
            assert_eq!(again, completion.token.is_multiple_of(2));
            assert!(tokens.insert(completion.token));
        }
    }
    assert_eq!(tokens.len(), 100);
}
