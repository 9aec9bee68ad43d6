//! What is special about a seat: a closed list of words, kept as bits.

use std::fmt;

/// One property of a seat that a buyer can ask for or must know.
///
/// The discriminant is the bit in [`Attributes`]; it is written to the wire, so it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Attribute {
    /// Beside a window.
    Window = 0,
    /// Beside an aisle.
    Aisle = 1,
    /// At a table.
    Table = 2,
    /// A place for a wheelchair, or one that can be reached without steps.
    Accessible = 3,
    /// Kept for whoever accompanies the guest of an accessible seat.
    Companion = 4,
    /// Sold to women only.
    WomenOnly = 5,
    /// The lower berth of a compartment.
    BerthLower = 6,
    /// The middle berth of a compartment.
    BerthMiddle = 7,
    /// The upper berth of a compartment.
    BerthUpper = 8,
    /// In a quiet area.
    Quiet = 9,
    /// With a power socket.
    Power = 10,
    /// With more room for the legs.
    ExtraLegroom = 11,
    /// In the family area.
    Family = 12,
    /// With a limited view of the stage.
    LimitedView = 13,
    /// Faces the direction of travel.
    Forward = 14,
    /// Faces against the direction of travel.
    Backward = 15,
}

impl Attribute {
    /// Every attribute, in the order of its bits.
    pub const ALL: [Self; 16] = [
        Self::Window,
        Self::Aisle,
        Self::Table,
        Self::Accessible,
        Self::Companion,
        Self::WomenOnly,
        Self::BerthLower,
        Self::BerthMiddle,
        Self::BerthUpper,
        Self::Quiet,
        Self::Power,
        Self::ExtraLegroom,
        Self::Family,
        Self::LimitedView,
        Self::Forward,
        Self::Backward,
    ];

    /// The words of [`Attribute::ALL`], as they are written in a layout file.
    pub const NAMES: [&'static str; 16] = [
        "window",
        "aisle",
        "table",
        "accessible",
        "companion",
        "women_only",
        "berth_lower",
        "berth_middle",
        "berth_upper",
        "quiet",
        "power",
        "extra_legroom",
        "family",
        "limited_view",
        "forward",
        "backward",
    ];

    /// The word for this attribute in a layout file.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The attribute that a word stands for, if it is one of [`Attribute::NAMES`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| *known == name).map(|index| Self::ALL[index])
    }
}

/// A set of [`Attribute`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(u32);

impl Attributes {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set with these bits; bits that stand for no attribute are refused.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        (bits >> Attribute::ALL.len() == 0).then_some(Self(bits))
    }

    /// The bits: bit `n` is the attribute with the discriminant `n`.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether no attribute is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `attribute` is in the set.
    #[must_use]
    pub fn contains(self, attribute: Attribute) -> bool {
        self.0 & (1 << attribute as u32) != 0
    }

    /// Adds one attribute.
    pub fn insert(&mut self, attribute: Attribute) {
        self.0 |= 1 << attribute as u32;
    }

    /// What is in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The attributes in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Attribute> {
        Attribute::ALL.into_iter().filter(move |attribute| self.contains(*attribute))
    }
}

impl FromIterator<Attribute> for Attributes {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        let mut set = Self::NONE;
        attributes.into_iter().for_each(|attribute| set.insert(attribute));
        set
    }
}

/// The words, with commas between them; nothing for the empty set.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Attribute::name).collect();
        f.write_str(&words.join(", "))
    }
}
