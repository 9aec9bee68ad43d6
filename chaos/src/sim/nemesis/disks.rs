//! What goes wrong with disks.

use std::path::PathBuf;

use raft::disk::{Fault as DiskFault, SECTOR_BYTES};

use super::super::fault::Fault;
use super::super::node::End;
use super::story::Forgets;
use super::{Nemesis, OUTAGE_MS, RESTART_MS, Task};

/// First bytes of a batch in the log.
const BATCH_MAGIC: &[u8] = b"SGBT";

impl Nemesis {
    pub(super) fn harm_disk(&mut self, fault: Fault, ms: u64) -> Option<String> {
        let forgets = match fault {
            Fault::FlippedLogBit => Forgets::FlippedLogBit,
            Fault::MisdirectedWrite => Forgets::MisdirectedWrite,
            Fault::FlippedSnapshotBit => Forgets::FlippedSnapshotBit,
            Fault::EmptyDisks => Forgets::EmptyDisks,
            _ => return self.disturb_disk(fault, ms),
        };
        let node = self.victim()?;
        let outage = if forgets == Forgets::EmptyDisks { OUTAGE_MS } else { RESTART_MS };
        self.forget(node, forgets, outage)
    }

    /// What loses nothing.
    fn disturb_disk(&mut self, fault: Fault, ms: u64) -> Option<String> {
        let node = self.victim()?;
        let machine = self.cluster.machines.get(&node)?;
        match fault {
            Fault::SlowDisk => {
                let most = self.chance.between(5, 400);
                machine.spindle.slow((most / 2, most));
                self.plan(ms, Task::MendDisk(node));
                Some(format!("{node}: up to {most} ms a flush"))
            }
            Fault::HungDisk => {
                machine.spindle.hang();
                self.plan(ms, Task::MendDisk(node));
                Some(format!("{node}"))
            }
            Fault::FullDisk => {
                machine.disk.set_capacity(Some(machine.disk.used()));
                self.plan(ms, Task::MendDisk(node));
                Some(format!("{node}"))
            }
            Fault::FailedFlush => {
                machine.disk.inject(DiskFault::FailSync { after: self.chance.below(20) });
                Some(format!("{node}"))
            }
            Fault::FailedSnapshotSync => {
                machine.trees.fail_syncs(1);
                Some(format!("{node}"))
            }
            _ => None,
        }
    }

    /// A process is killed, and its disks lose or change something before it comes back; unless another
    /// node's disks have done so and it has not got everything back.
    pub(super) fn forget(&mut self, node: u64, how: Forgets, outage: (u64, u64)) -> Option<String> {
        if !self.cluster.can_bear_damage() {
            return None;
        }
        self.crash(node, End::Kill, outage);
        let choice = self.chance.draw();
        let machine = self.cluster.machines.get_mut(&node)?;
        let segments = machine.segments();
        let what = match how {
            Forgets::FlippedLogBit => {
                let path = self.chance.pick(&segments)?;
                machine.disk.damage(path, |bytes| flip(bytes, choice, usize::MAX));
                path.display().to_string()
            }
            Forgets::NewestLogBit => {
                let has_records = |path: &&PathBuf| {
                    machine.disk.contents(path).is_some_and(|b| written(&b) > SECTOR_BYTES)
                };
                let path = segments.iter().rfind(has_records)?;
                let newest = self.chance.between(2, 16) as usize * SECTOR_BYTES;
                machine.disk.damage(path, |bytes| flip(bytes, choice, newest));
                path.display().to_string()
            }
            Forgets::MisdirectedWrite => {
                let path = self.chance.pick(&segments)?;
                machine.disk.damage(path, |bytes| misdirect(bytes, &mut self.chance));
                path.display().to_string()
            }
            Forgets::FlippedSnapshotBit => {
                machine.trees.damage(choice).then(|| "snapshots".to_owned())?
            }
            Forgets::EmptyDisks => {
                machine.replace_disks();
                "everything".to_owned()
            }
        };
        self.cluster.damaged(node);
        Some(format!("{node}: {what}"))
    }
}

/// Where the part of a file ends that is written.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Flips a bit in the part of a file that is written, among its last so many bytes.
fn flip(bytes: &mut [u8], choice: u64, newest: usize) {
    let end = written(bytes);
    let first = end.saturating_sub(newest);
    let bit = choice.checked_rem((end - first) as u64 * 8).unwrap_or(0) as usize;
    if let Some(byte) = bytes.get_mut(first + bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

/// Some sectors stand in another place than they were written to, and what was to be there is not. The
/// last sector stays: it says where the log ends. The first of them begins a batch, as every write does;
/// nobody could tell the middle of an old one from what else is left in a file that is used again.
fn misdirect(bytes: &mut [u8], chance: &mut super::Chance) {
    let sectors = (written(bytes) / SECTOR_BYTES) as u64;
    let (count, room) = (chance.between(1, 4), bytes.len() as u64 / SECTOR_BYTES as u64);
    if sectors < count + 2 || room < count {
        return;
    }
    let place = |sector: u64| sector as usize * SECTOR_BYTES;
    let begins_batch = |sector: &u64| bytes[place(*sector)..].starts_with(BATCH_MAGIC);
    let batches: Vec<u64> = (1..sectors - count).filter(begins_batch).collect();
    let Some(from) = chance.pick(&batches).map(|sector| place(*sector)) else { return };
    let to = place(chance.below(room - count));
    let moved = from..from + place(count);
    let taken = bytes[moved.clone()].to_vec();
    bytes[moved].fill(0);
    bytes[to..to + taken.len()].copy_from_slice(&taken);
}
