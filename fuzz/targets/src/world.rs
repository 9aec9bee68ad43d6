//! The trip that all targets know: small, with something of everything.

use std::sync::{Arc, LazyLock};

use actors::ids::{
    BuyerId, CommandId, Fence, HoldId, Legs, LogIndex, LogPosition, SeatNo, Timestamp, TripId,
    ZoneNo,
};
use actors::seat_map::{
    Adjacent, Attributes, BeginPayment, Block, Cancel, Command, CommandBody, Confirm, ExpireNow,
    Extend, Few, Hold, HoldBest, HoldQuantity, LatePolicy, Layout, LayoutDigest, LayoutSpec, Note,
    Open, Part, Release, Rules, SeatMap, SeatSpec, Seats, Span, Stock, Stop, Swap, Unblock,
    ZoneKind, ZoneRef, ZoneSpec,
};

/// Milliseconds between two commands of the trip's past.
const STEP_MS: u64 = 250;

/// The trip, made once: a target runs many thousand times a second.
static BUSY: LazyLock<SeatMap> = LazyLock::new(make_busy);

static OPEN: LazyLock<Arc<Open>> = LazyLock::new(make_open);

pub(crate) fn trip_id() -> TripId {
    TripId::new("coach-101").expect("it is a valid name")
}

pub(crate) fn open() -> Arc<Open> {
    Arc::clone(&OPEN)
}

/// Finds the layout of the trip.
pub(crate) fn find(digest: LayoutDigest) -> Option<Arc<Layout>> {
    (digest == OPEN.layout.digest()).then(|| Arc::clone(&OPEN.layout))
}

pub(crate) fn busy() -> SeatMap {
    BUSY.clone()
}

pub(crate) fn hold_id(number: u128) -> HoldId {
    HoldId::from_u128(number).expect("it is not zero")
}

pub(crate) fn command(number: u128, body: CommandBody) -> Command {
    Command { id: CommandId::from(hold_id(number)), body }
}

pub(crate) fn at(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

/// The position of the command of this number, counted from the first entry of the log.
pub(crate) fn position(number: u64) -> LogPosition {
    LogPosition::new(LogIndex::new(number), 0)
}

fn make_open() -> Arc<Open> {
    let seat = |name: &str, attributes| SeatSpec {
        name: name.into(),
        zone: ZoneNo::new(0),
        deck: 1,
        attributes,
    };
    let places = [0, 1, 2].map(|seat| Some(SeatNo::new(seat)));
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
        rows: vec![vec![places[0], places[1], None, places[2]]],
    };
    let stop = |name: &str, departs_at| Stop {
        name: name.into(),
        arrives_at: None,
        departs_at: Some(at(departs_at)),
        boarding: true,
        alighting: true,
    };
    Arc::new(Open {
        title: "Köln – Bonn".into(),
        stops: [stop("Köln", 1), stop("Brühl", 2), stop("Bonn", 3)].into(),
        layout: Arc::new(Layout::new(spec).expect("the layout is valid")),
        rules: Rules { max_seats_per_buyer: 40, late: LatePolicy::Reacquire, ..Rules::default() },
    })
}

fn buyer() -> BuyerId {
    BuyerId::new("ann").expect("it is a valid name")
}

fn span() -> Span {
    Span::Legs(Legs::new(1, 2).expect("from is smaller"))
}

fn one(seat: u32) -> Seats {
    Seats::Numbers(Few::one(SeatNo::new(seat)))
}

fn names(names: &[&str]) -> Seats {
    Seats::Names(names.iter().map(|name| Box::from(*name)).collect())
}

fn hold(seats: Seats) -> CommandBody {
    CommandBody::Hold(Hold { buyer: buyer(), seats, legs: span(), ttl_ms: 60_000 })
}

fn make_busy() -> SeatMap {
    let id = command(100, CommandBody::Freeze).id;
    let opened = SeatMap::open(at(0), position(1), id, &open());
    let mut map = opened.expect("the trip is valid");
    for (number, command) in (1..).zip(past()) {
        // Some are refused, on purpose: refusals are remembered.
        let _ = map.apply(at(number * STEP_MS), position(number + 1), &command);
    }
    map
}

