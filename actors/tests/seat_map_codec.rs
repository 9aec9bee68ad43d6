//! The bytes of commands, layouts and states: what they are, that they come back, and that no bytes at
//! all make decoding panic.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proto::ids::{
    BuyerId, CommandId, Fence, HoldId, Legs, LogIndex, LogPosition, SeatNo, Timestamp, ZoneNo,
};
use seatgrid_actors::seat_map::codec::{
    DecodeError, Layouts, decode_command, decode_layout, decode_state, encode_command,
    encode_layout, encode_state, layout_of_state,
};
use seatgrid_actors::seat_map::*;

fn layout() -> Arc<Layout> {
    let seat = |name: &str, attributes| SeatSpec {
        name: name.into(),
        zone: ZoneNo::new(0),
        deck: 1,
        attributes,
    };
    let spec = LayoutSpec {
        zones: vec![
            ZoneSpec { name: "main".into(), kind: ZoneKind::Numbered },
            ZoneSpec { name: "floor".into(), kind: ZoneKind::GeneralAdmission { capacity: 300 } },
        ],
        seats: vec![
            seat("1A", Attributes::WINDOW),
            seat("1B", Attributes::NONE),
            seat("1C", Attributes::TABLE | Attributes::QUIET),
        ],
        rows: vec![vec![Some(SeatNo::new(0)), Some(SeatNo::new(1)), None, Some(SeatNo::new(2))]],
    };
    Arc::new(Layout::new(spec).unwrap())
}

fn open() -> Arc<Open> {
    let stop = |name: &str, at| Stop {
        name: name.into(),
        arrives_at: None,
        departs_at: Some(Timestamp::from_unix_ms(at)),
        boarding: true,
        alighting: at > 1,
    };
    Arc::new(Open {
        title: "Köln – Bonn".into(),
        stops: [stop("Köln", 1), stop("Brühl", 2), stop("Bonn", 3)].into(),
        layout: layout(),
        rules: Rules { max_seats_per_buyer: 4, late: LatePolicy::Reacquire, ..Rules::default() },
    })
}

fn hold_id(number: u128) -> HoldId {
    HoldId::from_u128(number).unwrap()
}

fn command(number: u128, body: CommandBody) -> Command {
    Command { id: CommandId::from(hold_id(number)), body }
}

fn buyer() -> BuyerId {
    BuyerId::new("ann").unwrap()
}

fn span() -> Span {
    Span::Legs(Legs::new(1, 2).unwrap())
}

fn names(names: &[&str]) -> Seats {
    Seats::Names(names.iter().map(|name| Box::from(*name)).collect())
}

fn hold(number: u128, seats: &[u32]) -> Command {
    let seats = Seats::Numbers(seats.iter().copied().map(SeatNo::new).collect());
    let body = Hold { buyer: buyer(), seats, legs: span(), ttl_ms: 60_000 };
    command(number, CommandBody::Hold(body))
}

/// A command of every kind, with every option used somewhere.
fn commands() -> Vec<Command> {
    let zone = ZoneRef::Name("floor".into());
    let about = hold_id(7);
    let fence = Some(Fence::new(9 << 16));
    let bodies = vec![
        CommandBody::Open(open()),
        CommandBody::Hold(Hold {
            buyer: BuyerId::default(),
            seats: names(&["1A", "1B"]),
            legs: Span::Whole,
            ttl_ms: 0,
        }),
        CommandBody::HoldBest(HoldBest {
            buyer: buyer(),
            quantity: 3,
            zone: Some(ZoneRef::Number(ZoneNo::new(0))),
            required: Attributes::WINDOW,
            wanted: Attributes::TABLE,
            avoided: Attributes::from_bits(1 << 31),
            adjacent: Adjacent::Required,
            legs: span(),
            ttl_ms: 60_000,
        }),
        CommandBody::HoldQuantity(HoldQuantity {
            buyer: buyer(),
            zone: zone.clone(),
            quantity: 200,
            legs: span(),
            ttl_ms: 1,
        }),
        CommandBody::Extend(Extend { hold: about, ttl_ms: 300 }),
        CommandBody::BeginPayment(BeginPayment { hold: about, window_ms: 300 }),
        CommandBody::Confirm(Confirm { hold: about, fence, late: Some(LatePolicy::Reacquire) }),
        CommandBody::Confirm(Confirm { hold: about, fence: None, late: None }),
        CommandBody::Release(Release { hold: about }),
        CommandBody::Cancel(Cancel { hold: about, part: Part::Quantity(2) }),
        CommandBody::Cancel(Cancel { hold: about, part: Part::All }),
        CommandBody::Swap(Swap { hold: about, fence, give: names(&["1A"]), take: names(&["1C"]) }),
        CommandBody::Block(Block {
            stock: Stock::Quantity { zone, count: 5 },
            legs: span(),
            note: Note::new("crew"),
        }),
        CommandBody::Block(Block {
            stock: Stock::Seats(names(&["1C"])),
            legs: Span::Whole,
            note: Note::default(),
        }),
        CommandBody::Unblock(Unblock { block: about, part: Part::Seats(names(&["1C"])) }),
        CommandBody::Freeze,
        CommandBody::Thaw,
        CommandBody::CloseSales,
        CommandBody::Expire,
        CommandBody::Batch(vec![hold(91, &[0, 1, 2]), command(92, CommandBody::Freeze)]),
        CommandBody::ExpireNow(ExpireNow { hold: None }),
        CommandBody::ExpireNow(ExpireNow { hold: Some(about) }),
    ];
    (1..).zip(bodies).map(|(number, body)| command(number, body)).collect()
}

