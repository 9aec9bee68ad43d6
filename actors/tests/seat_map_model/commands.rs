//! Random trips and random commands. Few seats and few buyers, so that they meet often.
//!
//! A command is drawn first and made to fit the trip when its turn comes: mostly it is about a hold that
//! exists, on legs that exist, and brings the right fence; sometimes it is left as wild as it was drawn.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proto::ids::{BuyerId, CommandId, Fence, HoldId, Legs, LogIndex, LogPosition, SeatNo};
use proto::ids::{Timestamp, ZoneNo};
use seatgrid_actors::seat_map::*;

use crate::fit::fit;

/// When the trip is opened, in log time.
pub(crate) const START_MS: u64 = 1_000_000;

/// Ids drawn for holds: the one of this number counts back from the last hold.
const IDS: u128 = 6;

/// What the trip is like.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    stops: u16,
    closed_stop: Option<u16>,
    rules: Rules,
}

/// One command and when it comes.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Milliseconds of log time after the step before.
    pub(crate) after_ms: u64,
    /// Whether the second replica restarts from a snapshot before.
    pub(crate) restart: bool,
    /// Decides what is made to fit.
    luck: u32,
    /// The command as it was drawn.
    drawn: Command,
}

impl Step {
    /// The command to send: the drawn one made to fit, or one that was sent before.
    pub(crate) fn command(&self, index: u64, map: &SeatMap, sent: &[Command]) -> Command {
        let mut command = self.drawn.clone();
        let back = (self.luck >> 8) as usize % 8;
        if let Some(earlier) = sent.iter().rev().nth(back) {
            match self.luck % 16 {
                // A retry, or an id that is used again for something else.
                0 => return earlier.clone(),
                1 => {
                    fit(&mut command.body, self.luck, map, sent);
                    return Command { id: earlier.id, body: command.body };
                }
                _ => {}
            }
        }
        command.id = command_id(u128::from(index) * 100);
        if let CommandBody::Batch(commands) = &mut command.body {
            for (place, command) in (1..).zip(commands) {
                if self.luck % 8 != 2 {
                    command.id = command_id(u128::from(index) * 100 + place);
                }
                fit(&mut command.body, self.luck.rotate_left(place as u32), map, sent);
            }
        } else {
            fit(&mut command.body, self.luck, map, sent);
        }
        command
    }
}

impl Setting {
    /// Seats 0 to 3 and 4 to 7 in two rows with an aisle in the first, 8 in a row of its own, 9 without
    /// a row; zone 2 is first class, zone 1 is general admission.
    pub(crate) fn open(&self) -> Open {
        let zone = |name: &str, kind| ZoneSpec { name: name.into(), kind };
        let zones = vec![
            zone("main", ZoneKind::Numbered),
            zone("floor", ZoneKind::GeneralAdmission { capacity: 4 }),
            zone("first", ZoneKind::Numbered),
        ];
        let attributes = [
            Attributes::WINDOW,
            Attributes::NONE,
            Attributes::NONE,
            Attributes::WINDOW | Attributes::ACCESSIBLE,
            Attributes::WINDOW,
            Attributes::TABLE,
            Attributes::TABLE,
            Attributes::WINDOW,
            Attributes::WINDOW | Attributes::TABLE,
            Attributes::QUIET,
        ];
        let seat = |(number, attributes): (u16, Attributes)| SeatSpec {
            name: format!("S{number}").into(),
            zone: ZoneNo::new(if number == 8 { 2 } else { 0 }),
            deck: 0,
            attributes,
        };
        let seats = (0..).zip(attributes).map(seat).collect();
        let at = |number| Some(SeatNo::new(number));
        let rows = vec![
            vec![at(0), at(1), None, at(2), at(3)],
            vec![at(4), at(5), at(6), at(7)],
            vec![at(8)],
        ];
        let layout = Arc::new(Layout::new(LayoutSpec { zones, seats, rows }).unwrap());
        let stop = |number: u16| Stop {
            name: format!("stop {number}").into(),
            arrives_at: None,
            departs_at: Some(Timestamp::from_unix_ms(number.into())),
            boarding: self.closed_stop != Some(number),
            alighting: self.closed_stop != Some(number),
        };
        let stops = (0..self.stops).map(stop).collect();
        Open { title: "trip".into(), stops, layout, rules: self.rules.clone() }
    }
}

