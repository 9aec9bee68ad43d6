//! The words of a script: a verb, a name, and `key=value` pairs.

use std::collections::BTreeMap;

use proto::ids::{BuyerId, CommandId, Fence, HoldId, LogIndex, LogPosition};
use seatgrid_actors::seat_map::*;

/// One command line.
pub(crate) struct Line<'a> {
    /// What to do.
    pub(crate) verb: &'a str,
    /// Words without a key, in order.
    pub(crate) words: Vec<&'a str>,
    keys: BTreeMap<&'a str, &'a str>,
}

impl<'a> Line<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let (mut words, mut keys) = (Vec::new(), BTreeMap::new());
        for word in text.split_whitespace() {
            match word.split_once('=') {
                Some((key, value)) => assert!(keys.insert(key, value).is_none(), "twice: {word}"),
                None => words.push(word),
            }
        }
        let verb = if words.is_empty() { "" } else { words.remove(0) };
        Self { verb, words, keys }
    }

    /// Takes the value of a key.
    pub(crate) fn take(&mut self, key: &str) -> Option<&'a str> {
        self.keys.remove(key)
    }

    /// Takes the value of a key that has to be there.
    pub(crate) fn need(&mut self, key: &str) -> &'a str {
        self.take(key).unwrap_or_else(|| panic!("{} needs {key}=", self.verb))
    }

    pub(crate) fn number<T: std::str::FromStr>(&mut self, key: &str) -> Option<T> {
        self.take(key).map(|text| text.parse().ok().unwrap_or_else(|| panic!("{key}={text}")))
    }

    /// Takes the next word.
    pub(crate) fn word(&mut self) -> &'a str {
        assert!(!self.words.is_empty(), "{} needs a name", self.verb);
        self.words.remove(0)
    }

    /// Refuses what was not understood.
    pub(crate) fn end(&self) {
        assert!(self.words.is_empty() && self.keys.is_empty(), "{:?} {:?}", self.words, self.keys);
    }

    pub(crate) fn span(&mut self) -> Span {
        self.take("legs").map_or(Span::Whole, |legs| Span::Legs(parse_legs(legs)))
    }

    pub(crate) fn ttl(&mut self, key: &str) -> u64 {
        self.take(key).map_or(0, parse_ms)
    }

    fn buyer(&mut self) -> BuyerId {
        BuyerId::new(self.take("buyer").unwrap_or("")).unwrap()
    }

    fn fence(&mut self) -> Option<Fence> {
        self.take("fence").map(|text| {
            let (index, slot) = text.split_once('.').expect("a fence is an index and a place");
            let index = LogIndex::new(index.parse().unwrap());
            LogPosition::new(index, slot.parse().unwrap()).into()
        })
    }

    fn part(&mut self) -> Part {
        match (self.take("seats"), self.number("quantity")) {
            (Some(seats), None) => Part::Seats(parse_seats(seats)),
            (None, Some(quantity)) => Part::Quantity(quantity),
            _ => Part::All,
        }
    }

    /// Takes the rest of the line as a command. `id` turns names into ids.
    pub(crate) fn command(mut self, mut id: impl FnMut(&str) -> HoldId) -> Command {
        let own = match self.verb {
            "expire" => id("expire"),
            _ => id(self.word()),
        };
        let body = match self.verb {
            "hold" => CommandBody::Hold(Hold {
                buyer: self.buyer(),
                seats: parse_seats(self.need("seats")),
                legs: self.span(),
                ttl_ms: self.ttl("ttl"),
            }),
            "hold-best" => CommandBody::HoldBest(HoldBest {
                buyer: self.buyer(),
                quantity: self.number("quantity").unwrap(),
                zone: self.take("zone").map(parse_zone),
                required: parse_attributes(self.take("required").unwrap_or("")),
                wanted: parse_attributes(self.take("wanted").unwrap_or("")),
                avoided: parse_attributes(self.take("avoided").unwrap_or("")),
                adjacent: match self.take("adjacent") {
                    Some("required") => Adjacent::Required,
                    _ => Adjacent::Preferred,
                },
                legs: self.span(),
                ttl_ms: self.ttl("ttl"),
            }),
            "hold-quantity" => CommandBody::HoldQuantity(HoldQuantity {
                buyer: self.buyer(),
                zone: parse_zone(self.need("zone")),
                quantity: self.number("quantity").unwrap(),
                legs: self.span(),
                ttl_ms: self.ttl("ttl"),
            }),
            "extend" => {
                CommandBody::Extend(Extend { hold: id(self.need("hold")), ttl_ms: self.ttl("ttl") })
            }
            "pay" => CommandBody::BeginPayment(BeginPayment {
                hold: id(self.need("hold")),
                window_ms: self.ttl("window"),
            }),
            "confirm" => CommandBody::Confirm(Confirm {
                hold: id(self.need("hold")),
                fence: self.fence(),
                late: self.take("late").map(parse_late),
            }),
            "release" => CommandBody::Release(Release { hold: id(self.need("hold")) }),
            "cancel" => {
                CommandBody::Cancel(Cancel { hold: id(self.need("hold")), part: self.part() })
            }
            "swap" => CommandBody::Swap(Swap {
                hold: id(self.need("hold")),
                fence: self.fence(),
                give: parse_seats(self.need("give")),
                take: parse_seats(self.need("take")),
            }),
            "block" => CommandBody::Block(Block {
                stock: match (self.take("seats"), self.take("zone")) {
                    (Some(seats), None) => Stock::Seats(parse_seats(seats)),
                    (None, Some(zone)) => {
                        let count = self.number("quantity").unwrap();
                        Stock::Quantity { zone: parse_zone(zone), count }
                    }
                    _ => panic!("block needs seats= or zone="),
                },
                legs: self.span(),
                note: Note::new(self.take("note").unwrap_or("")),
            }),
            "unblock" => {
                CommandBody::Unblock(Unblock { block: id(self.need("block")), part: self.part() })
            }
            "freeze" => CommandBody::Freeze,
            "thaw" => CommandBody::Thaw,
            "close-sales" => CommandBody::CloseSales,
            "expire" => CommandBody::Expire,
            "expire-now" => CommandBody::ExpireNow(ExpireNow { hold: self.take("hold").map(id) }),
            verb => panic!("unknown verb {verb}"),
        };
        self.end();
        Command { id: CommandId::from(own), body }
    }
}