/// A trip that has something of everything: live and finished holds, a booking that was swapped and
/// partly cancelled, blocks, remembered answers and refusals.
fn busy_trip() -> SeatMap {
    let id = command(100, CommandBody::Freeze).id;
    let pos = |index| LogPosition::new(LogIndex::new(index), 0);
    let at = |ms| Timestamp::from_unix_ms(ms);
    let mut map = SeatMap::open(at(0), pos(1), id, &open()).unwrap();
    let part = |seat| Part::Seats(Seats::Numbers(Few::one(SeatNo::new(seat))));
    let one = |seat| Seats::Numbers(Few::one(SeatNo::new(seat)));
    let confirm = |hold| Confirm { hold: hold_id(hold), fence: None, late: None };
    let quantity = HoldQuantity {
        buyer: buyer(),
        zone: ZoneRef::Number(ZoneNo::new(1)),
        quantity: 2,
        legs: span(),
        ttl_ms: 2_000,
    };
    let block = Block { stock: Stock::Seats(one(1)), legs: span(), note: Note::new("wet") };
    let swap = Swap { hold: hold_id(1), fence: None, give: one(0), take: one(2) };
    let bodies = [
        hold(1, &[0, 1]).body,
        CommandBody::HoldQuantity(quantity),
        CommandBody::Confirm(confirm(1)),
        CommandBody::Swap(swap),
        CommandBody::Cancel(Cancel { hold: hold_id(1), part: part(1) }),
        CommandBody::Block(block),
        hold(7, &[1]).body,
        CommandBody::Freeze,
        CommandBody::Batch(vec![command(91, CommandBody::Thaw), hold(92, &[0])]),
        CommandBody::Extend(Extend { hold: hold_id(92), ttl_ms: 0 }),
        CommandBody::BeginPayment(BeginPayment { hold: hold_id(92), window_ms: 0 }),
        CommandBody::Confirm(confirm(2)),
        CommandBody::Release(Release { hold: hold_id(92) }),
        CommandBody::CloseSales,
    ];
    for (number, body) in (1..).zip(bodies) {
        let ms = number as u64 * 250;
        let _ = map.apply(at(ms), pos(number as u64 + 1), &command(number, body));
    }
    invariants::check(&map).unwrap();
    map
}

