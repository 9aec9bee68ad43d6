//! etcd: three members, and a transaction that puts a key with a lease for every seat, or for every leg of a
//! seat, all or nothing.
//!
//! Requests are calls beside each other on one HTTP/2 connection, as its clients make them. All connections
//! go to the member that leads: the others would send every write on to it.

use std::error::Error as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::server::{POLL, START_TIMEOUT, Server, free_ports};
use super::{Missing, installed};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, Step, TTL_S};

/// Members of the cluster.
const MEMBERS: usize = 3;

/// Ports of the members: for clients, and for each other.
const PORTS: [u16; 2 * MEMBERS] = [0, 1, 2, 3, 4, 5];

/// How long a call may wait for its answer before it counts as failed. etcd itself gives up after seven
/// seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Leases that are revoked at a time.
const REVOKING: usize = 64;

/// The longest answer that is read, in bytes: a list of all leases, of a dozen bytes each.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// What a member's data may grow to, in bytes. Its default, 2 GiB, is little for long measurements: what was
/// deleted stays in the history.
const QUOTA_BYTES: u64 = 8 << 30;

/// Longer than a member takes until it commits what it has written to its data file: it does every 100 ms.
const COMMITTED: Duration = Duration::from_millis(250);

/// What the keys of all seats begin with.
const PREFIX: &str = "h/";

/// The first key behind all of those.
const BEHIND_PREFIX: &str = "h0";

/// Which lease ends a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// One for all, granted beforehand: they would all end together. The cheapest that etcd can do.
    Shared,
    /// One for each hold, granted by a call before the transaction. Where a seat was taken, it ends unused.
    PerHold,
}

/// An etcd cluster that runs. It flushes on two members at least before an answer.
#[derive(Debug)]
pub struct Etcd {
    servers: Vec<Server>,
    /// Where its members answer clients.
    addresses: Vec<SocketAddr>,
    /// The one that led when it was last emptied.
    leader: SocketAddr,
    /// The lease that holds may share.
    lease: i64,
    folders: Vec<TempDir>,
}

impl Etcd {
    /// Starts three members on ports and in folders of their own.
    ///
    /// # Errors
    /// When etcd is not installed, or does not start.
    pub async fn start() -> Result<Self, Missing> {
        let program = installed("etcd", "etcd-server")?;
        let failed = |why| Missing::NotStarted { program: "etcd", why };
        let first = free_ports(&PORTS).map_err(failed)?;
        let ports = PORTS.map(|offset| SocketAddr::from((Ipv4Addr::LOCALHOST, first + offset)));
        let (addresses, peers) = ports.split_at(MEMBERS);
        let named = peers.iter().enumerate();
        let cluster: Vec<String> =
            named.map(|(number, peer)| format!("m{number}=http://{peer}")).collect();
        let (mut servers, mut folders) = (Vec::new(), Vec::new());
        for (number, (address, peer)) in addresses.iter().zip(peers).enumerate() {
            let folder = tempfile::tempdir().map_err(failed)?;
            let (client_url, peer_url) = (format!("http://{address}"), format!("http://{peer}"));
            let mut command = Command::new(&program);
            command.args(["--name", &format!("m{number}"), "--data-dir", "data"]);
            command.args(["--listen-client-urls", &client_url]);
            command.args(["--advertise-client-urls", &client_url]);
            command.args(["--listen-peer-urls", &peer_url]);
            command.args(["--initial-advertise-peer-urls", &peer_url]);
            command.args(["--initial-cluster", &cluster.join(",")]);
            command.args(["--quota-backend-bytes", &QUOTA_BYTES.to_string()]);
            command.args(["--logger", "zap", "--log-level", "error"]);
            servers.push(Server::start(&mut command, folder.path()).map_err(failed)?);
            folders.push(folder);
        }
        // None listens before most of them run.
        for (server, address) in servers.iter_mut().zip(addresses) {
            server.listens(*address).await.map_err(failed)?;
        }
        let (leader, addresses) = (addresses[0], addresses.to_vec());
        let mut started = Self { servers, addresses, leader, lease: 0, folders };
        started.empty().await.map_err(failed)?;
        Ok(started)
    }

