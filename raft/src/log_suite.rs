//! openraft's own suite for log stores and state machines, on ours: real files, real sled.

use std::path::Path;
use std::sync::Arc;

use openraft::entry::RaftEntry as _;
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _, RaftStateMachine as _};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{Membership, StorageError, StorageHelper};
use tempfile::TempDir;

use crate::codec;
use crate::disk::RealDisk;
use crate::log_store::LogStore;
use crate::machine::{Committed, Machine, MachineFailed, StateMachine};
use crate::snapshot::{Manifest, ShardSnapshots, SnapshotStore, SnapshotView, SnapshotWriter};
use crate::types::{Entry, TypeConfig, log_id};
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
    let (log, snapshots) = open_stores(dir);
    (log, StateMachine::new(Arc::new(Nothing), snapshots))
}

fn open_stores(dir: &Path) -> (LogStore, ShardSnapshots) {
    let options = Options { segment_bytes: 1 << 20, ..Options::default() };
    let (wal, _) =
        Wal::open(Arc::new(RealDisk::new()), &dir.join("wal"), options).expect("a new log opens");
    let (store, _) = SnapshotStore::open(&dir.join("snapshots")).expect("a new store opens");
    let snapshots = store.shard(0, |_| true).expect("a new shard opens");
    (LogStore::new(wal, 0), snapshots)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openrafts_own_suite_passes() {
    Suite::test_all(Builder).await.expect("every test of the suite passes");
}

/// A deposed leader was sent a snapshot and stopped before it dropped what nobody else has.
#[tokio::test]
async fn a_stored_snapshot_outweighs_entries_that_it_contradicts() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let (mut log, snapshots) = open_stores(dir.path());
    let entries = (0..=5).map(|index| Entry::new_blank(log_id(1, 1, index)));
    log.blocking_append(entries).await.expect("entries are appended");
    let last = log_id(2, 2, 3);
    let manifest = Manifest {
        last: Some(codec::log_id_to_wire(last)),
        membership_at: None,
        membership: codec::encode_membership(&Membership::default()),
    };
    snapshots
        .begin()
        .await
        .expect("its turn")
        .commit(manifest)
        .await
        .expect("a snapshot is stored");
    let mut machine = StateMachine::new(Arc::new(Nothing), snapshots);
    let refused = StorageHelper::new(&mut log, &mut machine).with_id(1).get_initial_state().await;
    assert!(refused.is_err(), "openraft starts from both: nothing needs to be dropped any more");
    log.agree_with(last).await.expect("the log can be written");
    let state = StorageHelper::new(&mut log, &mut machine).with_id(1).get_initial_state().await;
    state.expect("openraft starts");
    assert_eq!(machine.applied_state().await.expect("it stands").0, Some(last));
    assert_eq!(log.get_log_state().await.expect("it is readable").last_log_id, Some(last));
}

#[tokio::test]
async fn a_stored_snapshot_leaves_entries_that_follow_it() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let (mut log, _) = open_stores(dir.path());
    let entries = (0..=5).map(|index| Entry::new_blank(log_id(1, 1, index)));
    log.blocking_append(entries).await.expect("entries are appended");
    for index in [3, 5, 9] {
        log.agree_with(log_id(1, 1, index)).await.expect("the log can be read");
    }
    let state = log.get_log_state().await.expect("it is readable");
    assert_eq!(state.last_log_id, Some(log_id(1, 1, 5)));
}
