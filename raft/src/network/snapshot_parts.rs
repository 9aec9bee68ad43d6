//! A snapshot on its way to a peer, in parts.

use proto::limits::MAX_DECODED_LIST_BYTES;
use proto::pb;
use proto::pb::install_snapshot_request::Part;
use tokio::sync::mpsc;

use crate::codec;
use crate::mutant::{Mutant, planted};
use crate::runtime;
use crate::snapshot::{SnapshotView, ViewIter};
use crate::types::Vote;

/// Records of a snapshot sent in one message, in bytes of keys and values.
const SNAPSHOT_PART_BYTES: usize = 1 << 20;

const _: () = {
    // The smallest record: a key and a value of a byte each.
    let records = SNAPSHOT_PART_BYTES / 2;
    assert!(records * size_of::<pb::SnapshotRecord>() <= MAX_DECODED_LIST_BYTES);
};

/// Parts of a snapshot read ahead of the network.
const SNAPSHOT_PARTS_QUEUED: usize = 4;

/// Header first, then the records in parts of about [`SNAPSHOT_PART_BYTES`]. A snapshot that cannot be
/// read to its end is sent without its end mark, and the peer refuses it.
pub(super) fn send_snapshot(
    envelope: pb::Envelope,
    vote: Vote,
    view: SnapshotView,
) -> mpsc::Receiver<pb::InstallSnapshotRequest> {
    let (parts, queue) = mpsc::channel(SNAPSHOT_PARTS_QUEUED);
    let header = Part::Header(header(envelope, vote, &view));
    let all = std::iter::once(header).chain(Parts { records: Some(view.records()) });
    let mut all = all.map(|part| pb::InstallSnapshotRequest { part: Some(part) });
    // Sending fails once the peer has hung up: it says why in its answer.
    if runtime::is_simulated() {
        tokio::spawn(async move {
            while let Some(part) = all.next()
                && parts.send(part).await.is_ok()
            {}
        });
    } else {
        tokio::task::spawn_blocking(move || all.try_for_each(|part| parts.blocking_send(part)));
    }
    queue
}

/// The records of a snapshot, in parts; `None` at their end, or after one that cannot be read.
struct Parts {
    records: Option<ViewIter>,
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let records = self.records.as_mut()?;
        let (mut part, mut bytes) = (pb::SnapshotRecords::default(), 0);
        while bytes < SNAPSHOT_PART_BYTES {
            match records.next() {
                Some(Ok((key, value))) => {
                    bytes += key.len() + value.len();
                    part.records.push(pb::SnapshotRecord { key: key.into(), value: value.into() });
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "cannot send a snapshot");
                    self.records = None;
                    return None;
                }
                None => {
                    if planted(Mutant::LosesARecordOnTheWay) {
                        part.records.pop();
                    }
                    part.complete = true;
                    self.records = None;
                    break;
                }
            }
        }
        Some(Part::Records(part))
    }
}

fn header(envelope: pb::Envelope, vote: Vote, view: &SnapshotView) -> pb::SnapshotHeader {
    let manifest = view.manifest().clone();
    pb::SnapshotHeader {
        envelope: Some(envelope),
        vote: Some(codec::vote_to_wire(&vote)),
        last: manifest.last,
        membership_at: manifest.membership_at,
        membership: manifest.membership,
    }
}
