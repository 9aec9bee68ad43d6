//! `cluster.toml`: every key has a default but the nodes; unknown keys and settings that contradict each
//! other are refused with their line.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proto::ring::MAX_SHARDS;
use serde::Deserialize;
use toml::Spanned;

/// Why a configuration cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// Its line, counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path.display(), self.reason),
            line => write!(f, "{}:{line}: {}", self.path.display(), self.reason),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The settings of a cluster: the same file on every node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What all nodes share.
    pub cluster: Cluster,
    /// Consensus.
    #[serde(default)]
    pub raft: Raft,
    /// What lies on disk.
    #[serde(default)]
    pub storage: Storage,
    /// What is taken of the memory.
    #[serde(default)]
    pub memory: Memory,
    /// Trips in memory.
    #[serde(default)]
    pub trips: Trips,
    /// What the node tells about itself.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// What may be ordered to go wrong.
    #[serde(default)]
    pub faults: Faults,
}

/// `[cluster]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Name of the cluster. Nodes of another name are not talked to.
    pub id: String,
    /// Shards, fixed when the cluster is founded.
    #[serde(default = "default_shards")]
    pub shards: Spanned<u32>,
    /// `[[cluster.nodes]]`: at least one.
    pub nodes: Vec<Member>,
}

/// `[[cluster.nodes]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The node's number: at least 1, never used again.
    pub id: Spanned<u64>,
    /// Address for clients.
    pub client: Spanned<SocketAddr>,
    /// Address for the other nodes.
    pub peer: Spanned<SocketAddr>,
    /// Address for metrics and health.
    pub admin: Spanned<SocketAddr>,
    /// Where clients are told to reach it, when that is not `client`: behind a proxy.
    pub client_via: Option<SocketAddr>,
    /// Where this node dials it, when that is not `peer`: behind a proxy.
    pub peer_via: Option<SocketAddr>,
}

/// `[raft]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raft {
    /// A leader speaks at least so often, in milliseconds.
    pub heartbeat_ms: Spanned<u64>,
    /// Shortest wait of a follower before it stands for election, in milliseconds.
    pub election_timeout_min_ms: Spanned<u64>,
    /// Longest wait, in milliseconds. It is the length of a leader's lease, too.
    pub election_timeout_max_ms: Spanned<u64>,
}

/// `[storage]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// Size of a segment of the write-ahead log, in MiB.
    pub segment_mib: Spanned<u32>,
    /// Log entries kept in memory, in MiB.
    pub log_cache_mib: Spanned<u32>,
    /// A node writes snapshots after so much new log, in MiB.
    pub snapshot_after_mib: Spanned<u32>,
}

/// `[memory]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// So much is taken when the node starts, in MiB: memory that is touched for the first time is slow.
    pub reserve_mib: Spanned<u32>,
}

/// `[trips]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trips {
    /// An idle trip leaves the memory after so long, in seconds.
    pub passivate_after_s: Spanned<u64>,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged: the syntax of `RUST_LOG`, which overrides it.
    pub log_filter: String,
}

/// `[faults]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Whether faults may be ordered at all.
    pub enabled: Spanned<bool>,
    /// The file of the token that whoever orders one has to know.
    pub token_file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

fn plain<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn default_shards() -> Spanned<u32> {
    plain(8)
}

impl Default for Raft {
    fn default() -> Self {
        Self {
            heartbeat_ms: plain(25),
            election_timeout_min_ms: plain(75),
            election_timeout_max_ms: plain(125),
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self { segment_mib: plain(64), log_cache_mib: plain(64), snapshot_after_mib: plain(128) }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { reserve_mib: plain(256) }
    }
}

impl Default for Trips {
    fn default() -> Self {
        Self { passivate_after_s: plain(60) }
    }
}

/// A heartbeat that one follower did not answer in time is no news: the next one follows at once.
const DEFAULT_LOG_FILTER: &str = "info,openraft=warn,openraft::core::heartbeat=error,ractor=warn";

impl Default for Telemetry {
    fn default() -> Self {
        Self { log_format: LogFormat::Text, log_filter: DEFAULT_LOG_FILTER.into() }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self { enabled: plain(false), token_file: None }
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read, does not parse, has unknown keys, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError {
            path: path.to_owned(),
            line: 0,
            reason: format!("cannot be read: {e}"),
        })?;
        Self::parse(path, &text)
    }

