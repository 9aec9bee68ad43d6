//! The trips of a shard: which there are, which are active, and how a passive one comes back.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use raft::mutant::{Mutant, planted};
use raft::snapshot::ShardSnapshots;
use xxhash_rust::xxh3::xxh3_64;

use crate::ids::TripId;
use crate::record::{self, BadRecord, Passive};
use crate::seat_map::{Layout, LayoutDigest};
use crate::trip::{Recorded, Trip};

/// A trip of the shard, active or not.
pub(crate) struct Cell {
    pub(crate) id: TripId,
    pub(crate) slot: Slot,
}

/// Where a trip's state is.
pub(crate) enum Slot {
    /// In memory.
    Active(Box<Trip>),
    /// In its snapshot record.
    Passive(Passive),
    /// A defect was found in it: it takes no part any more. Whether a snapshot knows.
    Fenced(Box<str>, Recorded),
}

/// The trips of a shard. A trip's number is its place here; trips are not removed.
pub(crate) struct Directory {
    cells: Vec<Cell>,
    by_id: HashTable<u32>,
    pub(crate) layouts: Layouts,
    snapshots: ShardSnapshots,
    active: usize,
    fenced: usize,
    /// Live holds of the active trips; passive ones have none.
    live_holds: usize,
}

impl Directory {
    pub(crate) fn new(snapshots: ShardSnapshots) -> Self {
        Self {
            cells: Vec::new(),
            by_id: HashTable::new(),
            layouts: Layouts::default(),
            snapshots,
            active: 0,
            fenced: 0,
            live_holds: 0,
        }
    }

