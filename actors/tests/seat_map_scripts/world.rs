//! The trip that a script talks to. After every line it checks what is always true.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::ids::{HoldId, LogIndex, LogPosition, SeatNo, Timestamp, ZoneNo};
use seatgrid_actors::seat_map::*;

use crate::parse::{Line, parse_attributes, parse_late, parse_legs, parse_ms};
use crate::print::Printer;

/// A trip being described, then a trip on sale.
#[derive(Default)]
pub(crate) struct World {
    spec: LayoutSpec,
    stops: Vec<Stop>,
    rules: Rules,
    map: Option<SeatMap>,
    printer: Printer,
    now: u64,
    index: u64,
}

impl World {
    /// Does one line and gives what there is to say about it.
    pub(crate) fn line(&mut self, text: &str) -> String {
        let mut line = Line::new(text.split('{').next().unwrap_or(text));
        if let Some(at) = line.take("at") {
            self.now = parse_ms(at);
        }
        match line.verb {
            "zone" | "row" | "loose" | "stop" | "rule" => {
                self.describe(line);
                String::new()
            }
            "open" => self.open(line),
            "check" => {
                let command = self.parse(text.split_once("check ").unwrap().1);
                self.check(&command)
            }
            "seats" | "counts" | "holds" | "story" | "changes" | "deadline" => self.read(line),
            "" => String::new(),
            _ => {
                let command = self.parse(text);
                self.apply(&command)
            }
        }
    }

    fn describe(&mut self, mut line: Line<'_>) {
        match line.verb {
            "zone" => {
                let capacity = line.number("capacity");
                let kind = capacity
                    .map_or(ZoneKind::Numbered, |capacity| ZoneKind::GeneralAdmission { capacity });
                self.spec.zones.push(ZoneSpec { name: line.word().into(), kind });
            }
            "row" | "loose" => {
                let words = std::mem::take(&mut line.words);
                let row: Vec<_> = words.into_iter().map(|word| self.seat(word)).collect();
                if line.verb == "row" {
                    self.spec.rows.push(row);
                }
            }
            "stop" => self.stops.push(Stop {
                boarding: line.take("boarding") != Some("no"),
                alighting: line.take("alighting") != Some("no"),
                name: line.word().into(),
                arrives_at: None,
                departs_at: None,
            }),
            _ => self.rule(&mut line),
        }
        line.end();
    }

    /// Adds a seat such as `1A` or `1A:window+table` to the last zone; `_` is a gap.
    fn seat(&mut self, word: &str) -> Option<SeatNo> {
        if word == "_" {
            return None;
        }
        let (name, attributes) = word.split_once(':').unwrap_or((word, ""));
        let number = SeatNo::new(self.spec.seats.len() as u32);
        self.spec.seats.push(SeatSpec {
            name: name.into(),
            zone: ZoneNo::new(self.spec.zones.len() as u16 - 1),
            deck: 0,
            attributes: parse_attributes(attributes),
        });
        Some(number)
    }

    fn rule(&mut self, line: &mut Line<'_>) {
        let moment = |text: &str| Some(Timestamp::from_unix_ms(parse_ms(text)));
        for (key, limit) in [
            ("seats_per_buyer", &mut self.rules.max_seats_per_buyer),
            ("seats_per_hold", &mut self.rules.max_seats_per_hold),
        ] {
            *limit = line.number(key).unwrap_or(*limit);
        }
        for (key, ms) in [
            ("ttl_min", &mut self.rules.ttl_min_ms),
            ("ttl_default", &mut self.rules.ttl_default_ms),
            ("ttl_max", &mut self.rules.ttl_max_ms),
            ("payment_window", &mut self.rules.payment_window_ms),
            ("hold_cap", &mut self.rules.hold_cap_ms),
        ] {
            *ms = line.take(key).map_or(*ms, parse_ms);
        }
        self.rules.sale_opens_at = line.take("opens").map_or(self.rules.sale_opens_at, moment);
        self.rules.sale_closes_at = line.take("closes").map_or(self.rules.sale_closes_at, moment);
        self.rules.late = line.take("late").map_or(self.rules.late, parse_late);
    }

