//! Reading a seat map: what watchers, audits and people who ask about a seat need.

use proto::ids::{BuyerId, Fence, HoldId, Legs, LogPosition, SeatNo, Timestamp, ZoneNo};

use super::SeatMap;
use super::change::Change;
use super::layout::ZoneKind;
use super::record::{HoldState, Record};
use super::refusal::Class;
use super::reply::Places;

/// A seat map to read. It shows what was applied: a hold whose deadline has come shows until the next
/// command is applied.
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a SeatMap);

/// How many places are taken for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// All places.
    pub capacity: u32,
    /// Places in holds.
    pub held: u32,
    /// Places in holds that wait for their payment.
    pub paying: u32,
    /// Places in bookings.
    pub sold: u32,
    /// Places in blocks.
    pub blocked: u32,
}

impl Counts {
    /// Places that nobody has.
    pub fn free(&self) -> u32 {
        self.capacity - self.held - self.paying - self.sold - self.blocked
    }
}

/// A hold, booking or block, alive or remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldView<'a> {
    /// Its id.
    pub id: HoldId,
    /// Whose it is.
    pub buyer: &'a BuyerId,
    /// Where it stands.
    pub state: HoldState,
    /// Its legs.
    pub legs: Legs,
    /// Its places: those it had, if it is finished.
    pub places: &'a Places,
    /// Its fencing number.
    pub fence: Fence,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// When it expires or expired; for a booking, when the hold would have.
    pub expires_at: Timestamp,
    /// Why it is blocked; empty for anything but a block.
    pub note: &'a str,
}

/// Who has a seat on some legs.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner<'a> {
    /// On which legs.
    pub legs: Legs,
    /// For what.
    pub class: Class,
    /// The hold, booking or block.
    pub hold: HoldView<'a>,
}

/// What is known about a seat.
#[derive(Clone, Debug, PartialEq)]
pub struct SeatStory<'a> {
    /// Who has it now, in order of legs. On legs without an owner it is free.
    pub owners: Vec<Owner<'a>>,
    /// The changes that touched it, oldest first, as far as they are kept.
    pub changes: Vec<&'a Change>,
    /// The first version whose change is still kept.
    pub kept_from: u64,
}

impl SeatMap {
    /// The seat map to read.
    pub fn view(&self) -> View<'_> {
        View(self)
    }

    /// What is known about a seat on some legs: its owners now and what happened to it lately.
    pub fn seat_story(&self, seat: SeatNo, legs: Legs) -> SeatStory<'_> {
        let owners = self.view().owners(seat).filter(|owner| owner.legs.overlaps(legs)).collect();
        let touches = |change: &&Change| {
            change.places.seats().binary_search(&seat).is_ok()
                && change.legs.is_some_and(|changed| changed.overlaps(legs))
        };
        let mut changes: Vec<_> = self.changes().filter(touches).collect();
        changes.reverse();
        let kept_from = self.changes().last().map_or(self.version + 1, |oldest| oldest.version);
        SeatStory { owners, changes, kept_from }
    }

    /// Bytes that the state takes in memory, without the layout, the journal and long texts.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.occupancy.heap_bytes()
            + self.counters.heap_bytes()
            + self.registry.heap_bytes()
            + self.deadlines.heap_bytes()
            + self.buyers.heap_bytes()
    }
}

impl<'a> View<'a> {
    /// The last command applied.
    pub fn position(&self) -> LogPosition {
        self.0.position
    }

    /// How many changes the trip has seen.
    pub fn version(&self) -> u64 {
        self.0.version
    }

    /// The log time of the last command applied.
    pub fn clock(&self) -> Timestamp {
        self.0.clock
    }

