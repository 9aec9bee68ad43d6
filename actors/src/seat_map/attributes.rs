//! What a seat is like.

use std::ops::BitOr;

/// What a seat is like: a set of properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Attributes(u32);

impl Attributes {
    /// No property.
    pub const NONE: Self = Self(0);
    /// At a window.
    pub const WINDOW: Self = Self(1);
    /// At the aisle.
    pub const AISLE: Self = Self(1 << 1);
    /// At a table.
    pub const TABLE: Self = Self(1 << 2);
    /// For a wheelchair or a passenger with reduced mobility.
    pub const ACCESSIBLE: Self = Self(1 << 3);
    /// For whoever accompanies the passenger on the accessible place beside.
    pub const COMPANION: Self = Self(1 << 4);
    /// For women only.
    pub const WOMEN_ONLY: Self = Self(1 << 5);
    /// Upper berth.
    pub const BERTH_UPPER: Self = Self(1 << 6);
    /// Middle berth.
    pub const BERTH_MIDDLE: Self = Self(1 << 7);
    /// Lower berth.
    pub const BERTH_LOWER: Self = Self(1 << 8);
    /// In a quiet part.
    pub const QUIET: Self = Self(1 << 9);
    /// With a power socket.
    pub const POWER: Self = Self(1 << 10);
    /// With more leg room.
    pub const LEGROOM: Self = Self(1 << 11);
    /// With a restricted view.
    pub const RESTRICTED_VIEW: Self = Self(1 << 12);
    /// Facing the direction of travel or the stage.
    pub const FORWARD: Self = Self(1 << 13);
    /// Facing against the direction of travel.
    pub const BACKWARD: Self = Self(1 << 14);
    /// In the family area.
    pub const FAMILY: Self = Self(1 << 15);

    /// Kept for those who need it: chosen for a buyer only when asked for by required or wanted
    /// attributes.
    pub const KEPT: Self = Self(Self::ACCESSIBLE.0 | Self::COMPANION.0 | Self::WOMEN_ONLY.0);

    /// The set with these bits; bits without a name are kept for layouts from later versions.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The set as bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every property of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The properties that are in both sets.
    pub const fn shared_with(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The properties of this set that are not in `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// How many properties are in the set.
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether no property is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Attributes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