    /// Its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(Server::id).collect()
    }

    /// Where its data lie.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.path().to_owned()).collect()
    }

    /// Forgets every hold and every lease, and grants the lease that holds may share from now on.
    ///
    /// # Errors
    /// When no member leads for long, or the one that does cannot.
    pub async fn empty(&mut self) -> io::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        loop {
            // While members are busy or only start, another may come to lead.
            match self.try_empty().await {
                Err(_) if Instant::now() < end => tokio::time::sleep(POLL).await,
                emptied => return emptied,
            }
        }
    }

    async fn try_empty(&mut self) -> io::Result<()> {
        let (leader, channel) = self.find_leader().await?;
        let all = DeleteRangeRequest { key: PREFIX.into(), range_end: BEHIND_PREFIX.into() };
        let _: Nothing = call(&channel, DELETE_RANGE, all).await.map_err(io::Error::other)?;
        let granted: LeaseList =
            call(&channel, LEASES, Nothing {}).await.map_err(io::Error::other)?;
        // A buffer of what is not yet committed is copied for every transaction. It stays as long as it was
        // for the longest batch, here all that was deleted, until a batch has nothing for it.
        tokio::time::sleep(COMMITTED).await;
        // Those that nobody revokes end by themselves, in the middle of what is measured later.
        let revoked = granted.leases.into_iter().map(|lease| revoke(&channel, lease));
        let revoked = futures::stream::iter(revoked).buffer_unordered(REVOKING);
        revoked.try_collect::<()>().await.map_err(io::Error::other)?;
        self.lease = grant(&channel, TTL_S).await.map_err(io::Error::other)?;
        tokio::time::sleep(COMMITTED).await;
        self.leader = leader;
        Ok(())
    }

    async fn find_leader(&self) -> io::Result<(SocketAddr, Channel)> {
        for address in &self.addresses {
            let channel = connect(*address).await?;
            let status: StatusResponse =
                call(&channel, STATUS, Nothing {}).await.map_err(io::Error::other)?;
            let member = status.header.map_or(0, |header| header.member_id);
            if member != 0 && member == status.leader {
                return Ok((*address, channel));
            }
        }
        Err(io::Error::other("no member leads"))
    }

    /// A connection.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn lane(&self, leases: Leases) -> io::Result<EtcdLane> {
        let lease = match leases {
            Leases::Shared => Some(self.lease),
            Leases::PerHold => None,
        };
        let channel = connect(self.leader).await?;
        Ok(EtcdLane { channel, lease, flying: FuturesUnordered::new() })
    }
}

async fn connect(address: SocketAddr) -> io::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(io::Error::other)?;
    endpoint.connect_timeout(START_TIMEOUT).connect().await.map_err(io::Error::other)
}

/// A connection that keeps requests in flight.
pub struct EtcdLane {
    channel: Channel,
    /// The lease of every hold; none when each has its own.
    lease: Option<i64>,
    flying: FuturesUnordered<BoxFuture<'static, io::Result<(u32, Answer)>>>,
}

impl Lane for EtcdLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let (channel, lease, ask) = (self.channel.clone(), self.lease, *ask);
        self.flying.push(Box::pin(async move {
            let answer = match ask.step {
                Step::Hold => hold(&channel, lease, &ask).await,
                Step::Confirm | Step::Release => end(&channel, &ask).await,
            };
            match answer {
                Ok(answer) => Ok((token, answer)),
                // It has a source when it was not etcd that answered.
                Err(status) if status.source().is_none() => Ok((token, Answer::Failed)),
                Err(status) => Err(io::Error::other(status)),
            }
        }));
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        if let Some(first) = self.flying.next().await {
            into.push(first?);
        }
        while let Some(Some(more)) = self.flying.next().now_or_never() {
            into.push(more?);
        }
        Ok(())
    }
}

async fn hold(channel: &Channel, shared: Option<i64>, ask: &Ask) -> Result<Answer, Status> {
    let lease = match shared {
        Some(lease) => lease,
        None => grant(channel, ask.ttl_s).await?,
    };
    let mut transaction = TxnRequest::default();
    for key in keys(ask) {
        transaction.compare.push(Compare {
            target: COMPARE_CREATE_REVISION,
            key: key.clone(),
            create_revision: Some(0),
            ..Compare::default()
        });
        let put = PutRequest { key, value: buyer(ask), lease };
        transaction.success.push(RequestOp { request_put: Some(put), ..RequestOp::default() });
    }
    let done: TxnResponse = call(channel, TXN, transaction).await?;
    Ok(if done.succeeded { Answer::Held } else { Answer::Taken })
}

/// Puts the keys of a hold without its lease, or deletes them, if all of them are still the buyer's.
async fn end(channel: &Channel, ask: &Ask) -> Result<Answer, Status> {
    let mut transaction = TxnRequest::default();
    for key in keys(ask) {
        transaction.compare.push(Compare {
            target: COMPARE_VALUE,
            key: key.clone(),
            value: Some(buyer(ask)),
            ..Compare::default()
        });
        transaction.success.push(match ask.step {
            Step::Release => {
                let delete = DeleteRangeRequest { key, range_end: Vec::new() };
                RequestOp { request_delete_range: Some(delete), ..RequestOp::default() }
            }
            Step::Hold | Step::Confirm => {
                let put = PutRequest { key, value: buyer(ask), lease: 0 };
                RequestOp { request_put: Some(put), ..RequestOp::default() }
            }
        });
    }
    let done: TxnResponse = call(channel, TXN, transaction).await?;
    Ok(if done.succeeded { Answer::Ended } else { Answer::Failed })
}

