//! Whose data directory this is: a directory of another node or cluster is refused.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// File in the data directory.
const FILE: &str = "IDENTITY.toml";

/// Who wrote a data directory.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cluster_id: String,
    pub(crate) node_id: u64,
    pub(crate) shards: u32,
}

impl Identity {
    /// Takes a new directory, or checks that an old one is this node's.
    pub(crate) fn claim(&self, dir: &Path) -> Result<(), String> {
        let path = dir.join(FILE);
        let shown = path.display();
        match fs::read_to_string(&path) {
            Ok(text) => {
                let found: Self = toml::from_str(&text).map_err(|e| format!("{shown}: {e}"))?;
                if found == *self {
                    return Ok(());
                }
                Err(format!(
                    "{shown} says node {} of cluster {:?} with {} shards, the configuration says \
                     node {} of {:?} with {}",
                    found.node_id,
                    found.cluster_id,
                    found.shards,
                    self.node_id,
                    self.cluster_id,
                    self.shards
                ))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                self.write(dir, &path).map_err(|e| format!("{shown}: {e}"))
            }
            Err(e) => Err(format!("{shown}: {e}")),
        }
    }

    fn write(&self, dir: &Path, path: &Path) -> std::io::Result<()> {
        fs::create_dir_all(dir)?;
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        let mut file = fs::File::create(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::File::open(dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_another_node_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mine = Identity { cluster_id: "c".into(), node_id: 1, shards: 8 };
        mine.claim(dir.path()).unwrap();
        mine.claim(dir.path()).unwrap();
        let other = Identity { cluster_id: "c".into(), node_id: 2, shards: 8 };
        assert!(other.claim(dir.path()).unwrap_err().contains("says node 1"));
    }
}