pub(crate) fn setting() -> impl Strategy<Value = Setting> {
    let moment = |ms: u64| Some(Timestamp::from_unix_ms(START_MS + ms));
    let window = select(vec![
        (None, None),
        (None, None),
        (None, None),
        (None, None),
        (moment(20_000), None),
        (moment(5_000), moment(400_000)),
    ]);
    let limits = (select(vec![0, 0, 3]), select(vec![1000, 4]), any::<bool>());
    let stops = select(vec![2, 4, 4, 71]);
    (stops, option::weighted(0.1, 1..3_u16), window, limits).prop_map(
        |(stops, closed_stop, (sale_opens_at, sale_closes_at), (buyer, hold, late))| Setting {
            stops,
            closed_stop,
            rules: Rules {
                sale_opens_at,
                sale_closes_at,
                max_seats_per_buyer: buyer,
                max_seats_per_hold: hold,
                ttl_min_ms: 1_000,
                ttl_default_ms: 30_000,
                ttl_max_ms: 60_000,
                payment_window_ms: 90_000,
                hold_cap_ms: 120_000,
                late: if late { LatePolicy::Reacquire } else { LatePolicy::Refuse },
            },
        },
    )
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let after_ms = prop_oneof![
        4 => Just(0),
        8 => 1..5_000_u64,
        4 => 5_000..70_000_u64,
        1 => select(vec![200_000, 3_600_000, 86_400_000]),
    ];
    let command = prop_oneof![
        12 => single(),
        1 => (id(), vec(single(), 0..4)).prop_map(|(id, commands)| batch(id, commands)),
    ];
    (after_ms, prop::bool::weighted(0.1), any::<u32>(), command)
        .prop_map(|(after_ms, restart, luck, drawn)| Step { after_ms, restart, luck, drawn })
}

/// A batch in which every party wants to sit side by side: only then there is one best choice.
fn batch(id: HoldId, mut commands: Vec<Command>) -> Command {
    for command in &mut commands {
        if let CommandBody::HoldBest(best) = &mut command.body {
            best.adjacent = Adjacent::Required;
        }
    }
    Command { id: id.into(), body: CommandBody::Batch(commands) }
}

/// The id of this number.
pub(crate) fn command_id(number: u128) -> CommandId {
    HoldId::from_u128(number + 1).unwrap().into()
}

fn id() -> impl Strategy<Value = HoldId> {
    (1..=IDS).prop_map(|number| HoldId::from(command_id(number)))
}

/// A number of places, now and then none at all.
fn quantity(max: u32) -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0), 15 => 1..=max]
}

fn buyer() -> impl Strategy<Value = BuyerId> {
    select(vec!["", "ann", "ann", "bob"]).prop_map(|name| BuyerId::new(name).unwrap())
}

fn seats() -> impl Strategy<Value = Seats> {
    let wild = vec(prop_oneof![20 => 0..10_u32, 1 => 10..12_u32], 0..4);
    let tame =
        prop::collection::btree_set(0..10_u32, 1..4).prop_map(|set| set.into_iter().collect());
    let numbers = prop_oneof![1 => wild, 12 => tame];
    (numbers, prop::bool::weighted(0.3)).prop_map(|(numbers, by_name): (Vec<u32>, bool)| {
        if by_name {
            let names = numbers.into_iter().map(|number| format!("S{number}").into());
            return Seats::Names(names.collect());
        }
        Seats::Numbers(numbers.into_iter().map(SeatNo::new).collect())
    })
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        1 => Just(Span::Whole),
        3 => (0..4_u16, 1..3_u16).prop_map(|(from, count)| legs(from, from + count)),
        1 => (0..66_u16, 1..70_u16).prop_map(|(from, count)| legs(from, from + count)),
    ]
}

pub(crate) fn legs(from: u16, to: u16) -> Span {
    Span::Legs(Legs::new(from, to).unwrap())
}

fn ttl() -> impl Strategy<Value = u64> {
    select(vec![0, 0, 1_000, 10_000, 10_000, 10_000, 45_000, 45_000, 60_000, 95_000])
}

fn zone_of_any_kind() -> impl Strategy<Value = ZoneRef> {
    prop_oneof![
        1 => select(vec![ZoneRef::Name("lawn".into()), ZoneRef::Number(ZoneNo::new(3))]),
        9 => select(vec![
            ZoneRef::Name("main".into()),
            ZoneRef::Number(ZoneNo::new(0)),
            ZoneRef::Number(ZoneNo::new(2)),
        ]),
        9 => Just(ZoneRef::Number(ZoneNo::new(1))),
    ]
}

