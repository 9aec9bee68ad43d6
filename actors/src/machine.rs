//! The door through which the log reaches a shard's actor.

use std::sync::Arc;

use ractor::ActorRef;
use raft::snapshot::{SnapshotView, SnapshotWriter};
use raft::{Committed, Machine, MachineFailed, runtime};
use tokio::sync::oneshot;

use crate::ids::{LogPosition, Timestamp, TripId};
use crate::record::{self, Passive, TripRecord};
use crate::seat_map::{Layout, SeatMap};
use crate::shard::ShardMessage;

/// A [`Machine`] whose state is a shard's actor.
pub struct ShardMachine {
    actor: ActorRef<ShardMessage>,
}

/// What a shard starts from.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) newest: Timestamp,
    /// The index of the newest command in any trip: records may be newer than the snapshot says.
    pub(crate) upto: u64,
    pub(crate) layouts: Vec<Arc<Layout>>,
    pub(crate) trips: Vec<(TripId, RestoredTrip)>,
}

impl Restored {
    fn saw(&mut self, position: LogPosition) {
        self.upto = self.upto.max(position.index().get());
    }
}

/// A trip as its record has it.
pub(crate) enum RestoredTrip {
    /// It stays passive.
    Passive(Passive),
    /// It has live holds: their expiry must be looked after.
    Active(Box<SeatMap>),
    /// It is fenced.
    Fenced(Box<str>),
}

impl ShardMachine {
    /// The machine of a shard's actor.
    pub(crate) fn new(actor: ActorRef<ShardMessage>) -> Self {
        Self { actor }
    }

    /// Sends the actor a message and waits for its answer.
    async fn call<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> ShardMessage,
    ) -> Result<T, MachineFailed> {
        let gone = || MachineFailed("the shard's actor has stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        self.actor.cast(message(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

impl Machine for ShardMachine {
    async fn apply(&self, entries: Vec<Committed>) -> Result<(), MachineFailed> {
        self.call(|reply| ShardMessage::Apply(entries, reply)).await?
    }

    async fn write_snapshot(
        &self,
        mut writer: SnapshotWriter,
    ) -> Result<SnapshotWriter, MachineFailed> {
        let mut from = 0;
        loop {
            let step = self.call(|reply| ShardMessage::TakeRecords { from, reply }).await?;
            let (records, next) = (step.records, step.next);
            let put = runtime::blocking(move || {
                let put = |(key, value): &(Vec<u8>, Vec<u8>)| writer.put(key, value);
                records.iter().try_for_each(put).map(|()| writer)
            });
            let put = put.await.map_err(|e| MachineFailed(e.to_string()))?;
            writer = put.map_err(|e| MachineFailed(e.to_string()))?;
            match next {
                Some(next) => from = next,
                None => return Ok(writer),
            }
        }
    }

    fn snapshot_done(&self, committed: bool) {
        // When the actor has gone there is nothing to tell.
        let _ = self.actor.cast(ShardMessage::SnapshotDone { committed });
    }

    async fn restore(&self, view: Option<SnapshotView>) -> Result<(), MachineFailed> {
        let read = runtime::blocking(move || view.map_or(Ok(Restored::default()), read));
        let restored = read.await.map_err(|e| MachineFailed(e.to_string()))??;
        self.call(|reply| ShardMessage::Restore(Box::new(restored), reply)).await
    }
}

/// Reads every record of a snapshot.
fn read(view: SnapshotView) -> Result<Restored, MachineFailed> {
    let failed = |why: String| MachineFailed(format!("a snapshot cannot be used: {why}"));
    let mut restored = Restored::default();
    let mut busy = Vec::new();
    for item in view.records() {
        let (key, value) = item.map_err(|e| failed(e.to_string()))?;
        match key.split_first() {
            Some((b't', id)) => {
                let id = std::str::from_utf8(id).ok().and_then(|id| TripId::new(id).ok());
                let id = id.ok_or_else(|| failed("a trip id is not valid".into()))?;
                match record::decode_trip(&value).map_err(|e| failed(e.0))? {
                    TripRecord::Fenced(why) => {
                        restored.trips.push((id, RestoredTrip::Fenced(why.into())));
                    }
                    TripRecord::Map { passive, idle: true, .. } => {
                        restored.saw(passive.position);
                        restored.trips.push((id, RestoredTrip::Passive(passive)));
                    }
                    TripRecord::Map { map, .. } => busy.push((id, map.to_vec())),
                }
            }
            Some((b'l', _)) => {
                let layout = record::decode_layout(&value).map_err(|e| failed(e.0))?;
                restored.layouts.push(Arc::new(layout));
            }
            _ => restored.newest = record::decode_shard(&value).map_err(|e| failed(e.0))?,
        }
    }
    for (id, bytes) in busy {
        let layout = |digest| restored.layouts.iter().find(|l| l.digest() == digest).cloned();
        let map = record::decode_map(&bytes, &layout).map_err(|e| failed(e.0))?;
        restored.saw(map.position());
        restored.trips.push((id, RestoredTrip::Active(Box::new(map))));
    }
    Ok(restored)
}