    fn open(&mut self, mut line: Line<'_>) -> String {
        let name = line.word().to_owned();
        let title = line.take("title").unwrap_or("trip");
        line.end();
        let layout = match Layout::new(self.spec.clone()) {
            Ok(layout) => Arc::new(layout),
            Err(fault) => return self.printer.refusal(&name, &fault.into()),
        };
        let stops = self.stops.clone().into();
        let rules = self.rules.clone();
        let open = Arc::new(Open { title: title.into(), stops, layout, rules });
        let id = self.printer.id(&name);
        let command = Command { id: id.into(), body: CommandBody::Open(Arc::clone(&open)) };
        if self.map.is_some() {
            return self.apply(&command);
        }
        let (at, pos) = self.next();
        match SeatMap::open(at, pos, command.id, &open) {
            Ok(map) => {
                self.printer.layout = Some(Arc::clone(&open.layout));
                let outcome = Ok(map.opened());
                self.map = Some(map);
                self.printer.outcome(&name, &outcome)
            }
            Err(refusal) => self.printer.refusal(&name, &refusal),
        }
    }

    fn parse(&mut self, text: &str) -> Command {
        let printer = &mut self.printer;
        if let Some((head, inner)) = text.split_once('{') {
            let mut head = Line::new(head);
            head.take("at");
            let id = printer.id(head.word());
            let inner = inner.trim_end_matches('}').split(';').filter(|c| !c.trim().is_empty());
            let commands = inner.map(|command| Line::new(command).command(|name| printer.id(name)));
            return Command { id: id.into(), body: CommandBody::Batch(commands.collect()) };
        }
        let mut line = Line::new(text);
        line.take("at");
        line.command(|name| printer.id(name))
    }

    fn next(&mut self) -> (Timestamp, LogPosition) {
        self.index += 1;
        let pos = LogPosition::new(LogIndex::new(self.index), 0);
        (Timestamp::from_unix_ms(self.now), pos)
    }

    fn check(&mut self, command: &Command) -> String {
        let map = self.map.as_ref().expect("the trip is open");
        let name = self.printer.name(HoldId::from(command.id));
        match map.check(Timestamp::from_unix_ms(self.now), command) {
            Check::Known(_, outcome) => format!("known, {}", self.printer.outcome(&name, &outcome)),
            Check::Refuse(refusal) => format!("at once, {}", self.printer.refusal(&name, &refusal)),
            Check::Propose => format!("{name}: only the log can tell\n"),
        }
    }

    fn apply(&mut self, command: &Command) -> String {
        let (at, pos) = self.next();
        let map = self.map.as_mut().expect("the trip is open");
        let checked = map.check(at, command);
        let outcome = map.apply(at, pos, command);
        match checked {
            Check::Known(_, known) => assert_eq!(known, outcome),
            Check::Refuse(refusal) => {
                assert_eq!(outcome.as_ref().map_err(Refusal::code), Err(refusal.code()));
            }
            Check::Propose => {}
        }
        invariants::check(map).unwrap();
        let layout = Arc::clone(&map.trip().layout);
        let restored = codec::decode_state(&codec::encode_state(map), &|digest| {
            (digest == layout.digest()).then(|| Arc::clone(&layout))
        });
        assert_eq!(restored.unwrap().digest(), map.digest());
        self.printer.outcome(&self.printer.name(HoldId::from(command.id)), &outcome)
    }

    fn read(&mut self, mut line: Line<'_>) -> String {
        let map = self.map.as_ref().expect("the trip is open");
        let whole = map.trip().whole();
        let legs = line.take("legs").map_or(whole, parse_legs);
        let text = match line.verb {
            "seats" => {
                let mut by_sign: BTreeMap<_, Vec<_>> = BTreeMap::new();
                for (seat, class) in (0..).map(SeatNo::new).zip(map.view().seats(legs)) {
                    let sign = class.map_or("free".into(), |class| class.to_string());
                    by_sign.entry(sign).or_default().push(self.printer.seat(seat));
                }
                by_sign
                    .iter()
                    .map(|(sign, seats)| format!("{sign}: {}\n", seats.join(" ")))
                    .collect()
            }
            "counts" => self.printer.counts(map),
            "holds" => map.view().live().iter().map(|hold| self.printer.hold(hold)).collect(),
            "story" => {
                let name = line.word();
                let seat = map.trip().layout.seat_named(name).unwrap();
                self.printer.story(&map.seat_story(seat, legs))
            }
            "changes" => match map.changes_since(line.number("since").unwrap()) {
                None => "gone: read the map anew\n".into(),
                Some(changes) => changes.map(|change| self.printer.change(change)).collect(),
            },
            _ => match map.next_deadline() {
                Some(at) => format!("next deadline {at}\n"),
                None => "no deadline\n".into(),
            },
        };
        line.end();
        text
    }
}