/// What has happened to the trip: live and finished holds, a booking that was swapped and partly
/// cancelled, a block, remembered answers and refusals.
fn past() -> Vec<Command> {
    let confirm = |hold| Confirm { hold: hold_id(hold), fence: None, late: None };
    let zone = ZoneRef::Number(ZoneNo::new(1));
    let quantity = HoldQuantity { buyer: buyer(), zone, quantity: 2, legs: span(), ttl_ms: 2_000 };
    let block = Block { stock: Stock::Seats(one(1)), legs: span(), note: Note::new("wet") };
    let swap = Swap { hold: hold_id(1), fence: None, give: one(0), take: one(2) };
    let both = Seats::Numbers([0, 1].into_iter().map(SeatNo::new).collect());
    let bodies = vec![
        hold(both),
        CommandBody::HoldQuantity(quantity),
        CommandBody::Confirm(confirm(1)),
        CommandBody::Swap(swap),
        CommandBody::Cancel(Cancel { hold: hold_id(1), part: Part::Seats(one(1)) }),
        CommandBody::Block(block),
        hold(one(1)),
        CommandBody::Freeze,
        CommandBody::Batch(vec![command(91, CommandBody::Thaw), command(92, hold(one(0)))]),
        CommandBody::Extend(Extend { hold: hold_id(92), ttl_ms: 0 }),
        CommandBody::BeginPayment(BeginPayment { hold: hold_id(92), window_ms: 0 }),
        CommandBody::Confirm(confirm(2)),
        CommandBody::Release(Release { hold: hold_id(92) }),
        hold(names(&["1A"])),
    ];
    (1..).zip(bodies).map(|(number, body)| command(number, body)).collect()
}

/// A command of every kind, and a name for each.
pub(crate) fn commands() -> Vec<(&'static str, Command)> {
    let zone = ZoneRef::Name("floor".into());
    let about = hold_id(1);
    let fence = Some(Fence::new(9 << 16));
    let best = HoldBest {
        buyer: buyer(),
        quantity: 2,
        zone: Some(ZoneRef::Number(ZoneNo::new(0))),
        required: Attributes::NONE,
        wanted: Attributes::TABLE,
        avoided: Attributes::from_bits(1 << 31),
        adjacent: Adjacent::Required,
        legs: span(),
        ttl_ms: 60_000,
    };
    let quantity = HoldQuantity {
        buyer: buyer(),
        zone: zone.clone(),
        quantity: 20,
        legs: Span::Whole,
        ttl_ms: 0,
    };
    let stock = Stock::Quantity { zone, count: 5 };
    let block = Block { stock, legs: span(), note: Note::new("crew") };
    let swap = Swap { hold: about, fence, give: names(&["1C"]), take: names(&["1A"]) };
    let confirm = Confirm { hold: about, fence, late: Some(LatePolicy::Reacquire) };
    let bodies = vec![
        ("open", CommandBody::Open(open())),
        ("hold", hold(names(&["1A", "1B"]))),
        ("hold-best", CommandBody::HoldBest(best)),
        ("hold-quantity", CommandBody::HoldQuantity(quantity)),
        ("extend", CommandBody::Extend(Extend { hold: about, ttl_ms: 300 })),
        ("begin-payment", CommandBody::BeginPayment(BeginPayment { hold: about, window_ms: 300 })),
        ("confirm", CommandBody::Confirm(confirm)),
        ("release", CommandBody::Release(Release { hold: about })),
        ("cancel", CommandBody::Cancel(Cancel { hold: about, part: Part::Quantity(2) })),
        ("swap", CommandBody::Swap(swap)),
        ("block", CommandBody::Block(block)),
        ("unblock", CommandBody::Unblock(Unblock { block: hold_id(6), part: Part::All })),
        ("close", CommandBody::CloseSales),
        ("expire", CommandBody::Expire),
        ("expire-now", CommandBody::ExpireNow(ExpireNow { hold: Some(about) })),
        (
            "batch",
            CommandBody::Batch(vec![command(191, hold(one(0))), command(192, CommandBody::Thaw)]),
        ),
    ];
    (201..).zip(bodies).map(|(number, (name, body))| (name, command(number, body))).collect()
}
