//! Snapshots from the shard's side: giving changed records away in steps, and starting from records.

use std::sync::Arc;

use raft::mutant::{Mutant, planted};

use super::Shard;
use crate::directory::{Directory, Slot};
use crate::limits::{SNAPSHOT_STEP_BYTES, SNAPSHOT_STEP_RECORDS, SNAPSHOT_STEP_TRIPS};
use crate::machine::{Restored, RestoredTrip};
use crate::record;
use crate::trip::{Recorded, Trip};

/// Some changed records, and where to go on.
pub(crate) struct RecordStep {
    pub(crate) records: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) next: Option<u32>,
}

impl Shard {
    /// The next records that changed since the snapshot before. The shard goes on in between: a record
    /// that changes again after it was given away is given to the next snapshot, too.
    pub(super) fn take_records(&mut self, from: u32) -> RecordStep {
        let mut records = Vec::new();
        if from == 0 {
            records.push((record::SHARD_KEY.to_vec(), record::encode_shard(self.clock.newest())));
        }
        let trips = self.directory.cells().len();
        let mut number = from as usize;
        let end = trips.min(number + SNAPSHOT_STEP_TRIPS);
        let mut bytes = 0;
        while number < end && records.len() < SNAPSHOT_STEP_RECORDS && bytes < SNAPSHOT_STEP_BYTES {
            let at = u32::try_from(number).expect("a directory has fewer than 2^32 trips");
            if let Some(record) = self.take_record(at) {
                bytes += record.1.len();
                records.push(record);
            }
            number += 1;
        }
        if number < trips {
            let next = u32::try_from(number).expect("a directory has fewer than 2^32 trips");
            return RecordStep { records, next: Some(next) };
        }
        // Layouts last: every trip given away above has its layout here by now.
        for (layout, recorded) in self.directory.layouts.iter_mut() {
            if *recorded != Recorded::Yes {
                *recorded = Recorded::Writing;
                records.push((record::layout_key(layout.digest()), record::encode_layout(layout)));
            }
        }
        RecordStep { records, next: None }
    }

    /// The record of a trip that has changed since the snapshot before.
    fn take_record(&mut self, number: u32) -> Option<(Vec<u8>, Vec<u8>)> {
        let cell = self.directory.cell_mut(number);
        let value = match &mut cell.slot {
            Slot::Active(trip) if trip.recorded != Recorded::Yes => {
                trip.recorded = Recorded::Writing;
                let skipped = planted(Mutant::SkipsATripInSnapshots) && number % 3 == 1;
                (!skipped).then(|| record::encode_trip(trip.map()))
            }
            Slot::Fenced(why, recorded) if *recorded != Recorded::Yes => {
                *recorded = Recorded::Writing;
                Some(record::encode_fenced(why))
            }
            _ => return None,
        };
        let key = record::trip_key(&cell.id);
        self.writing.push(number);
        value.map(|value| (key, value))
    }

    pub(super) fn snapshot_done(&mut self, committed: bool) {
        let becomes = if committed { Recorded::Yes } else { Recorded::No };
        let settle = |recorded: &mut Recorded| {
            if *recorded == Recorded::Writing {
                *recorded = becomes;
            }
        };
        for number in self.writing.drain(..) {
            match &mut self.directory.cell_mut(number).slot {
                Slot::Active(trip) => settle(&mut trip.recorded),
                Slot::Fenced(_, recorded) => settle(recorded),
                Slot::Passive(_) => {}
            }
        }
        self.directory.layouts.iter_mut().for_each(|(_, recorded)| settle(recorded));
    }

    /// Replaces everything by what a snapshot has.
    pub(super) fn restore(&mut self, restored: Restored) {
        self.directory = Directory::new(self.directory.snapshots().clone());
        self.expiry = Default::default();
        self.watched.clear();
        self.passivation_from = 0;
        self.writing.clear();
        self.audits.restart(restored.upto);
        self.clock.observe(restored.newest, false);
        for layout in restored.layouts {
            self.directory.layouts.restored(Arc::clone(&layout));
        }
        for (id, trip) in restored.trips {
            match trip {
                RestoredTrip::Passive(passive) => {
                    self.directory.add(id, Slot::Passive(passive));
                }
                RestoredTrip::Fenced(why) => {
                    self.directory.add(id, Slot::Fenced(why, Recorded::Yes));
                }
                RestoredTrip::Active(map) => {
                    let mut trip = Box::new(Trip::new(*map, Recorded::Yes));
                    let deadline = trip.map().next_deadline();
                    let number = u32::try_from(self.directory.cells().len())
                        .expect("a directory has fewer than 2^32 trips");
                    if let Some(deadline) = deadline {
                        self.expiry.register(number, &mut trip.registered, deadline);
                    }
                    self.directory.add(id, Slot::Active(trip));
                }
            }
        }
    }
}