fn find(digest: LayoutDigest) -> Option<Arc<Layout>> {
    let layout = layout();
    (digest == layout.digest()).then_some(layout)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_command_comes_back_as_it_was() {
    for layouts in [Layouts::Inline, Layouts::ByDigest] {
        for command in commands() {
            let bytes = encode_command(&command, layouts);
            assert_eq!(decode_command(&bytes, &find), Ok(command));
        }
    }
}

/// A log that was written yesterday must be read today: these bytes never change within a version.
/// `UPDATE_GOLDEN=1` writes them anew, for a new version.
#[test]
fn commands_have_these_bytes() {
    let commands = commands();
    let mut lines: Vec<String> =
        commands.iter().map(|command| hex(&encode_command(command, Layouts::ByDigest))).collect();
    lines.push(hex(&encode_layout(&layout())));
    lines.push(hex(&encode_state(&busy_trip())));
    lines.push(format!("{} {:016x}", layout().digest(), busy_trip().digest()));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seat_map_codec_golden.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    assert_eq!(golden.lines().count(), lines.len());
    for (at, (golden, line)) in golden.lines().zip(&lines).enumerate() {
        assert_eq!(golden, line, "line {}: {:?}", at + 1, commands.get(at));
    }
}

#[test]
fn a_state_comes_back_and_goes_on_alike() {
    let mut map = busy_trip();
    let bytes = encode_state(&map);
    assert_eq!(layout_of_state(&bytes), Ok(layout().digest()));
    let mut restored = decode_state(&bytes, &find).unwrap();
    invariants::check(&restored).unwrap();
    assert_eq!(restored.digest(), map.digest());
    for (index, command) in (100..).zip(commands().into_iter().skip(1)) {
        let pos = LogPosition::new(LogIndex::new(index), 0);
        let at = Timestamp::from_unix_ms(index * 100);
        assert_eq!(restored.apply(at, pos, &command), map.apply(at, pos, &command));
        assert_eq!(restored.digest(), map.digest());
    }
}

#[test]
fn an_unknown_layout_is_told_apart_from_damage() {
    let bytes = encode_state(&busy_trip());
    let unknown = DecodeError::UnknownLayout(layout().digest());
    assert_eq!(decode_state(&bytes, &|_| None).unwrap_err(), unknown);
}

#[test]
fn another_version_is_told_apart_from_damage() {
    let mut bytes = encode_command(&hold(1, &[0]), Layouts::Inline);
    bytes[0] = 200;
    assert_eq!(decode_command(&bytes, &find), Err(DecodeError::Version(200)));
}

/// Every cut and every flipped bit is refused or read as something else, never a panic. What is read as
/// a state is sound, so that damage cannot sell a seat twice.
#[test]
fn no_damage_makes_decoding_panic() {
    for command in commands() {
        let bytes = encode_command(&command, Layouts::Inline);
        each_damage(&bytes, |damaged, cut| {
            let read = decode_command(damaged, &find);
            assert!(!cut || read.is_err());
        });
    }
    each_damage(&encode_layout(&layout()), |damaged, cut| {
        assert!(!cut || decode_layout(damaged).is_err());
    });
    let mut read_anyway = 0;
    each_damage(&encode_state(&busy_trip()), |damaged, cut| {
        if let Ok(map) = decode_state(damaged, &find) {
            assert!(!cut);
            invariants::check(&map).unwrap();
            let _ = map.digest();
            read_anyway += 1;
        }
    });
    assert!(read_anyway > 0, "some bits only change a number");
}

/// Calls `with` on every truncation and on every flip of one bit; says which of both it is.
fn each_damage(bytes: &[u8], mut with: impl FnMut(&[u8], bool)) {
    for end in 0..bytes.len() {
        with(&bytes[..end], true);
    }
    let mut damaged = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        damaged[bit / 8] ^= 1 << (bit % 8);
        with(&damaged, false);
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
}

/// What a replica could not read is told before it enters the log, and nothing else is.
#[test]
fn a_command_says_whether_it_can_be_read_back() {
    for command in commands() {
        assert_eq!(command.check_readable(), Ok(()), "{command:?}");
    }
    let long = "x".repeat(65);
    let block = |stock| CommandBody::Block(Block { stock, legs: span(), note: Note::default() });
    let seats = |count| Seats::Numbers((0..count).map(SeatNo::new).collect());
    let titled = Open { title: "x".repeat(257).into(), ..Open::clone(&open()) };
    let zone = ZoneRef::Name(long.as_str().into());
    let quantity = Stock::Quantity { zone, count: 1 };
    let unreadable = [
        hold_named(&long[..33]),
        block(Stock::Seats(seats(10_001))),
        block(quantity.clone()),
        CommandBody::Unblock(Unblock { block: hold_id(7), part: Part::Seats(names(&[&long])) }),
        CommandBody::Open(Arc::new(titled)),
        CommandBody::Batch(vec![command(91, block(quantity))]),
        CommandBody::Batch(vec![command(91, CommandBody::Batch(Vec::new()))]),
        CommandBody::Batch((1..=65).map(|n| command(100 + n, CommandBody::Thaw)).collect()),
    ];
    for body in unreadable {
        let command = command(1, body);
        let bytes = encode_command(&command, Layouts::Inline);
        assert!(decode_command(&bytes, &find).is_err(), "{command:?}");
        assert!(command.check_readable().is_err(), "{command:?}");
    }
}

fn hold_named(seat: &str) -> CommandBody {
    let hold = Hold { buyer: buyer(), seats: names(&[seat]), legs: Span::Whole, ttl_ms: 0 };
    CommandBody::Hold(hold)
}

/// A few bytes must not ask for gigabytes: lengths are compared with what is left to read.
#[test]
fn a_length_beyond_the_bytes_is_refused() {
    let mut bytes = vec![1];
    bytes.extend_from_slice(hold_id(1).as_bytes());
    bytes.extend_from_slice(&[2, 0, 0, 0x90, 0x4e]);
    assert_eq!(decode_command(&bytes, &find), Err(DecodeError::Truncated));
}