/// Seats by name; `#7` is a seat by number.
pub(crate) fn parse_seats(text: &str) -> Seats {
    let names = || text.split(',').filter(|name| !name.is_empty());
    if names().any(|name| name.starts_with('#')) {
        let number = |name: &str| proto::ids::SeatNo::new(name[1..].parse().unwrap());
        return Seats::Numbers(names().map(number).collect());
    }
    Seats::Names(names().map(Box::from).collect())
}

/// A zone by name; `#1` is a zone by number.
pub(crate) fn parse_zone(text: &str) -> ZoneRef {
    match text.strip_prefix('#') {
        Some(number) => ZoneRef::Number(proto::ids::ZoneNo::new(number.parse().unwrap())),
        None => ZoneRef::Name(text.into()),
    }
}

pub(crate) fn parse_legs(text: &str) -> proto::ids::Legs {
    let (from, to) = text.split_once("..").expect("legs are from..to");
    proto::ids::Legs::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

/// `250ms`, `60s`, `10m` or `2h`.
pub(crate) fn parse_ms(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap());
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        unit => panic!("unknown unit {unit}"),
    };
    number.parse::<u64>().unwrap() * unit
}

pub(crate) fn parse_late(text: &str) -> LatePolicy {
    match text {
        "refuse" => LatePolicy::Refuse,
        "reacquire" => LatePolicy::Reacquire,
        text => panic!("unknown policy {text}"),
    }
}

pub(crate) fn parse_attributes(text: &str) -> Attributes {
    text.split('+').filter(|name| !name.is_empty()).fold(Attributes::NONE, |set, name| {
        set | match name {
            "window" => Attributes::WINDOW,
            "aisle" => Attributes::AISLE,
            "table" => Attributes::TABLE,
            "accessible" => Attributes::ACCESSIBLE,
            "women-only" => Attributes::WOMEN_ONLY,
            "quiet" => Attributes::QUIET,
            name => panic!("unknown attribute {name}"),
        }
    })
}
