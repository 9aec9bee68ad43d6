//! openraft's own suite for log stores and state machines, on ours: real files, real sled.

use std::path::Path;
use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use tempfile::TempDir;

use crate::disk::RealDisk;
use crate::log_store::LogStore;
use crate::machine::{Committed, Machine, MachineFailed, StateMachine};
use crate::snapshot::{SnapshotStore, SnapshotView, SnapshotWriter};
use crate::types::TypeConfig;
use crate::wal::{Options, Wal};

/// A machine without a state: the suite looks at log ids and memberships only.
struct Nothing;

impl Machine for Nothing {
    async fn apply(&self, _entries: Vec<Committed>) -> Result<(), MachineFailed> {
        Ok(())
    }

    async fn write_snapshot(&self, mut w: SnapshotWriter) -> Result<SnapshotWriter, MachineFailed> {
        w.put(b"key", b"value").map_err(|e| MachineFailed(e.to_string()))?;
        Ok(w)
    }

    fn snapshot_done(&self, _committed: bool) {}

    async fn restore(&self, _view: Option<SnapshotView>) -> Result<(), MachineFailed> {
        Ok(())
    }
}

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine<Nothing>, TempDir> for Builder {
    async fn build(
        &self,
    ) -> Result<(TempDir, LogStore, StateMachine<Nothing>), StorageError<TypeConfig>> {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let (log, machine) = open(dir.path());
        Ok((dir, log, machine))
    }
}

fn open(dir: &Path) -> (LogStore, StateMachine<Nothing>) {
    let options = Options { segment_bytes: 1 << 20, ..Options::default() };
    let (wal, _) =
        Wal::open(Arc::new(RealDisk::new()), &dir.join("wal"), options).expect("a new log opens");
    let (store, _) = SnapshotStore::open(&dir.join("snapshots")).expect("a new store opens");
    let snapshots = store.shard(0, |_| true).expect("a new shard opens");
    (LogStore::new(wal, 0), StateMachine::new(Arc::new(Nothing), snapshots))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openrafts_own_suite_passes() {
    Suite::test_all(Builder).await.expect("every test of the suite passes");
}