    /// Parses and checks the text of a file.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let error = |span: Option<Range<usize>>, reason: String| {
            let line = span.map_or(0, |span| line_of(text, span.start));
            ConfigError { path: path.to_owned(), line, reason }
        };
        let config: Self =
            toml::from_str(text).map_err(|e| error(e.span(), e.message().to_owned()))?;
        let checked = config.check().map_err(|(span, reason)| error(Some(span), reason));
        checked.map(|()| config)
    }

    /// The member of this number.
    #[must_use]
    pub fn member(&self, id: u64) -> Option<&Member> {
        self.cluster.nodes.iter().find(|node| *node.id.get_ref() == id)
    }

    /// The peer addresses of all nodes.
    #[must_use]
    pub fn peers(&self) -> BTreeMap<u64, String> {
        let peer = |node: &Member| (*node.id.get_ref(), format!("http://{}", node.peer.get_ref()));
        self.cluster.nodes.iter().map(peer).collect()
    }

    /// The address that clients are told, of all nodes.
    #[must_use]
    pub fn endpoints(&self) -> BTreeMap<u64, String> {
        let endpoint = |node: &Member| {
            let address = node.client_via.unwrap_or(*node.client.get_ref());
            (*node.id.get_ref(), format!("http://{address}"))
        };
        self.cluster.nodes.iter().map(endpoint).collect()
    }

    /// Where this node dials a peer, by the peer's address as all nodes know it; only where the two differ.
    #[must_use]
    pub fn detours(&self) -> BTreeMap<String, String> {
        let detour = |node: &Member| {
            let via = node.peer_via?;
            Some((format!("http://{}", node.peer.get_ref()), format!("http://{via}")))
        };
        self.cluster.nodes.iter().filter_map(detour).collect()
    }

    /// How long an idle trip stays in memory.
    #[must_use]
    pub fn passivate_after(&self) -> Duration {
        Duration::from_secs(*self.trips.passivate_after_s.get_ref())
    }

    /// The inequalities between settings.
    fn check(&self) -> Result<(), (Range<usize>, String)> {
        let within = |value: &Spanned<u64>, name: &str, range: Range<u64>| {
            let found = *value.get_ref();
            if range.contains(&found) {
                return Ok(());
            }
            let (min, max) = (range.start, range.end - 1);
            Err((value.span(), format!("{name} is {found}, {min} to {max} are allowed")))
        };
        let wide = |value: &Spanned<u32>| Spanned::new(value.span(), u64::from(*value.get_ref()));
        let shards = wide(&self.cluster.shards);
        within(&shards, "cluster.shards", 1..u64::from(MAX_SHARDS) + 1)?;
        within(&self.raft.heartbeat_ms, "raft.heartbeat_ms", 5..10_001)?;
        within(&self.raft.election_timeout_max_ms, "raft.election_timeout_max_ms", 30..60_001)?;
        within(&wide(&self.storage.segment_mib), "storage.segment_mib", 1..1_025)?;
        within(&wide(&self.storage.log_cache_mib), "storage.log_cache_mib", 1..65_537)?;
        within(&wide(&self.storage.snapshot_after_mib), "storage.snapshot_after_mib", 1..65_537)?;
        within(&wide(&self.memory.reserve_mib), "memory.reserve_mib", 0..1_048_577)?;
        within(&self.trips.passivate_after_s, "trips.passivate_after_s", 1..86_401)?;
        if *self.faults.enabled.get_ref() && self.faults.token_file.is_none() {
            let reason = "faults.token_file is missing: faults are ordered with a token";
            return Err((self.faults.enabled.span(), reason.to_owned()));
        }
        self.check_timeouts()?;
        self.check_members()
    }

    fn check_timeouts(&self) -> Result<(), (Range<usize>, String)> {
        let (heartbeat, min) = (&self.raft.heartbeat_ms, &self.raft.election_timeout_min_ms);
        let max = &self.raft.election_timeout_max_ms;
        if *min.get_ref() < 3 * heartbeat.get_ref() {
            let reason = format!(
                "raft.election_timeout_min_ms is {}, at least 3 heartbeats ({} ms) are needed",
                min.get_ref(),
                3 * heartbeat.get_ref()
            );
            return Err((min.span(), reason));
        }
        if max.get_ref() <= min.get_ref() {
            let reason = format!(
                "raft.election_timeout_max_ms is {}, it must be greater than \
                 raft.election_timeout_min_ms ({})",
                max.get_ref(),
                min.get_ref()
            );
            return Err((max.span(), reason));
        }
        Ok(())
    }

    fn check_members(&self) -> Result<(), (Range<usize>, String)> {
        if self.cluster.nodes.is_empty() {
            return Err((0..0, "cluster.nodes is empty, at least one node is needed".into()));
        }
        let mut ids = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for node in &self.cluster.nodes {
            let id = *node.id.get_ref();
            if id == 0 {
                return Err((node.id.span(), "a node's id is at least 1".into()));
            }
            if ids.insert(id, ()).is_some() {
                return Err((node.id.span(), format!("node id {id} is used twice")));
            }
            for address in [&node.client, &node.peer, &node.admin] {
                if addresses.insert(*address.get_ref(), ()).is_some() {
                    let reason = format!("address {} is used twice", address.get_ref());
                    return Err((address.span(), reason));
                }
            }
        }
        Ok(())
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: &str = "[[cluster.nodes]]\nid = 1\nclient = \"127.0.0.1:1\"\n\
                        peer = \"127.0.0.1:2\"\nadmin = \"127.0.0.1:3\"\n";

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("c.toml"), text).map_err(|e| e.to_string())
    }

    #[test]
    fn the_file_in_the_repository_is_valid_and_states_the_defaults() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster.toml");
        let config = Config::read(&path).unwrap();
        let default = Raft::default();
        assert_eq!(config.raft.heartbeat_ms.get_ref(), default.heartbeat_ms.get_ref());
        assert_eq!(
            config.raft.election_timeout_max_ms.get_ref(),
            default.election_timeout_max_ms.get_ref()
        );
        let storage = Storage::default();
        assert_eq!(config.storage.segment_mib.get_ref(), storage.segment_mib.get_ref());
        assert_eq!(
            config.storage.snapshot_after_mib.get_ref(),
            storage.snapshot_after_mib.get_ref()
        );
        let memory = Memory::default();
        assert_eq!(config.memory.reserve_mib.get_ref(), memory.reserve_mib.get_ref());
        assert_eq!(config.cluster.shards.get_ref(), default_shards().get_ref());
        assert_eq!(config.telemetry.log_filter, Telemetry::default().log_filter);
    }

    #[test]
    fn a_node_behind_a_proxy_is_told_and_dialled_by_another_address() {
        let proxied = "client_via = \"127.0.0.1:8\"\npeer_via = \"127.0.0.1:9\"\n";
        let config = parse(&format!("[cluster]\nid = \"a\"\n{NODE}{proxied}")).unwrap();
        assert_eq!(config.endpoints()[&1], "http://127.0.0.1:8");
        assert_eq!(config.peers()[&1], "http://127.0.0.1:2", "what all nodes agree on");
        assert_eq!(config.detours()["http://127.0.0.1:2"], "http://127.0.0.1:9");
        let plain = parse(&format!("[cluster]\nid = \"a\"\n{NODE}")).unwrap();
        assert_eq!(plain.endpoints()[&1], "http://127.0.0.1:1");
        assert!(plain.detours().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            ("[cluster]\nid = \"a\"\nshard = 3\n", 3, "unknown field `shard`"),
            ("[cluster]\nid = \"a\"\nshards = 0\n", 3, "1 to 4096 are allowed"),
            (
                "[raft]\nheartbeat_ms = 100\nelection_timeout_min_ms = 200\n[cluster]\nid = \"a\"\n",
                3,
                "at least 3 heartbeats",
            ),
            ("[faults]\nenabled = true\n[cluster]\nid = \"a\"\n", 2, "token_file is missing"),
            (
                "[raft]\nelection_timeout_max_ms = 75\n[cluster]\nid = \"a\"\n",
                2,
                "must be greater than",
            ),
        ];
        for (text, line, reason) in cases {
            let error = parse(&format!("{text}{NODE}")).unwrap_err();
            assert!(error.starts_with(&format!("c.toml:{line}: ")), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        let twice = format!("[cluster]\nid = \"a\"\n{NODE}{NODE}");
        assert!(parse(&twice).unwrap_err().contains("c.toml:9: node id 1 is used twice"));
    }
}
