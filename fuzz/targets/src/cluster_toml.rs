//! `cluster.toml`.
//!
//! A file that is refused is refused with a line that it has and with a reason. One that is accepted can
//! be asked for each of its nodes.

use std::path::Path;

use node::Config;

use crate::Seed;

/// Reads a configuration.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::parse(Path::new("cluster.toml"), text) {
        Ok(config) => {
            let nodes = &config.cluster.nodes;
            assert!(!nodes.is_empty() && config.peers().len() == nodes.len());
            assert!(nodes.iter().all(|node| config.member(*node.id.get_ref()).is_some()));
            let _ = config.passivate_after();
        }
        Err(error) => {
            assert!(error.line <= text.split('\n').count(), "line {}", error.line);
            assert!(!error.reason.is_empty() && !error.to_string().is_empty());
        }
    }
}

/// The file of the repository, and a small one.
pub fn seeds() -> Vec<Seed> {
    let whole = include_bytes!("../../../cluster.toml").to_vec();
    let small = "[cluster]\nid = \"a\"\nshards = 3\n[[cluster.nodes]]\nid = 1\nclient = \"[::1]:1\"\n\
                 peer = \"127.0.0.1:2\"\nadmin = \"127.0.0.1:3\"\n[raft]\nheartbeat_ms = 50\n\
                 [storage]\nsegment_mib = 64\n[trips]\npassivate_after_s = 60\n[telemetry]\n\
                 log_format = \"json\"\n";
    vec![("repository", whole), ("small", small.into())]
}
