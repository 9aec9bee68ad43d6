//! Holds against a node that has too much to do.
#![allow(clippy::unwrap_used)]

mod fake;

use std::sync::Arc;

use fake::{problem, yes};
use seatgrid_client_sdk::ids::{ShardId, TripId};
use seatgrid_client_sdk::pb::pipeline_command::Command;
use seatgrid_client_sdk::pb::pipeline_reply::Reply;
use seatgrid_client_sdk::pb::{Code, HoldRequest, PipelineCommand, Problem, ReleaseRequest};
use seatgrid_client_sdk::{Client, Completion, Lane, Options, new_hold_id};

/// Holds asked for at once, in the time of a few parts of the throttle's window.
const CROWD: u64 = 2_000;

fn hold() -> Command {
    let hold_id = new_hold_id().as_bytes().to_vec().into();
    Command::Hold(HoldRequest { trip_id: "trip-1".into(), hold_id, ..Default::default() })
}

fn release() -> Command {
    let hold_id = new_hold_id().as_bytes().to_vec().into();
    Command::Release(ReleaseRequest { trip_id: "trip-1".into(), hold_id, ..Default::default() })
}

/// A client of a node that refuses every hold for overload, and releases what it is asked to.
async fn overloaded() -> (fake::Node, Client, ShardId) {
    let node = fake::single(Arc::new(|command: &PipelineCommand| match &command.command {
        Some(Command::Hold(_)) => problem(command, Problem::new(Code::Overloaded, "too much")),
        _ => yes(command),
    }))
    .await;
    let options = Options { streams_per_node: 1, ..Options::default() };
    let client = Client::connect([&node.endpoint], options).await.unwrap();
    let shard = client.shard_of(&TripId::new("trip-1").unwrap());
    (node, client, shard)
}

/// Submits so many commands, and takes all their answers.
async fn crowd(
    lane: &mut Lane,
    shard: ShardId,
    count: u64,
    command: fn() -> Command,
) -> Vec<Completion> {
    let mut done = Vec::new();
    for token in 0..count {
        lane.submit(shard, &command(), token).await;
    }
    while lane.in_flight() > 0 {
        lane.completed(&mut done).await;
    }
    assert_eq!(done.len() as u64, count);
    done
}

#[tokio::test]
async fn once_a_node_refuses_most_holds_stay_with_the_client_and_are_told_so() {
    let (node, client, shard) = overloaded().await;
    let mut lane = client.lane();
    crowd(&mut lane, shard, 1, hold).await;
    let answers = crowd(&mut lane, shard, CROWD, hold).await;
    assert!(node.commands() < CROWD as usize / 10, "{} reached the node", node.commands());
    for Completion { outcome, .. } in answers {
        let Ok(Reply::Problem(problem)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(problem.code(), Code::Overloaded);
    }
}

#[tokio::test]
async fn what_ends_a_hold_is_never_held_back() {
    let (node, client, shard) = overloaded().await;
    let mut lane = client.lane();
    crowd(&mut lane, shard, 1, hold).await;
    let answers = crowd(&mut lane, shard, CROWD, release).await;
    assert_eq!(node.commands() as u64, 1 + CROWD);
    let released = |c: &Completion| matches!(c.outcome, Ok(Reply::Released(_)));
    assert!(answers.iter().all(released));
}
