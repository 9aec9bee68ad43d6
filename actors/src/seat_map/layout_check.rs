//! Whether a layout can be used, and its indexes.

use std::fmt;

use hashbrown::HashTable;
use proto::ids::{SeatNo, ZoneNo};
use xxhash_rust::xxh3::xxh3_64;

use super::layout::{LayoutSpec, Place, ZoneIndex, ZoneKind};
use super::limits::{
    MAX_PLACES, MAX_ROWS, MAX_SEAT_NAME_BYTES, MAX_SEATS, MAX_ZONE_CAPACITY, MAX_ZONE_NAME_BYTES,
    MAX_ZONES,
};

/// Why a layout cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutFault {
    /// There are more of something than allowed.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many are allowed.
        max: u64,
    },
    /// The layout has neither a seat nor a general-admission place.
    NothingToSell,
    /// A zone has no name, too long a name, one that another zone has, or too large a capacity.
    BadZone {
        /// The zone.
        zone: ZoneNo,
    },
    /// A seat has no name or too long a name, or its zone does not exist or is not numbered.
    BadSeat {
        /// The seat.
        seat: SeatNo,
    },
    /// Seats have the same name.
    DuplicateNames {
        /// Every name that occurs more than once, in order of first occurrence.
        names: Vec<Box<str>>,
    },
    /// A row names a seat that does not exist or stands in a row already.
    BadRow {
        /// The row, counted from 0.
        row: u32,
        /// The seat.
        seat: SeatNo,
    },
}

impl fmt::Display for LayoutFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { what, count, max } => {
                write!(f, "the layout has {count} {what}, at most {max} are allowed")
            }
            Self::NothingToSell => f.write_str("the layout has nothing to sell"),
            Self::BadZone { zone } => write!(
                f,
                "zone {zone} needs a name of its own of 1 to {MAX_ZONE_NAME_BYTES} bytes and at \
                 most {MAX_ZONE_CAPACITY} places"
            ),
            Self::BadSeat { seat } => write!(
                f,
                "seat {seat} needs a name of 1 to {MAX_SEAT_NAME_BYTES} bytes and a numbered zone"
            ),
            Self::DuplicateNames { names } => {
                write!(f, "seat names occur more than once: {}", names.join(", "))
            }
            Self::BadRow { row, seat } => {
                write!(f, "row {row} names seat {seat}, which is unknown or stands elsewhere")
            }
        }
    }
}

/// Refuses more of anything than is allowed.
pub(super) fn check_sizes(spec: &LayoutSpec) -> Result<(), LayoutFault> {
    let places = spec.rows.iter().map(Vec::len).sum::<usize>();
    let sizes = [
        ("seats", spec.seats.len(), MAX_SEATS),
        ("zones", spec.zones.len(), MAX_ZONES),
        ("rows", spec.rows.len(), MAX_ROWS),
        ("places in rows", places, MAX_PLACES),
    ];
    match sizes.into_iter().find(|&(_, count, max)| count > max) {
        Some((what, count, max)) => {
            Err(LayoutFault::TooMany { what, count: count as u64, max: max as u64 })
        }
        None => Ok(()),
    }
}

/// Refuses zones without a name of their own, and a layout that has nothing to sell.
pub(super) fn check_zones(spec: &LayoutSpec) -> Result<(), LayoutFault> {
    let mut capacity = spec.seats.len() as u64;
    for (at, zone) in spec.zones.iter().enumerate() {
        let named = !zone.name.is_empty() && zone.name.len() <= MAX_ZONE_NAME_BYTES;
        let unique = spec.zones[..at].iter().all(|earlier| earlier.name != zone.name);
        let places = match zone.kind {
            ZoneKind::Numbered => 0,
            ZoneKind::GeneralAdmission { capacity } => capacity,
        };
        if !named || !unique || places > MAX_ZONE_CAPACITY {
            let zone = ZoneNo::new(u16::try_from(at).expect("zones are counted above"));
            return Err(LayoutFault::BadZone { zone });
        }
        capacity += u64::from(places);
    }
    if capacity == 0 { Err(LayoutFault::NothingToSell) } else { Ok(()) }
}

/// Checks the seats and finds them by name.
pub(super) fn index_names(spec: &LayoutSpec) -> Result<HashTable<u32>, LayoutFault> {
    let hash = |&seat: &u32| xxh3_64(spec.seats[seat as usize].name.as_bytes());
    let mut by_name: HashTable<u32> = HashTable::with_capacity(spec.seats.len());
    let mut twice: Vec<u32> = Vec::new();
    for (at, seat) in spec.seats.iter().enumerate() {
        let number = u32::try_from(at).expect("seats are counted above");
        let named = !seat.name.is_empty() && seat.name.len() <= MAX_SEAT_NAME_BYTES;
        let zone = spec.zones.get(seat.zone.index());
        if !named || zone.is_none_or(|zone| zone.kind != ZoneKind::Numbered) {
            return Err(LayoutFault::BadSeat { seat: SeatNo::new(number) });
        }
        let key = hash(&number);
        let same = |&other: &u32| spec.seats[other as usize].name == seat.name;
        match by_name.find(key, same) {
            Some(&first) => twice.push(first),
            None => {
                by_name.insert_unique(key, number, hash);
            }
        }
    }
    if twice.is_empty() {
        return Ok(by_name);
    }
    twice.sort_unstable();
    twice.dedup();
    let names = twice.iter().map(|&seat| spec.seats[seat as usize].name.clone()).collect();
    Err(LayoutFault::DuplicateNames { names })
}

/// Checks the rows and finds every seat's place in them.
pub(super) fn place_seats(spec: &LayoutSpec) -> Result<Box<[Option<Place>]>, LayoutFault> {
    let mut places = vec![None; spec.seats.len()];
    for (row, seats) in (0..).zip(&spec.rows) {
        for (place, seat) in (0..).zip(seats) {
            let Some(seat) = *seat else { continue };
            match places.get_mut(seat.index()) {
                Some(at @ None) => *at = Some(Place { row, place }),
                _ => return Err(LayoutFault::BadRow { row, seat }),
            }
        }
    }
    Ok(places.into())
}

/// Finds the seats of every zone.
pub(super) fn index_zones(spec: &LayoutSpec, places: &[Option<Place>]) -> Box<[ZoneIndex]> {
    let mut zones = vec![ZoneIndex::default(); spec.zones.len()];
    for ((number, seat), place) in (0_u32..).zip(&spec.seats).zip(places) {
        let zone = &mut zones[seat.zone.index()];
        zone.seats += 1;
        match zone.runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => zone.runs.push(number..number + 1),
        }
        if place.is_none() {
            zone.loose.push(SeatNo::new(number));
        }
    }
    for (number, row) in (0..).zip(&spec.rows) {
        for seat in row.iter().flatten() {
            let rows = &mut zones[spec.seats[seat.index()].zone.index()].rows;
            if rows.last() != Some(&number) {
                rows.push(number);
            }
        }
    }
    zones.into()
}