/// A zone of numbered seats, mostly.
fn numbered_zone() -> impl Strategy<Value = Option<ZoneRef>> {
    let zone = select(vec![Some(ZoneRef::Name("main".into())), None, None]);
    prop_oneof![9 => zone, 1 => zone_of_any_kind().prop_map(Some)]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    select(vec![
        Attributes::NONE,
        Attributes::NONE,
        Attributes::NONE,
        Attributes::WINDOW,
        Attributes::TABLE,
        Attributes::ACCESSIBLE,
        Attributes::WINDOW | Attributes::TABLE,
    ])
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        2 => Just(Part::All),
        2 => seats().prop_map(Part::Seats),
        1 => (0..3_u32).prop_map(Part::Quantity),
    ]
}

fn fence() -> impl Strategy<Value = Option<Fence>> {
    let fence = (2..20_u64).prop_map(|index| LogPosition::new(LogIndex::new(index), 3).into());
    option::weighted(0.3, fence)
}

fn late() -> impl Strategy<Value = Option<LatePolicy>> {
    select(vec![None, Some(LatePolicy::Refuse), Some(LatePolicy::Reacquire)])
}

fn single() -> impl Strategy<Value = Command> {
    let makes = prop_oneof![
        8 => (buyer(), seats(), span(), ttl()).prop_map(|(buyer, seats, legs, ttl_ms)| {
            CommandBody::Hold(Hold { buyer, seats, legs, ttl_ms })
        }),
        4 => best(),
        3 => (buyer(), zone_of_any_kind(), quantity(3), span(), ttl()).prop_map(
            |(buyer, zone, quantity, legs, ttl_ms)| {
                CommandBody::HoldQuantity(HoldQuantity { buyer, zone, quantity, legs, ttl_ms })
            }
        ),
        2 => (stock(), span()).prop_map(|(stock, legs)| {
            CommandBody::Block(Block { stock, legs, note: Note::new("crew") })
        }),
    ];
    let others = prop_oneof![
        2 => (id(), ttl()).prop_map(|(hold, ttl_ms)| CommandBody::Extend(Extend { hold, ttl_ms })),
        2 => (id(), ttl()).prop_map(|(hold, window_ms)| {
            CommandBody::BeginPayment(BeginPayment { hold, window_ms })
        }),
        6 => (id(), fence(), late()).prop_map(|(hold, fence, late)| {
            CommandBody::Confirm(Confirm { hold, fence, late })
        }),
        3 => id().prop_map(|hold| CommandBody::Release(Release { hold })),
        4 => (id(), part()).prop_map(|(hold, part)| CommandBody::Cancel(Cancel { hold, part })),
        3 => (id(), fence(), seats(), seats()).prop_map(|(hold, fence, give, take)| {
            CommandBody::Swap(Swap { hold, fence, give, take })
        }),
        2 => (id(), part()).prop_map(|(block, part)| CommandBody::Unblock(Unblock { block, part })),
        1 => option::weighted(0.8, id()).prop_map(|hold| {
            CommandBody::ExpireNow(ExpireNow { hold })
        }),
        1 => select(vec![
            CommandBody::Freeze,
            CommandBody::Thaw,
            CommandBody::Thaw,
            CommandBody::Thaw,
            CommandBody::Expire,
            CommandBody::Expire,
        ]),
    ];
    let rarely = Just(CommandBody::CloseSales);
    let body = prop_oneof![70 => makes, 70 => others, 1 => rarely];
    (id(), body).prop_map(|(id, body)| Command { id: id.into(), body })
}

fn best() -> impl Strategy<Value = CommandBody> {
    let wishes = (attributes(), attributes(), attributes(), any::<bool>());
    (buyer(), quantity(4), numbered_zone(), wishes, span(), ttl()).prop_map(
        |(buyer, quantity, zone, (required, wanted, avoided, required_side), legs, ttl_ms)| {
            CommandBody::HoldBest(HoldBest {
                buyer,
                quantity,
                zone,
                required,
                wanted,
                avoided,
                adjacent: if required_side { Adjacent::Required } else { Adjacent::Preferred },
                legs,
                ttl_ms,
            })
        },
    )
}

fn stock() -> impl Strategy<Value = Stock> {
    prop_oneof![
        seats().prop_map(Stock::Seats),
        (zone_of_any_kind(), quantity(2)).prop_map(|(zone, count)| Stock::Quantity { zone, count }),
    ]
}
