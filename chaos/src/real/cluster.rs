//! A cluster of processes whose every connection goes through the [`Network`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use client_sdk::ids::ShardId;
use client_sdk::{Client, Error, Faults, Options, pb};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::fault::Fault;
use super::machine::Machine;
use super::network::{CLIENTS, Flow, Network, Party};
use super::plan::Plan;
use super::process::Process;
use crate::sim::chance::Chance;

/// How long leaders may take to come about at the first start, and after the faults.
pub(super) const SERVING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a node may take to say how it is.
const STATUS_TIMEOUT: Duration = Duration::from_millis(400);

/// How long a fault waits for the leaders that it wants to meet.
const LEADERS_TIMEOUT: Duration = Duration::from_secs(1);

/// How often something is looked at again that is waited for.
const POLL: Duration = Duration::from_millis(50);

/// A replica that has applied all entries but so many has caught up.
const LAG_ENTRIES: u64 = 32;

/// Ports of nodes, from and to.
const PORTS: (u16, u16) = (10_240, 32_000);

/// Ports that are tried before there are none.
const PORT_TRIES: u32 = 1_000;

/// Size of a segment of the nodes' logs, in MiB: small, so that there are several.
const SEGMENT_MIB: u64 = 1;

/// The cluster.
#[derive(Debug)]
pub struct Cluster {
    processes: BTreeMap<u64, Mutex<Process>>,
    /// What lies between its parts.
    pub network: Arc<Network>,
    shards: u64,
    /// Where the harness reaches each node itself, without a proxy.
    direct: BTreeMap<u64, String>,
    /// Asks nodes how they are.
    inspector: Client,
    /// Has nodes do something, and waits for it.
    operator: Client,
    /// Orders what nodes carry out themselves.
    pub(super) faults: Faults,
}

/// Whose nodes a run is about.
#[derive(Clone, Debug)]
pub enum Site {
    /// Nodes that it starts itself. The program knows the subcommand `node` of `seatgrid`.
    Own(PathBuf),
    /// A staging cluster.
    Staging {
        /// Addresses of some of its nodes.
        endpoints: Vec<String>,
        /// The token of those who may order faults.
        token: String,
    },
}

impl Cluster {
    /// Starts the nodes of a plan, with their files in `dir`, or finds those of a staging cluster, and waits
    /// until every shard has a leader.
    ///
    /// # Errors
    /// When a port, file or process cannot be had, the nodes do not serve in time, or the plan asks for more
    /// than a staging cluster does.
    pub async fn start(plan: &Plan, site: &Site, dir: &Path) -> io::Result<Self> {
        let cluster = match site {
            Site::Own(program) => Self::spawn(plan, program, dir).await?,
            Site::Staging { endpoints, token } => Self::attach(plan, endpoints, token).await?,
        };
        if let Err(why) = cluster.wait_until_led().await {
            let mut said = vec![why];
            for id in cluster.own() {
                said.extend(cluster.process(id).await.ended());
            }
            return Err(io::Error::other(said.join("; ")));
        }
        Ok(cluster)
    }

    async fn spawn(plan: &Plan, program: &Path, dir: &Path) -> io::Result<Self> {
        let ports = free_ports(3 * plan.nodes as usize)?;
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let members: Vec<Member> = (1..=plan.nodes)
            .zip(ports.chunks_exact(3))
            .map(|(id, ports)| Member {
                id,
                client: address(ports[0]),
                peer: address(ports[1]),
                admin: address(ports[2]),
            })
            .collect();
        let network = Network::start(&ways(&members)).await?;
        let token = format!("{:032x}", Chance::new(std::process::id().into()).fork("token").draw());
        let token_file = dir.join("faults.token");
        std::fs::write(&token_file, &token)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut processes = BTreeMap::new();
        for member in &members {
            let config = dir.join(format!("node-{}.toml", member.id));
            std::fs::write(
                &config,
                config_text(plan, &members, member.id, &network, &token_file)?,
            )?;
            let name = format!("node-{}", member.id);
            let machine = Machine::create(&plan.needs(), plan.disk_mib, dir, &name)?;
            let workers = (cores / members.len()).max(1);
            let mut process = Process::new(member.id, program.to_owned(), config, machine, workers);
            process.start()?;
            processes.insert(member.id, Mutex::new(process));
        }
        let direct: BTreeMap<u64, String> =
            members.iter().map(|member| (member.id, format!("http://{}", member.client))).collect();
        let operator = connect(direct.values(), SERVING_TIMEOUT).await?;
        let inspector = connect(direct.values(), STATUS_TIMEOUT).await?;
        let faults = Faults::new(&inspector, &token).map_err(io::Error::other)?;
        let shards = plan.shards;
        Ok(Self { processes, network, shards, direct, inspector, operator, faults })
    }

