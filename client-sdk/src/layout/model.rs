//! The layout itself: plain data, checked once when it is read.

use super::attribute::Attributes;

/// The static geometry of a coach, a train or a hall.
///
/// A layout that came from [`Layout::read`] or [`Layout::parse`] keeps every rule of
/// `docs/layout-format.md`: seat names are unique, every seat's zone exists and is numbered, and
/// every limit of [`super::limits`] holds. The fields are public because a layout is data; whoever
/// builds one by hand answers for these rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What people call it, such as `Coach 50`.
    pub name: String,
    /// The fare classes, in the order in which they were declared.
    pub zones: Vec<Zone>,
    /// The rows of every deck, front to back; rows of one deck stand together.
    pub rows: Vec<Row>,
}

/// A fare or seat class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// What people call it, such as `First`.
    pub name: String,
    /// Whether its seats have names, or it is a counter.
    pub kind: ZoneKind,
}

/// How a zone is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneKind {
    /// Seat by seat: its seats stand in the rows.
    Numbered,
    /// By number of people: it has no seats in any row.
    GeneralAdmission {
        /// How many people it admits.
        capacity: u32,
    },
}

/// One row of places, left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The row's number or letter, unique only for the eye.
    pub name: String,
    /// The deck, coach or section that the row is in; empty in a layout that has only one.
    pub deck: String,
    /// Seats, and `None` where there is an aisle or a gap.
    pub places: Vec<Option<Seat>>,
}

/// One numbered seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The name that is printed on the ticket, unique in the layout.
    pub name: String,
    /// Index into [`Layout::zones`].
    pub zone: u16,
    /// What is special about it.
    pub attributes: Attributes,
}

impl Layout {
    /// Every seat, row by row, left to right.
    pub fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.rows.iter().flat_map(|row| row.places.iter().flatten())
    }

    /// How many numbered seats there are.
    #[must_use]
    pub fn seat_count(&self) -> usize {
        self.seats().count()
    }

    /// How many people the general-admission zones admit together.
    #[must_use]
    pub fn general_admission_capacity(&self) -> u64 {
        self.zones
            .iter()
            .map(|zone| match zone.kind {
                ZoneKind::Numbered => 0,
                ZoneKind::GeneralAdmission { capacity } => u64::from(capacity),
            })
            .sum()
    }
}
