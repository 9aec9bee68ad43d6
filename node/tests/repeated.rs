//! Requests that come again, to every node, before and after leaders and processes change: one answer.

// Some kinds of requests have no other fields than those that are named.
#![allow(clippy::unwrap_used, clippy::needless_update)]

mod support;

use prost::Message;
use proto::pb::inventory_client::InventoryClient;
use proto::pb::{self, Code, Problem};
use support::{Cluster, hold_request, trip_of};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

const TRIP: &str = "trip";

/// What a caller is told: the bytes of an answer, or of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Yes(Vec<u8>),
    No(Vec<u8>),
}

fn told<T: Message>(answer: Result<Response<T>, Status>) -> Result<Told, Code> {
    let status = match answer {
        Ok(answer) => return Ok(Told::Yes(answer.into_inner().encode_to_vec())),
        Err(status) => status,
    };
    let problem = Problem::from_status(&status);
    match problem.code() {
        passing @ (Code::NotLeader | Code::Unavailable | Code::UnknownOutcome) => Err(passing),
        _ => Ok(Told::No(problem.encode_to_vec())),
    }
}

/// A call that says how often it was made before.
fn again<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("grpc-previous-rpc-attempts", "1".parse().unwrap());
    request
}

macro_rules! asks {
    ($($method:ident($request:ident),)+) => {
        /// Every unary request that changes something.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Debug)]
        enum Ask {
            $($method(pb::$request),)+
        }

        impl Ask {
            async fn send(self, mut client: InventoryClient<Channel>) -> Result<Told, Code> {
                match self {
                    $(Self::$method(message) => told(client.$method(again(message)).await),)+
                }
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$method(_) => stringify!($method),)+
                }
            }
        }

        /// How many kinds there are.
        const KINDS: usize = [$(stringify!($method)),+].len();
    };
}

asks! {
    open_trip(OpenTripRequest),
    hold(HoldRequest),
    hold_best(HoldBestRequest),
    hold_quantity(HoldQuantityRequest),
    extend(ExtendRequest),
    begin_payment(BeginPaymentRequest),
    confirm(ConfirmRequest),
    release(ReleaseRequest),
    cancel(CancelRequest),
    swap(SwapRequest),
    block(BlockRequest),
    unblock(UnblockRequest),
    set_sale(SetSaleRequest),
    batch(BatchRequest),
}

fn id(n: u128) -> bytes::Bytes {
    n.to_be_bytes().to_vec().into()
}

/// One after the other: every kind with a yes where a trip of seats has one, and several refusals. The id of
/// each command is its place.
fn asks() -> Vec<Ask> {
    let mut asks = Vec::new();
    let mut say = |ask: fn(String, bytes::Bytes) -> Ask| {
        asks.push(ask(TRIP.to_owned(), id(1_000 + asks.len() as u128)));
    };
    macro_rules! ask {
        ($method:ident($request:ident { $($field:ident: $value:expr),* $(,)? })) => {
            say(|trip_id, command_id| {
                Ask::$method(pb::$request {
                    trip_id,
                    command_id,
                    $($field: $value,)*
                    ..Default::default()
                })
            })
        };
    }
    say(|_, command_id| Ask::open_trip(pb::OpenTripRequest { command_id, ..trip_of(TRIP, 16) }));
    say(|_, _| Ask::hold(hold_request(TRIP, 1, "1A")));
    say(|_, _| Ask::hold(hold_request(TRIP, 2, "1A")));
    say(|_, _| Ask::hold(hold_request(TRIP, 3, "1B")));
    say(|_, _| Ask::hold(hold_request(TRIP, 4, "1C")));
    say(|_, _| Ask::hold(hold_request(TRIP, 6, "none")));
    say(|trip_id, _| {
        let (hold_id, buyer_id) = (id(7), "buyer-7".into());
        let request =
            pb::HoldBestRequest { trip_id, hold_id, buyer_id, quantity: 2, ..Default::default() };
        Ask::hold_best(request)
    });
    say(|trip_id, _| {
        let (hold_id, buyer_id) = (id(8), "buyer-8".into());
        let request = pb::HoldQuantityRequest {
            trip_id,
            hold_id,
            buyer_id,
            quantity: 2,
            ..Default::default()
        };
        Ask::hold_quantity(request)
    });
    ask!(extend(ExtendRequest { hold_id: id(1), ttl_ms: 90_000 }));
    ask!(extend(ExtendRequest { hold_id: id(99), ttl_ms: 90_000 }));
    ask!(begin_payment(BeginPaymentRequest { hold_id: id(1) }));
    ask!(confirm(ConfirmRequest { hold_id: id(1) }));
    ask!(confirm(ConfirmRequest { hold_id: id(99) }));
    ask!(release(ReleaseRequest { hold_id: id(3) }));
    ask!(release(ReleaseRequest { hold_id: id(1) }));
    ask!(confirm(ConfirmRequest { hold_id: id(3) }));
    ask!(swap(SwapRequest { hold_id: id(4), give: vec!["1C".into()], take: vec!["3A".into()] }));
    ask!(swap(SwapRequest { hold_id: id(4), give: vec!["3A".into()], take: vec!["1A".into()] }));
    ask!(cancel(CancelRequest { hold_id: id(1) }));
    ask!(block(BlockRequest { seats: vec!["4A".into(), "4B".into()] }));
    ask!(block(BlockRequest { seats: vec!["4B".into()] }));
    ask!(unblock(UnblockRequest { block_id: id(1_019), seats: vec!["4A".into()] }));
    ask!(batch(BatchRequest { commands: vec![part(0, 20, "4C"), part(1, 21, "4D")] }));
    ask!(batch(BatchRequest { commands: vec![part(0, 22, "2A"), part(1, 23, "4D")] }));
    ask!(set_sale(SetSaleRequest { action: pb::SaleAction::Freeze.into() }));
    say(|_, _| Ask::hold(hold_request(TRIP, 30, "3D")));
    asks
}

