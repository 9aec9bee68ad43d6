//! Messages that are no messages of the protocol are the caller's fault: INVALID_ARGUMENT, never INTERNAL,
//! and nobody else notices.

#![allow(clippy::unwrap_used)]

mod support;

use futures::StreamExt as _;
use proto::pb::pipeline_command::Command as Wire;
use proto::pb::pipeline_reply::Reply;
use proto::pb::{self, Code, Problem};
use support::{Cluster, hold_request};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

/// `HoldRequest`, and every other request that begins with a trip id, by a caller that does not check it.
#[derive(Clone, PartialEq, prost::Message)]
struct RawTrip {
    #[prost(bytes = "vec", tag = "1")]
    trip_id: Vec<u8>,
}

/// `PipelineCommand` with a raw hold.
#[derive(Clone, PartialEq, prost::Message)]
struct RawCommand {
    #[prost(uint32, tag = "1")]
    tag: u32,
    #[prost(message, optional, tag = "2")]
    hold: Option<RawTrip>,
}

/// `PipelineRequest` with raw commands.
#[derive(Clone, PartialEq, prost::Message)]
struct RawPipeline {
    #[prost(message, repeated, tag = "1")]
    commands: Vec<RawCommand>,
}

fn not_utf8() -> RawTrip {
    RawTrip { trip_id: b"caf\xe9".to_vec() }
}

fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(method)
}

/// Calls a method of one request with a trip id that is not UTF-8.
async fn raw_call(cluster: &Cluster, method: &'static str) -> Status {
    let mut grpc = tonic::client::Grpc::new(cluster.channel(1).await);
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<RawTrip, RawTrip>::default();
    grpc.unary(Request::new(not_utf8()), path(method), codec).await.unwrap_err()
}

/// Sends messages on a pipeline of its own; gives the tags that were answered, and how it ended.
async fn raw_pipeline(cluster: &Cluster, messages: Vec<RawPipeline>) -> (Vec<u32>, Option<Status>) {
    let mut grpc = tonic::client::Grpc::new(cluster.channel(1).await);
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<RawPipeline, pb::PipelineResponse>::default();
    let request = Request::new(futures::stream::iter(messages));
    let method = path("/seatgrid.v1.Inventory/Pipeline");
    let mut replies = grpc.streaming(request, method, codec).await.unwrap().into_inner();
    let mut answered = Vec::new();
    while let Some(message) = replies.next().await {
        match message {
            Ok(message) => answered.extend(message.replies.iter().map(|reply| reply.tag)),
            Err(status) => return (answered, Some(status)),
        }
    }
    (answered, None)
}

fn assert_names_the_trip_id(status: &Status) {
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
    let problem = Problem::from_status(status);
    assert_eq!((problem.code(), problem.field.as_str()), (Code::InvalidArgument, "trip_id"));
    assert!(problem.message.contains("not UTF-8"), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trip_id_that_is_not_utf8_is_an_invalid_argument_of_every_call() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    for method in [
        "/seatgrid.v1.Inventory/OpenTrip",
        "/seatgrid.v1.Inventory/Hold",
        "/seatgrid.v1.Inventory/HoldBest",
        "/seatgrid.v1.Inventory/HoldQuantity",
        "/seatgrid.v1.Inventory/Extend",
        "/seatgrid.v1.Inventory/BeginPayment",
        "/seatgrid.v1.Inventory/Confirm",
        "/seatgrid.v1.Inventory/Release",
        "/seatgrid.v1.Inventory/Cancel",
        "/seatgrid.v1.Inventory/Swap",
        "/seatgrid.v1.Inventory/Block",
        "/seatgrid.v1.Inventory/Unblock",
        "/seatgrid.v1.Inventory/SetSale",
        "/seatgrid.v1.Inventory/GetTrip",
        "/seatgrid.v1.Inventory/GetHold",
        "/seatgrid.v1.Inventory/ExplainSeat",
        "/seatgrid.v1.Changes/Watch",
    ] {
        let status = raw_call(&cluster, method).await;
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{method}: {status:?}");
        assert_names_the_trip_id(&status);
    }
    cluster.hold("trip", 1, "1A").await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_pipeline_with_the_unreadable_message_ends() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    // A pipeline of somebody else, open all the time, over the same listener.
    let mut client = cluster.inventory(1).await;
    let (commands, requests) = tokio::sync::mpsc::channel(4);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut replies = client.pipeline(requests).await.unwrap().into_inner();
    let good = async |tag: u32| {
        let hold = Wire::Hold(hold_request("trip", u128::from(tag), "1A"));
        let commands_of_one =
            vec![pb::PipelineCommand { tag, command: Some(hold), ..Default::default() }];
        commands.send(pb::PipelineRequest { commands: commands_of_one }).await.unwrap();
    };
    good(1).await;
    assert_eq!(replies.next().await.unwrap().unwrap().replies[0].tag, 1);

    let command = |tag, hold| RawCommand { tag, hold: Some(hold) };
    let good_trip = RawTrip { trip_id: b"trip".to_vec() };
    let messages = vec![
        RawPipeline { commands: vec![command(7, good_trip.clone()), command(8, good_trip)] },
        RawPipeline { commands: vec![command(9, not_utf8())] },
    ];
    let (mut answered, ended) = raw_pipeline(&cluster, messages).await;
    answered.sort_unstable();
    assert_eq!(answered, [7, 8], "what came before is answered");
    assert_names_the_trip_id(&ended.unwrap());

    good(2).await;
    assert_eq!(replies.next().await.unwrap().unwrap().replies[0].tag, 2);
    cluster.hold("trip", 3, "2B").await.unwrap();
    cluster.audit().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipelined_message_over_the_limit_ends_its_stream_with_the_reason() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    let mut hold = hold_request("trip", 1, "1A");
    hold.buyer_id = "x".repeat(proto::limits::MAX_REQUEST_BYTES);
    let commands =
        vec![pb::PipelineCommand { tag: 1, command: Some(Wire::Hold(hold)), ..Default::default() }];
    let request = pb::PipelineRequest { commands };
    let mut client = cluster.inventory(1).await;
    let mut replies = client.pipeline(futures::stream::iter([request])).await.unwrap().into_inner();
    let status = replies.next().await.unwrap().unwrap_err();
    assert_eq!(Problem::from_status(&status).code(), Code::TooLarge, "{status:?}");
    cluster.hold("trip", 1, "1A").await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_content_is_answered_on_its_stream() {
    let cluster = Cluster::start().await;
    let commands = vec![pb::PipelineCommand { tag: 4, command: None, ..Default::default() }];
    let mut client = cluster.inventory(1).await;
    let request = futures::stream::iter([pb::PipelineRequest { commands }]);
    let mut replies = client.pipeline(request).await.unwrap().into_inner();
    let reply = replies.next().await.unwrap().unwrap().replies.remove(0);
    let Some(Reply::Problem(problem)) = reply.reply else { panic!("not refused: {reply:?}") };
    assert_eq!((reply.tag, problem.code()), (4, Code::InvalidArgument));
    assert_eq!(problem.field, "command");
    assert!(replies.next().await.is_none());
    cluster.stop().await;
}
