//! A snapshot of the own state beside one that came from a peer.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;
use openraft::Membership;

use super::*;
use crate::snapshot::SnapshotStore;
use crate::types::log_id;

/// A machine that is one number.
#[derive(Default)]
struct Number(AtomicU64);

impl Machine for Number {
    async fn apply(&self, _entries: Vec<Committed>) -> Result<(), MachineFailed> {
        Ok(())
    }

    async fn write_snapshot(&self, mut w: SnapshotWriter) -> Result<SnapshotWriter, MachineFailed> {
        let number = self.0.load(Ordering::Relaxed).to_be_bytes();
        w.put(b"number", &number).map_err(|e| MachineFailed(e.to_string())).map(|()| w)
    }

    fn snapshot_done(&self, _committed: bool) {}

    async fn restore(&self, view: Option<SnapshotView>) -> Result<(), MachineFailed> {
        let stored = view.and_then(|view| view.records().next()).expect("a record");
        let (_, number) = stored.map_err(|e| MachineFailed(e.to_string()))?;
        let number = number.try_into().map_err(|_| MachineFailed("no number".into()))?;
        self.0.store(u64::from_be_bytes(number), Ordering::Relaxed);
        Ok(())
    }
}

fn snapshots(dir: &tempfile::TempDir) -> ShardSnapshots {
    let (store, _) = SnapshotStore::open(dir.path()).expect("a new store opens");
    store.shard(0, |_| true).expect("a new shard opens")
}

/// What a peer sends: the number 47, at entry 47.
fn write_peers(writer: &mut SnapshotWriter) -> Manifest {
    writer.put(b"number", &47_u64.to_be_bytes()).expect("a record is written");
    Manifest {
        last: Some(codec::log_id_to_wire(log_id(1, 1, 47))),
        membership_at: None,
        membership: codec::encode_membership(&Membership::default()),
    }
}

fn stored(snapshots: &ShardSnapshots) -> (Option<u64>, u64) {
    let last = snapshots.current().expect("a snapshot").manifest().last.map(|id| id.index);
    let number = snapshots.get(b"number").expect("a store").expect("a record");
    (last, u64::from_be_bytes(number.try_into().expect("a number")))
}

/// Begun while a peer's snapshot arrived, it wrote the state from before over it.
#[tokio::test]
async fn an_own_snapshot_waits_until_a_peers_is_installed() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let snapshots = snapshots(&dir);
    let mut machine = StateMachine::new(Arc::new(Number::default()), snapshots.clone());
    let mut builder = machine.get_snapshot_builder().await;

    let mut writer = snapshots.begin().await.expect("its turn");
    let mut own = Box::pin(builder.build_snapshot());
    assert!(own.as_mut().now_or_never().is_none(), "somebody else is writing");
    let manifest = write_peers(&mut writer);
    let view = writer.stage(manifest).await.expect("it is staged");
    assert!(own.as_mut().now_or_never().is_none(), "what is staged is not installed");
    let peers = open_view(view).expect("a snapshot");
    machine.install_snapshot(&peers.meta, peers.snapshot).await.expect("it is installed");
    assert_eq!(stored(&snapshots), (Some(47), 47));

    let own = own.await.expect("it is written");
    assert_eq!(own.meta.last_log_id, Some(log_id(1, 1, 47)));
    assert_eq!((own.snapshot.generation(), stored(&snapshots)), (2, (Some(47), 47)));
}

/// openraft does not install every snapshot that it is given: the state here may be newer than it, and the
/// store has the newest record of what was not changed since.
#[tokio::test]
async fn a_peers_snapshot_that_is_not_installed_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let snapshots = snapshots(&dir);
    let number = Arc::new(Number::default());
    number.0.store(48, Ordering::Relaxed);
    let mut machine = StateMachine::new(number, snapshots.clone());
    let mut builder = machine.get_snapshot_builder().await;
    builder.build_snapshot().await.expect("it is written");

    let mut writer = snapshots.begin().await.expect("its turn");
    let manifest = write_peers(&mut writer);
    drop(writer.stage(manifest).await.expect("it is staged"));

    assert_eq!(stored(&snapshots), (None, 48));
    let own = builder.build_snapshot().await.expect("it is written");
    assert_eq!((own.snapshot.generation(), stored(&snapshots)), (2, (None, 48)));
}