/// A hold in a batch.
fn part(tag: u32, hold: u128, seat: &str) -> pb::PipelineCommand {
    let command = Some(pb::pipeline_command::Command::Hold(hold_request(TRIP, hold, seat)));
    pb::PipelineCommand { tag, command, ..Default::default() }
}

/// Asks everything of one node, which has to lead the trip.
async fn ask_all(cluster: &Cluster, node: u64) -> Vec<Told> {
    let mut answers = Vec::new();
    for ask in asks() {
        let deadline = std::time::Instant::now() + support::DEADLINE;
        let answer = loop {
            match ask.clone().send(cluster.inventory(node).await).await {
                Ok(answer) => break answer,
                Err(passing) => {
                    let name = ask.name();
                    assert!(std::time::Instant::now() < deadline, "{name} is still {passing:?}");
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        answers.push(answer);
    }
    answers
}

fn assert_same(first: &[Told], now: &[Told], what: &str) {
    for ((ask, first), now) in asks().iter().zip(first).zip(now) {
        assert_eq!(now, first, "{what}: {ask:?}");
    }
}

/// Hands the leadership of the trip's shard to a node.
async fn have_lead(cluster: &Cluster, node: u64) {
    let deadline = std::time::Instant::now() + support::DEADLINE;
    loop {
        cluster.wait_until_led().await;
        let leader = cluster.leader_of(TRIP).await;
        if leader == node {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "node {leader} leads on");
        let shard = cluster.trip(TRIP).await.position.unwrap().shard;
        let request = pb::TransferLeaderRequest { shard, to_node: node };
        // It may have lost its leadership meanwhile.
        let _ = cluster.cluster_client(leader).await.transfer_leader(request).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_has_one_answer_from_every_node_whatever_fails() {
    let kinds: std::collections::BTreeSet<_> = asks().iter().map(Ask::name).collect();
    assert_eq!(kinds.len(), KINDS, "a kind is never asked: {kinds:?}");
    let mut cluster = Cluster::start().await;
    cluster.open("other", 4).await;
    let first = cluster.leader_of(TRIP).await;
    let answers = ask_all(&cluster, first).await;
    let no = answers.iter().filter(|told| matches!(told, Told::No(_))).count();
    assert!(no >= 8 && answers.len() - no >= KINDS - 1, "{no} of {} refused", answers.len());
    assert_same(&answers, &ask_all(&cluster, first).await, "the same node");
    cluster.stop_node(first).await;
    cluster.wait_until_led().await;
    let second = cluster.leader_of(TRIP).await;
    assert_same(&answers, &ask_all(&cluster, second).await, "after a failover");
    cluster.start_node(first).await;
    let third = 1 + 2 + 3 - first - second;
    have_lead(&cluster, third).await;
    assert_same(&answers, &ask_all(&cluster, third).await, "after leadership was handed over");
    cluster.snapshot(&[1, 2, 3]).await;
    for node in 1..=3 {
        cluster.stop_node(node).await;
    }
    for node in 1..=3 {
        cluster.start_node(node).await;
    }
    cluster.wait_until_led().await;
    let leader = cluster.leader_of(TRIP).await;
    assert_same(&answers, &ask_all(&cluster, leader).await, "after a restart of all");
    cluster.stop().await;
}