    async fn attach(plan: &Plan, endpoints: &[String], token: &str) -> io::Result<Self> {
        if let Some(fault) = plan.faults().find(|fault| !fault.is_asked_for()) {
            let allowed = Fault::ALL.iter().filter(|fault| fault.is_asked_for());
            let allowed: Vec<&str> = allowed.map(|fault| fault.name()).collect();
            return Err(io::Error::other(format!(
                "{fault} is done to nodes that the run starts itself; a staging cluster can be asked for {}",
                allowed.join(", ")
            )));
        }
        let operator = connect(endpoints, SERVING_TIMEOUT).await?;
        let topology = operator.topology().await.map_err(io::Error::other)?;
        let nodes = topology.nodes.into_iter().map(|node| (node.node_id, node.endpoint));
        let direct: BTreeMap<u64, String> = nodes.collect();
        let inspector = connect(direct.values(), STATUS_TIMEOUT).await?;
        let faults = Faults::new(&inspector, token).map_err(io::Error::other)?;
        // Whether the token is right is to be known before the first buyer arrives.
        for endpoint in direct.values() {
            faults.list(endpoint).await.map_err(io::Error::other)?;
        }
        let (processes, network) = (BTreeMap::new(), Network::start(&BTreeMap::new()).await?);
        let shards = topology.shard_count.into();
        Ok(Self { processes, network, shards, direct, inspector, operator, faults })
    }