    pub(crate) fn snapshots(&self) -> &ShardSnapshots {
        &self.snapshots
    }

    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        let same = |&number: &u32| self.cells[number as usize].id.as_str() == id;
        self.by_id.find(hash(id), same).copied()
    }

    /// The first trip that may be the one of this name, without a look at it: see [`Directory::find_at`].
    pub(crate) fn candidate(&self, id: &str) -> Option<u32> {
        let mut first = None;
        let _ = self.by_id.find(hash(id), |&number| {
            first.get_or_insert(number);
            false
        });
        first
    }

    /// As [`Directory::find`], where a trip may be this candidate.
    pub(crate) fn find_at(&self, candidate: u32, id: &str) -> Option<u32> {
        match self.cells[candidate as usize].id.as_str() == id {
            true => Some(candidate),
            false => self.find(id),
        }
    }

    /// The trip's actor, if it is in memory.
    pub(crate) fn active_trip(&self, number: u32) -> Option<&Trip> {
        match &self.cells[number as usize].slot {
            Slot::Active(trip) => Some(trip),
            Slot::Passive(_) | Slot::Fenced(..) => None,
        }
    }

    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    pub(crate) fn cell_mut(&mut self, number: u32) -> &mut Cell {
        &mut self.cells[number as usize]
    }

    /// Active trips.
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    /// Trips that are fenced.
    pub(crate) fn fenced(&self) -> usize {
        self.fenced
    }

    /// Holds of active trips that have not ended.
    pub(crate) fn live_holds(&self) -> usize {
        self.live_holds
    }

    /// A turn of an active trip has changed how many live holds it has.
    pub(crate) fn live_holds_changed(&mut self, before: usize, after: usize) {
        self.live_holds = self.live_holds + after - before;
    }

    /// Adds a trip that is not here yet.
    pub(crate) fn add(&mut self, id: TripId, slot: Slot) -> u32 {
        let number = u32::try_from(self.cells.len()).expect("a shard holds fewer than 2^32 trips");
        match &slot {
            Slot::Active(trip) => {
                self.active += 1;
                self.live_holds += trip.map().view().live_holds();
            }
            Slot::Fenced(..) => self.fenced += 1,
            Slot::Passive(_) => {}
        }
        let key = hash(id.as_str());
        self.cells.push(Cell { id, slot });
        let cells = &self.cells;
        self.by_id.insert_unique(key, number, |&n| hash(cells[n as usize].id.as_str()));
        number
    }

    /// The trip's actor, activated from its record when it is passive; `Ok(None)` when it is fenced.
    pub(crate) fn activate(&mut self, number: u32) -> Result<Option<&mut Trip>, BadRecord> {
        let cell = &mut self.cells[number as usize];
        if let Slot::Passive(_) = cell.slot {
            let failed =
                |why: String| BadRecord(format!("trip {} cannot be activated: {why}", cell.id));
            let stored = self.snapshots.get(&record::trip_key(&cell.id));
            let stored = stored.map_err(|e| failed(e.to_string()))?;
            let bytes = stored.ok_or_else(|| failed("its record is gone".into()))?;
            let record = record::decode_trip(&bytes).map_err(|e| failed(e.0))?;
            let record::TripRecord::Map { map, .. } = record else {
                return Err(failed("its record says that it is fenced".into()));
            };
            let layouts = &self.layouts;
            let map = record::decode_map(map, &|digest| layouts.get(digest));
            let map = map.map_err(|e| failed(e.0))?;
            self.live_holds += map.view().live_holds();
            cell.slot = Slot::Active(Box::new(Trip::new(map, Recorded::Yes)));
            self.active += 1;
        }
        match &mut self.cells[number as usize].slot {
            Slot::Active(trip) => Ok(Some(trip)),
            Slot::Fenced(..) => Ok(None),
            Slot::Passive(_) => unreachable!("a passive trip was activated above"),
        }
    }

    /// Makes the next turn of a trip panic, if it is active.
    pub(crate) fn make_faulty(&mut self, id: &str) -> bool {
        let slot = self.find(id).map(|number| &mut self.cells[number as usize].slot);
        let Some(Slot::Active(trip)) = slot else { return false };
        trip.faulty = true;
        true
    }

    /// Passivates a trip whose state is in its record, if nobody watches it and nothing is due.
    pub(crate) fn passivate(&mut self, number: u32) -> bool {
        let cell = &mut self.cells[number as usize];
        let Slot::Active(trip) = &cell.slot else { return false };
        let recorded = trip.recorded == Recorded::Yes || planted(Mutant::PassivatesUnrecorded);
        let may = recorded && trip.map().is_idle() && trip.watchers.is_empty();
        if may {
            cell.slot = Slot::Passive(Passive::of(trip.map()));
            self.active -= 1;
        }
        may
    }

    /// Fences a trip whose live holds, if it had any, are no longer counted.
    pub(crate) fn fence(&mut self, number: u32, why: &str) {
        let cell = &mut self.cells[number as usize];
        self.active -= usize::from(matches!(cell.slot, Slot::Active(_)));
        self.fenced += usize::from(!matches!(cell.slot, Slot::Fenced(..)));
        cell.slot = Slot::Fenced(why.into(), Recorded::No);
    }
}

fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// The layouts of a shard, each once, however many trips have it.
#[derive(Default)]
pub(crate) struct Layouts(HashMap<LayoutDigest, (Arc<Layout>, Recorded), FixedState>);

impl Layouts {
    pub(crate) fn get(&self, digest: LayoutDigest) -> Option<Arc<Layout>> {
        self.0.get(&digest).map(|(layout, _)| Arc::clone(layout))
    }

    pub(crate) fn knows(&self, digest: LayoutDigest) -> bool {
        self.0.contains_key(&digest)
    }

    /// The shared copy of a layout.
    pub(crate) fn intern(&mut self, layout: &Arc<Layout>) -> Arc<Layout> {
        let entry = self.0.entry(layout.digest());
        Arc::clone(&entry.or_insert_with(|| (Arc::clone(layout), Recorded::No)).0)
    }

    pub(crate) fn restored(&mut self, layout: Arc<Layout>) {
        self.0.insert(layout.digest(), (layout, Recorded::Yes));
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<Layout>, &mut Recorded)> {
        self.0.values_mut().map(|(layout, recorded)| (&*layout, recorded))
    }
}
