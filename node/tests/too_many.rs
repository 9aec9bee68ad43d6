//! Messages of four million bytes whose lists would take hundreds of megabytes: they are refused before they
//! are decoded, each with its answer, and nobody else notices.

#![allow(clippy::unwrap_used)]

mod support;

use futures::StreamExt as _;
use prost::Message as _;
use proto::limits::{MAX_DECODED_LIST_BYTES, MAX_REQUEST_BYTES};
use proto::pb::pipeline_command::Command as Wire;
use proto::pb::{self, Code, Problem};
use support::{Cluster, hold_request};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

/// The fields 1 to 4 of any message, by a caller that does not care what they are.
#[derive(Clone, PartialEq, prost::Message)]
struct Fields {
    #[prost(bytes = "vec", repeated, tag = "1")]
    first: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    second: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    third: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    fourth: Vec<Vec<u8>>,
}

/// Empty elements, of two bytes each: nearly as many as a message has room for.
fn elements() -> Vec<Vec<u8>> {
    vec![Vec::new(); MAX_REQUEST_BYTES / 2 - 1_000]
}

fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(method)
}

async fn grpc(channel: Channel) -> tonic::client::Grpc<Channel> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    grpc
}

fn assert_names_the_list(status: &Status, list: &str) {
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
    let problem = Problem::from_status(status);
    assert_eq!((problem.code(), problem.field.as_str()), (Code::InvalidArgument, list));
    let allowed = MAX_DECODED_LIST_BYTES.to_string();
    assert!(problem.message.contains(&allowed), "says what is allowed: {problem:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_pipeline_with_the_flood_of_empty_commands_ends() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    // A pipeline of somebody else, open all the time, over the same listener.
    let mut client = cluster.inventory(1).await;
    let (commands, requests) = tokio::sync::mpsc::channel(4);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut replies = client.pipeline(requests).await.unwrap().into_inner();

    let empty = pb::PipelineCommand { tag: 7, ..Default::default() }.encode_to_vec();
    let messages = [vec![empty], elements()].map(|first| Fields { first, ..Default::default() });
    let request = Request::new(futures::stream::iter(messages));
    let codec = ProstCodec::<Fields, pb::PipelineResponse>::default();
    let method = path("/seatgrid.v1.Inventory/Pipeline");
    let mut flood = grpc(cluster.channel(1).await).await;
    let mut flooded = flood.streaming(request, method, codec).await.unwrap().into_inner();
    assert_eq!(flooded.next().await.unwrap().unwrap().replies[0].tag, 7, "what came before");
    let ended = flooded.next().await.unwrap().map(|message| message.replies.len()).unwrap_err();
    assert_names_the_list(&ended, "commands");
    assert!(flooded.next().await.is_none());

    let hold = Wire::Hold(hold_request("trip", 2, "1A"));
    let commands_of_one =
        vec![pb::PipelineCommand { tag: 2, command: Some(hold), ..Default::default() }];
    commands.send(pb::PipelineRequest { commands: commands_of_one }).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap().replies[0].tag, 2);
    cluster.hold("trip", 3, "2B").await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_without_end_are_refused_by_every_call_that_has_lists() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    let batch = Fields { third: elements(), ..Default::default() };
    let layout = batch.encode_to_vec();
    for (method, request, list) in [
        ("/seatgrid.v1.Inventory/Batch", batch, "commands"),
        (
            "/seatgrid.v1.Inventory/OpenTrip",
            Fields { fourth: vec![layout], ..Default::default() },
            "rows",
        ),
        (
            "/seatgrid.v1.Inventory/Hold",
            Fields { fourth: elements(), ..Default::default() },
            "seats",
        ),
    ] {
        let codec = ProstCodec::<Fields, Fields>::default();
        let mut grpc = grpc(cluster.channel(1).await).await;
        let refused = grpc.unary(Request::new(request), path(method), codec).await.unwrap_err();
        assert_names_the_list(&refused, list);
    }
    cluster.hold("trip", 1, "1A").await.unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_without_end_are_refused_in_parts_of_a_trip_and_of_a_snapshot() {
    let cluster = Cluster::start().await;
    cluster.open("trip", 8).await;
    // Field 2 is the rows of the one and the records of the other, and both are field 1 of that.
    let part = Fields { first: elements(), ..Default::default() }.encode_to_vec();
    let part = Fields { second: vec![part], ..Default::default() };
    let send = async |channel, method| {
        let request = Request::new(futures::stream::iter([part.clone()]));
        let codec = ProstCodec::<Fields, Fields>::default();
        let mut grpc = grpc(channel).await;
        grpc.client_streaming(request, path(method), codec).await.unwrap_err()
    };
    let client = cluster.channel(1).await;
    let refused = send(client, "/seatgrid.v1.Inventory/OpenTripStream").await;
    assert_names_the_list(&refused, "rows");

    let peer = format!("http://{}", cluster.config.member(1).unwrap().peer.get_ref());
    let peer = Channel::from_shared(peer).unwrap().connect_lazy();
    let refused = send(peer, "/seatgrid.v1.Peer/InstallSnapshot").await;
    let why = refused.message();
    assert!(why.contains("SnapshotRecords.records: too many elements"), "{refused:?}");
    cluster.hold("trip", 1, "1A").await.unwrap();
    cluster.audit().await;
    cluster.stop().await;
}