    /// The nodes' numbers.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.direct.keys().copied()
    }

    /// The numbers of those whose processes this run has started.
    pub fn own(&self) -> impl Iterator<Item = u64> + '_ {
        self.processes.keys().copied()
    }

    /// A node's process.
    ///
    /// # Panics
    /// When there is no such node; plans are checked for that.
    pub async fn process(&self, id: u64) -> MutexGuard<'_, Process> {
        self.processes[&id].lock().await
    }

    /// The same, unless somebody else has it.
    #[must_use]
    pub fn process_if_free(&self, id: u64) -> Option<MutexGuard<'_, Process>> {
        self.processes.get(&id)?.try_lock().ok()
    }

    /// Where clients reach the nodes, through the network.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        let proxied = |id| Some(format!("http://{}", self.network.address(CLIENTS, id)?));
        self.ids().map(|id| proxied(id).unwrap_or_else(|| self.direct(id).to_owned())).collect()
    }

    /// Where the harness reaches a node, past the network.
    ///
    /// # Panics
    /// When there is no such node.
    #[must_use]
    pub fn direct(&self, id: u64) -> &str {
        &self.direct[&id]
    }

    /// What every node says about itself, without those that do not answer.
    pub async fn statuses(&self) -> BTreeMap<u64, pb::GetStatusResponse> {
        let ask = |(&id, endpoint): (&u64, &String)| {
            let (inspector, endpoint) = (self.inspector.clone(), endpoint.clone());
            async move { (id, inspector.status(&endpoint).await) }
        };
        let answers = futures::future::join_all(self.direct.iter().map(ask)).await;
        answers.into_iter().filter_map(|(id, status)| Some((id, status.ok()?))).collect()
    }

    /// The leader of every shard that has one: of several who think so the one of the latest term.
    pub async fn leaders(&self) -> BTreeMap<u32, u64> {
        let mut leaders: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (id, status) in self.statuses().await {
            for replica in status.replicas.iter().filter(|replica| replica.role == "leader") {
                let found = leaders.entry(replica.shard).or_default();
                *found = (*found).max((replica.term, id));
            }
        }
        leaders.into_iter().map(|(shard, (_, id))| (shard, id)).collect()
    }

    /// The same, asked again for a while as long as a shard has none that is known.
    pub async fn leaders_soon(&self) -> BTreeMap<u32, u64> {
        let deadline = Instant::now() + LEADERS_TIMEOUT;
        loop {
            let leaders = self.leaders().await;
            if leaders.len() as u64 == self.shards || Instant::now() >= deadline {
                return leaders;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until every node answers and every shard has a leader; says what is missing if that takes
    /// too long.
    ///
    /// # Errors
    /// What is still missing.
    pub async fn wait_until_led(&self) -> Result<(), String> {
        let deadline = Instant::now() + SERVING_TIMEOUT;
        loop {
            let (statuses, leaders) = (self.statuses().await, self.leaders().await);
            if statuses.len() == self.direct.len() && leaders.len() as u64 == self.shards {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let (up, led) = (statuses.len(), leaders.len());
                let (nodes, shards) = (self.direct.len(), self.shards);
                return Err(format!(
                    "after {SERVING_TIMEOUT:?} {up} of {nodes} nodes answer and {led} of {shards} \
                     shards have a leader"
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Has one node write its snapshots.
    ///
    /// # Errors
    /// What the node says.
    pub async fn snapshot(&self, id: u64) -> Result<(), Error> {
        self.operator.snapshot_now(self.direct(id)).await.map(drop)
    }

    /// Has a shard handed over.
    ///
    /// # Errors
    /// What its leader says.
    pub async fn hand_over(&self, shard: u32) -> Result<(), Error> {
        self.operator.transfer_leader(ShardId::new(shard), None).await
    }

    /// Whether every replica of every shard is about as far as its leader.
    pub async fn is_caught_up(&self) -> bool {
        let statuses = self.statuses().await;
        let mut applied: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for replica in statuses.values().flat_map(|status| &status.replicas) {
            applied.entry(replica.shard).or_default().push(replica.applied_index);
        }
        let close = |at: &Vec<u64>| {
            at.iter().max().copied().unwrap_or(0) - at.iter().min().copied().unwrap_or(0)
                <= LAG_ENTRIES
        };
        statuses.len() == self.direct.len() && applied.values().all(close)
    }

    /// Kills every node.
    pub async fn kill(&self) {
        for id in self.own() {
            // One that does not run need not be killed.
            let _ = self.process(id).await.kill().await;
        }
    }
}

/// One node's addresses.
struct Member {
    id: u64,
    client: SocketAddr,
    peer: SocketAddr,
    admin: SocketAddr,
}

async fn connect<A: AsRef<str>>(
    endpoints: impl IntoIterator<Item = A>,
    deadline: Duration,
) -> io::Result<Client> {
    let options = Options::default().deadline(deadline);
    Client::connect(endpoints, options).await.map_err(io::Error::other)
}

/// Who dials whom: every node its peers, and clients every node.
fn ways(members: &[Member]) -> BTreeMap<Flow, SocketAddr> {
    let mut ways = BTreeMap::new();
    for to in members {
        ways.insert((CLIENTS, to.id), to.client);
        for from in members.iter().filter(|from| from.id != to.id) {
            ways.insert((from.id, to.id), to.peer);
        }
    }
    ways
}

/// The configuration of one node: every way to another leads through the network.
fn config_text(
    plan: &Plan,
    members: &[Member],
    me: u64,
    network: &Network,
    token_file: &Path,
) -> io::Result<String> {
    let way = |from: Party, to: Party| {
        network.address(from, to).ok_or_else(|| io::Error::other(format!("no way {from}→{to}")))
    };
    let mut text = format!(
        "[storage]\nsegment_mib = {SEGMENT_MIB}\nsnapshot_after_mib = {}\n[trips]\n\
         passivate_after_s = 2\n[faults]\nenabled = true\ntoken_file = {token_file:?}\n\
         [cluster]\nid = \"chaos\"\nshards = {}\n",
        plan.snapshot_after_mib, plan.shards
    );
    for Member { id, client, peer, admin } in members {
        let via = way(CLIENTS, *id)?;
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "[[cluster.nodes]]\nid = {id}\nclient = \"{client}\"\npeer = \"{peer}\"\n\
             admin = \"{admin}\"\nclient_via = \"{via}\"\n"
        );
        if *id != me {
            let _ = writeln!(text, "peer_via = \"{}\"", way(me, *id)?);
        }
    }
    Ok(text)
}

/// Ports that nobody listens on, below those that the system gives to connections: one of these could be
/// taken while its node is down.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let mut chance = Chance::new(std::process::id().into()).fork("ports");
    let mut listeners = Vec::new();
    for _ in 0..PORT_TRIES {
        let port = chance.between(PORTS.0.into(), PORTS.1.into()) as u16;
        listeners.extend(TcpListener::bind(("127.0.0.1", port)).map(|listener| (port, listener)));
        if listeners.len() == count {
            return Ok(listeners.iter().map(|(port, _)| *port).collect());
        }
    }
    Err(io::Error::other(format!("no {count} free ports in {PORT_TRIES} tries")))
}