    /// Whether no seats are given out for the moment.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen
    }

    /// Whether the sale was closed by hand.
    pub fn is_closed(&self) -> bool {
        self.0.closed
    }

    /// What the seat is taken for on any of the legs; `None` if it is free on all of them. Of several
    /// reasons the most lasting one.
    pub fn seat(&self, seat: SeatNo, legs: Legs) -> Option<Class> {
        if self.0.occupancy.is_free(seat, legs) {
            return None;
        }
        let owners = self.0.occupancy.claims_on(seat).filter(|claim| claim.legs.overlaps(legs));
        owners.filter_map(|claim| self.0.registry.record(claim.owner).state.class()).max()
    }

    /// [`View::seat`] for every seat, in order of their numbers.
    pub fn seats(self, legs: Legs) -> impl Iterator<Item = Option<Class>> + 'a {
        let count = u32::try_from(self.0.open.layout.seats().len()).expect("seats are counted");
        (0..count).map(move |seat| self.seat(SeatNo::new(seat), legs))
    }

    /// Who has the seat, in order of legs.
    pub fn owners(self, seat: SeatNo) -> impl Iterator<Item = Owner<'a>> + 'a {
        let known = seat.index() < self.0.open.layout.seats().len();
        let claims = known.then(|| self.0.occupancy.claims_on(seat)).into_iter().flatten();
        claims.filter_map(move |claim| {
            let record = self.0.registry.record(claim.owner);
            let class = record.state.class()?;
            Some(Owner { legs: claim.legs, class, hold: hold_view(record) })
        })
    }

    /// How many places of a zone are free on all of the legs.
    pub fn free(&self, zone: ZoneNo, legs: Legs) -> u32 {
        let layout = &self.0.open.layout;
        let Some(spec) = layout.zone(zone) else { return 0 };
        let upper = layout.capacity(zone) - self.0.counters.most_taken(zone, legs);
        if upper == 0 || matches!(spec.kind, ZoneKind::GeneralAdmission { .. }) {
            return upper;
        }
        let runs = layout.runs_of(zone).iter();
        runs.map(|run| self.0.occupancy.count_free(run.clone(), legs)).sum()
    }

    /// How the places of a zone are taken on one leg.
    pub fn zone(&self, zone: ZoneNo, leg: u16) -> Counts {
        let [held, paying, sold, blocked] = self.0.counters.on_leg(zone, leg);
        Counts { capacity: self.0.open.layout.capacity(zone), held, paying, sold, blocked }
    }

    /// How the places of all zones are taken on one leg.
    pub fn leg(&self, leg: u16) -> Counts {
        let zones = (0..).map(ZoneNo::new).take(self.0.open.layout.zones().len());
        zones.map(|zone| self.zone(zone, leg)).fold(Counts::default(), |sum, counts| Counts {
            capacity: sum.capacity + counts.capacity,
            held: sum.held + counts.held,
            paying: sum.paying + counts.paying,
            sold: sum.sold + counts.sold,
            blocked: sum.blocked + counts.blocked,
        })
    }

    /// The hold, booking or block of this id, also a finished one while it is remembered.
    pub fn hold(&self, id: HoldId) -> Option<HoldView<'a>> {
        let slot = self.0.registry.find_record(id, self.0.clock)?;
        Some(hold_view(self.0.registry.record(slot)))
    }

    /// All live holds, bookings and blocks, in order of their grants.
    pub fn live(&self) -> Vec<HoldView<'a>> {
        let live = self.0.registry.records().filter(|(_, record)| !record.is_finished());
        let mut views: Vec<_> = live.map(|(_, record)| hold_view(record)).collect();
        views.sort_unstable_by_key(|hold| (hold.fence, hold.id));
        views
    }

    /// How many holds can still expire.
    pub fn live_holds(&self) -> usize {
        self.0.deadlines.len()
    }
}

fn hold_view(record: &Record) -> HoldView<'_> {
    HoldView {
        id: record.id,
        buyer: &record.buyer,
        state: record.state,
        legs: record.legs,
        places: &record.places,
        fence: record.fence,
        granted_at: record.granted_at,
        expires_at: record.deadline,
        note: record.note(),
    }
}
