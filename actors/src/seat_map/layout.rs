//! A layout: the static geometry that all trips with the same vehicle or hall share.

use std::fmt;
use std::ops::Range;

use hashbrown::HashTable;
use proto::ids::{SeatNo, ZoneNo};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::attributes::Attributes;
use super::layout_check::{self, LayoutFault};

/// What a layout is made of, as it is imported: [`Layout::new`] checks it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LayoutSpec {
    /// The zones, numbered in this order.
    pub zones: Vec<ZoneSpec>,
    /// The seats, numbered in this order.
    pub seats: Vec<SeatSpec>,
    /// The rows: seat numbers from left to right, `None` for an aisle or gap. Seats that follow each
    /// other in a row are neighbours. A seat stands in at most one row.
    pub rows: Vec<Vec<Option<SeatNo>>>,
}

/// A zone: a fare or seat class, sold by seat or by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSpec {
    /// Its name, unique in the layout: 1 to [`super::limits::MAX_ZONE_NAME_BYTES`] bytes.
    pub name: Box<str>,
    /// How it is sold.
    pub kind: ZoneKind,
}

/// How a zone is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneKind {
    /// By numbered seat.
    Numbered,
    /// By number only.
    GeneralAdmission {
        /// How many places there are on every leg: at most [`super::limits::MAX_ZONE_CAPACITY`].
        capacity: u32,
    },
}

/// A numbered seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatSpec {
    /// Its name, unique in the layout: 1 to [`super::limits::MAX_SEAT_NAME_BYTES`] bytes.
    pub name: Box<str>,
    /// Its zone; the zone must be numbered.
    pub zone: ZoneNo,
    /// Its deck, counted from 0 at the bottom.
    pub deck: u8,
    /// What it is like.
    pub attributes: Attributes,
}

/// The content of a layout as 128 bits: equal layouts have equal digests on every platform.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutDigest(pub [u8; 16]);

impl fmt::Display for LayoutDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for LayoutDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LayoutDigest({self})")
    }
}

/// Where a seat stands in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row, counted from 0 in the layout's order.
    pub row: u32,
    /// The place in the row, counted from 0 at the left, gaps included.
    pub place: u32,
}

/// A layout that is known to be sound. Made by [`Layout::new`].
#[derive(Clone)]
pub struct Layout {
    spec: LayoutSpec,
    places: Box<[Option<Place>]>,
    /// The zone of every seat, close together: deciding reads it more often than all else.
    zone_of: Box<[ZoneNo]>,
    zones: Box<[ZoneIndex]>,
    by_name: HashTable<u32>,
    rows_ascend: bool,
    digest: LayoutDigest,
}

/// Where the seats of a zone are.
#[derive(Clone, Debug, Default)]
pub(super) struct ZoneIndex {
    /// How many seats it has.
    pub(super) seats: u32,
    /// Its seats as runs of consecutive numbers, ascending.
    pub(super) runs: Vec<Range<u32>>,
    /// The rows that hold any of them, ascending.
    pub(super) rows: Vec<u32>,
    /// Its seats without a row, ascending.
    pub(super) loose: Vec<SeatNo>,
}

impl Layout {
    /// Checks a layout and indexes it.
    pub fn new(spec: LayoutSpec) -> Result<Self, LayoutFault> {
        layout_check::check_sizes(&spec)?;
        layout_check::check_zones(&spec)?;
        let by_name = layout_check::index_names(&spec)?;
        let places = layout_check::place_seats(&spec)?;
        let zone_of = spec.seats.iter().map(|seat| seat.zone).collect();
        let zones = layout_check::index_zones(&spec, &places);
        let in_rows = spec.rows.iter().flatten().flatten();
        let rows_ascend = in_rows.is_sorted();
        let mut bytes = Vec::new();
        super::codec::put_spec(&spec, &mut bytes);
        let digest = LayoutDigest(xxh3_128(&bytes).to_be_bytes());
        Ok(Self { spec, places, zone_of, zones, by_name, rows_ascend, digest })
    }

    /// The seats in order of their numbers.
    pub fn seats(&self) -> &[SeatSpec] {
        &self.spec.seats
    }

    /// The zones in order of their numbers.
    pub fn zones(&self) -> &[ZoneSpec] {
        &self.spec.zones
    }

    /// The rows: see [`LayoutSpec::rows`].
    pub fn rows(&self) -> &[Vec<Option<SeatNo>>] {
        &self.spec.rows
    }

    /// What the layout was made of.
    pub fn spec(&self) -> &LayoutSpec {
        &self.spec
    }

    /// The content as 128 bits.
    pub fn digest(&self) -> LayoutDigest {
        self.digest
    }

    /// The seat of this number.
    pub fn seat(&self, seat: SeatNo) -> Option<&SeatSpec> {
        self.spec.seats.get(seat.index())
    }

    /// The zone of this number.
    pub fn zone(&self, zone: ZoneNo) -> Option<&ZoneSpec> {
        self.spec.zones.get(zone.index())
    }

    /// The zone of a seat that exists.
    #[inline]
    pub(super) fn zone_of(&self, seat: SeatNo) -> ZoneNo {
        self.zone_of[seat.index()]
    }

    /// Where a seat stands; `None` for a seat without a row.
    pub fn place(&self, seat: SeatNo) -> Option<Place> {
        self.places.get(seat.index()).copied().flatten()
    }

    /// How many places a zone has on every leg: its seats, or its capacity.
    pub fn capacity(&self, zone: ZoneNo) -> u32 {
        match self.zone(zone).map(|zone| zone.kind) {
            Some(ZoneKind::Numbered) => self.zones[zone.index()].seats,
            Some(ZoneKind::GeneralAdmission { capacity }) => capacity,
            None => 0,
        }
    }

    /// The rows that hold seats of a zone, ascending.
    pub(super) fn rows_of(&self, zone: ZoneNo) -> &[u32] {
        &self.zones[zone.index()].rows
    }

    /// The seats of a zone as runs of consecutive numbers, ascending.
    pub(super) fn runs_of(&self, zone: ZoneNo) -> &[Range<u32>] {
        &self.zones[zone.index()].runs
    }

    /// The seats of a zone that stand in no row, ascending.
    pub(super) fn loose_seats_of(&self, zone: ZoneNo) -> &[SeatNo] {
        &self.zones[zone.index()].loose
    }

    /// Whether walking through the rows meets seats in order of their numbers.
    pub(super) fn rows_ascend(&self) -> bool {
        self.rows_ascend
    }

    /// The seat of this name.
    pub fn seat_named(&self, name: &str) -> Option<SeatNo> {
        let same = |&seat: &u32| &*self.spec.seats[seat as usize].name == name;
        self.by_name.find(xxh3_64(name.as_bytes()), same).map(|&seat| SeatNo::new(seat))
    }

    /// The zone of this name.
    pub fn zone_named(&self, name: &str) -> Option<ZoneNo> {
        let zone = self.spec.zones.iter().position(|zone| &*zone.name == name)?;
        Some(ZoneNo::new(u16::try_from(zone).expect("zones are counted in 16 bits")))
    }
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layout")
            .field("digest", &self.digest)
            .field("seats", &self.spec.seats.len())
            .field("zones", &self.spec.zones.len())
            .finish()
    }
}