fn keys(ask: &Ask) -> Vec<Vec<u8>> {
    let trip = ask.trip;
    match ask.legs() {
        None => ask.seats().map(|seat| format!("{PREFIX}{trip}/{seat}").into_bytes()).collect(),
        Some(legs) => {
            let keys = |seat| {
                legs.clone().map(move |leg| format!("{PREFIX}{trip}/{seat}/{leg}").into_bytes())
            };
            ask.seats().flat_map(keys).collect()
        }
    }
}

fn buyer(ask: &Ask) -> Vec<u8> {
    ask.buyer.to_string().into_bytes()
}

async fn grant(channel: &Channel, ttl_s: u32) -> Result<i64, Status> {
    let granted: LeaseGrantResponse =
        call(channel, LEASE_GRANT, LeaseGrantRequest { ttl: ttl_s.into() }).await?;
    Ok(granted.id)
}

async fn revoke(channel: &Channel, lease: LeaseId) -> Result<(), Status> {
    match call::<_, Nothing>(channel, LEASE_REVOKE, lease).await {
        Ok(_) => Ok(()),
        Err(ended) if ended.code() == Code::NotFound => Ok(()),
        Err(status) => Err(status),
    }
}

async fn call<Q, A>(channel: &Channel, method: &'static str, request: Q) -> Result<A, Status>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let answered = async {
        let grpc = Grpc::new(channel.clone());
        let mut grpc = grpc.max_decoding_message_size(MAX_ANSWER_BYTES);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let (method, codec) = (PathAndQuery::from_static(method), ProstCodec::<Q, A>::default());
        Ok(grpc.unary(Request::new(request), method, codec).await?.into_inner())
    };
    let timely = tokio::time::timeout(PATIENCE, answered).await;
    timely.unwrap_or_else(|_| Err(Status::deadline_exceeded("etcd does not answer")))
}

// etcd's interface, as far as it is needed: a part of the fields of `etcdserverpb/rpc.proto`.

const TXN: &str = "/etcdserverpb.KV/Txn";
const DELETE_RANGE: &str = "/etcdserverpb.KV/DeleteRange";
const LEASE_GRANT: &str = "/etcdserverpb.Lease/LeaseGrant";
const LEASE_REVOKE: &str = "/etcdserverpb.Lease/LeaseRevoke";
const LEASES: &str = "/etcdserverpb.Lease/LeaseLeases";
const STATUS: &str = "/etcdserverpb.Maintenance/Status";

/// `Compare.CompareTarget`: the revision that created a key, 0 for one that is not there.
const COMPARE_CREATE_REVISION: i32 = 1;

/// `Compare.CompareTarget`: the value of a key.
const COMPARE_VALUE: i32 = 3;

/// A request without fields, or an answer of which none is read.
#[derive(Clone, PartialEq, prost::Message)]
struct Nothing {}

#[derive(Clone, PartialEq, prost::Message)]
struct Compare {
    /// 0: both are the same.
    #[prost(int32, tag = "1")]
    result: i32,
    #[prost(int32, tag = "2")]
    target: i32,
    #[prost(bytes = "vec", tag = "3")]
    key: Vec<u8>,
    #[prost(int64, optional, tag = "5")]
    create_revision: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "7")]
    value: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
    #[prost(int64, tag = "3")]
    lease: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RequestOp {
    #[prost(message, optional, tag = "2")]
    request_put: Option<PutRequest>,
    #[prost(message, optional, tag = "3")]
    request_delete_range: Option<DeleteRangeRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TxnRequest {
    #[prost(message, repeated, tag = "1")]
    compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    success: Vec<RequestOp>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TxnResponse {
    #[prost(bool, tag = "2")]
    succeeded: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct DeleteRangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    range_end: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LeaseGrantRequest {
    /// In seconds.
    #[prost(int64, tag = "1")]
    ttl: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LeaseGrantResponse {
    #[prost(int64, tag = "2")]
    id: i64,
}

/// `LeaseRevokeRequest`, and `LeaseStatus` in a list.
#[derive(Clone, PartialEq, prost::Message)]
struct LeaseId {
    #[prost(int64, tag = "1")]
    id: i64,
}

/// `LeaseLeasesResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct LeaseList {
    #[prost(message, repeated, tag = "2")]
    leases: Vec<LeaseId>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResponseHeader {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<ResponseHeader>,
    /// The member that leads; 0 while none does.
    #[prost(uint64, tag = "4")]
    leader: u64,
}
