//! The content of a command as 64 bits, by which a retry is told from an id that is used again.
//!
//! Fingerprints are kept in snapshots: how they are made may not change without a new snapshot version.
//! They are compared only under one id, so that nobody can gain by finding two bodies with one print.

use proto::ids::{Fence, HoldId, Legs};
use xxhash_rust::xxh3::xxh3_64;

use super::codec;
use super::command::{Adjacent, Block, CommandBody, HoldBest, Part, Seats, Span, Stock, ZoneRef};
use super::open::LatePolicy;

/// The fingerprint of a body, best taken over its canonical form.
pub(super) fn of(body: &CommandBody) -> u64 {
    let mut print = Print(0x5ea7);
    match body {
        CommandBody::Open(open) => {
            print.word(1);
            let mut bytes = Vec::new();
            codec::put_open(open, &mut bytes);
            print.word(xxh3_64(&bytes));
        }
        CommandBody::Hold(hold) => {
            print.word(2);
            print.text(hold.buyer.as_str());
            print.seats(&hold.seats);
            print.span(hold.legs);
            print.word(hold.ttl_ms);
        }
        CommandBody::HoldBest(best) => print.best(best),
        CommandBody::HoldQuantity(hold) => {
            print.word(4);
            print.text(hold.buyer.as_str());
            print.zone(&hold.zone);
            print.word(u64::from(hold.quantity));
            print.span(hold.legs);
            print.word(hold.ttl_ms);
        }
        CommandBody::Extend(extend) => print.about(5, extend.hold.as_u128(), extend.ttl_ms),
        CommandBody::BeginPayment(pay) => print.about(6, pay.hold.as_u128(), pay.window_ms),
        CommandBody::Confirm(confirm) => {
            print.about(7, confirm.hold.as_u128(), late(confirm.late));
            print.fence(confirm.fence);
        }
        CommandBody::Release(release) => print.about(8, release.hold.as_u128(), 0),
        CommandBody::Cancel(cancel) => {
            print.about(9, cancel.hold.as_u128(), 0);
            print.part(&cancel.part);
        }
        CommandBody::Swap(swap) => {
            print.about(10, swap.hold.as_u128(), 0);
            print.fence(swap.fence);
            print.seats(&swap.give);
            print.seats(&swap.take);
        }
        CommandBody::Block(block) => print.block(block),
        CommandBody::Unblock(unblock) => {
            print.about(12, unblock.block.as_u128(), 0);
            print.part(&unblock.part);
        }
        CommandBody::Freeze => print.word(13),
        CommandBody::Thaw => print.word(14),
        CommandBody::CloseSales => print.word(15),
        CommandBody::Expire => print.word(16),
        CommandBody::ExpireNow(expire) => {
            print.about(19, expire.hold.map_or(0, HoldId::as_u128), 0);
        }
        CommandBody::Batch(commands) => {
            print.word(17);
            for command in commands {
                print.about(18, command.id.as_u128(), of(&command.body));
            }
        }
    }
    print.0
}

fn late(late: Option<LatePolicy>) -> u64 {
    match late {
        None => 0,
        Some(LatePolicy::Refuse) => 1,
        Some(LatePolicy::Reacquire) => 2,
    }
}

/// Absorbs words, one folded multiplication each.
struct Print(u64);

impl Print {
    #[inline]
    fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0xa076_1d64_78bd_642f)
            * u128::from(self.0.rotate_left(32) ^ 0xe703_7ed1_a0b4_28db);
        self.0 = (product >> 64) as u64 ^ product as u64 ^ word.rotate_left(17);
    }

    fn about(&mut self, what: u64, id: u128, more: u64) {
        self.word(what);
        self.word((id >> 64) as u64);
        self.word(id as u64);
        self.word(more);
    }

    fn best(&mut self, best: &HoldBest) {
        self.word(3);
        self.text(best.buyer.as_str());
        let required = u64::from(best.adjacent == Adjacent::Required);
        self.word(u64::from(best.quantity) << 1 | required);
        match &best.zone {
            Some(zone) => self.zone(zone),
            None => self.word(u64::MAX),
        }
        self.word(u64::from(best.required.bits()) << 32 | u64::from(best.wanted.bits()));
        self.word(u64::from(best.avoided.bits()));
        self.span(best.legs);
        self.word(best.ttl_ms);
    }

    fn block(&mut self, block: &Block) {
        self.word(11);
        match &block.stock {
            Stock::Seats(seats) => self.seats(seats),
            Stock::Quantity { zone, count } => {
                self.zone(zone);
                self.word(u64::from(*count));
            }
        }
        self.span(block.legs);
        self.text(block.note.as_str());
    }

    fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        self.word(xxh3_64(text.as_bytes()));
    }

    fn seats(&mut self, seats: &Seats) {
        match seats {
            Seats::Numbers(numbers) => {
                self.word(numbers.len() as u64);
                for seat in numbers {
                    self.word(u64::from(seat.get()));
                }
            }
            Seats::Names(names) => {
                self.word(!(names.len() as u64));
                for name in names {
                    self.text(name);
                }
            }
        }
    }

    fn zone(&mut self, zone: &ZoneRef) {
        match zone {
            ZoneRef::Number(number) => self.word(u64::from(number.get())),
            ZoneRef::Name(name) => self.text(name),
        }
    }

    fn span(&mut self, span: Span) {
        match span {
            Span::Whole => self.word(0),
            Span::Legs(legs) => self.legs(legs),
        }
    }

    fn legs(&mut self, legs: Legs) {
        self.word(u64::from(legs.from()) << 16 | u64::from(legs.to()));
    }

    fn fence(&mut self, fence: Option<Fence>) {
        self.word(u64::from(fence.is_some()));
        self.word(fence.map_or(0, Fence::get));
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::All => self.word(1),
            Part::Seats(seats) => {
                self.word(2);
                self.seats(seats);
            }
            Part::Quantity(count) => {
                self.word(3);
                self.word(u64::from(*count));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::ids::{BuyerId, SeatNo, ZoneNo};

    use super::super::attributes::Attributes;
    use super::super::command::{
        BeginPayment, Cancel, Command, Confirm, ExpireNow, Extend, Hold, HoldQuantity, Note,
        Release, Swap, Unblock,
    };
    use super::*;

    fn hold_id(number: u128) -> HoldId {
        HoldId::from_u128(number).expect("it is not zero")
    }

    fn seats(numbers: &[u32]) -> Seats {
        Seats::Numbers(numbers.iter().copied().map(SeatNo::new).collect())
    }

    fn span(from: u16, to: u16) -> Span {
        Span::Legs(Legs::new(from, to).expect("from is smaller"))
    }

    fn holds() -> Vec<CommandBody> {
        let hold = |buyer: &str, numbers: &[u32], legs, ttl_ms| {
            let buyer = BuyerId::new(buyer).expect("it is short");
            CommandBody::Hold(Hold { buyer, seats: seats(numbers), legs, ttl_ms })
        };
        let quantity = |zone, quantity| {
            let (buyer, zone) = (BuyerId::default(), ZoneRef::Number(ZoneNo::new(zone)));
            let (legs, ttl_ms) = (span(0, 1), 1);
            CommandBody::HoldQuantity(HoldQuantity { buyer, zone, quantity, legs, ttl_ms })
        };
        vec![
            hold("ann", &[1], span(0, 1), 1),
            hold("bob", &[1], span(0, 1), 1),
            hold("ann", &[2], span(0, 1), 1),
            hold("ann", &[1, 2], span(0, 1), 1),
            hold("ann", &[1], span(0, 2), 1),
            hold("ann", &[1], span(1, 2), 1),
            hold("ann", &[1], Span::Whole, 1),
            hold("ann", &[1], span(0, 1), 2),
            quantity(0, 1),
            quantity(0, 2),
            quantity(1, 1),
        ]
    }

    fn bests() -> Vec<CommandBody> {
        let plain = HoldBest {
            buyer: BuyerId::default(),
            quantity: 1,
            zone: None,
            required: Attributes::NONE,
            wanted: Attributes::NONE,
            avoided: Attributes::NONE,
            adjacent: Adjacent::Required,
            legs: span(0, 1),
            ttl_ms: 1,
        };
        let window = Attributes::WINDOW;
        let with = |change: &dyn Fn(&mut HoldBest)| {
            let mut best = plain.clone();
            change(&mut best);
            CommandBody::HoldBest(best)
        };
        vec![
            with(&|_| ()),
            with(&|best| best.quantity = 2),
            with(&|best| best.zone = Some(ZoneRef::Number(ZoneNo::new(0)))),
            with(&|best| best.required = window),
            with(&|best| best.wanted = window),
            with(&|best| best.avoided = window),
            with(&|best| best.adjacent = Adjacent::Preferred),
            with(&|best| best.legs = span(0, 2)),
            with(&|best| best.ttl_ms = 2),
        ]
    }

    fn about_holds(hold: HoldId) -> Vec<CommandBody> {
        let confirm = |fence, late| CommandBody::Confirm(Confirm { hold, fence, late });
        let cancel = |part| CommandBody::Cancel(Cancel { hold, part });
        let swap = |fence, give: &[u32], take: &[u32]| {
            let (give, take) = (seats(give), seats(take));
            CommandBody::Swap(Swap { hold, fence, give, take })
        };
        let fence = Some(Fence::new(7));
        vec![
            CommandBody::Extend(Extend { hold, ttl_ms: 1 }),
            CommandBody::Extend(Extend { hold, ttl_ms: 2 }),
            CommandBody::BeginPayment(BeginPayment { hold, window_ms: 1 }),
            CommandBody::BeginPayment(BeginPayment { hold, window_ms: 2 }),
            confirm(None, None),
            confirm(Some(Fence::new(0)), None),
            confirm(fence, None),
            confirm(None, Some(LatePolicy::Refuse)),
            confirm(None, Some(LatePolicy::Reacquire)),
            CommandBody::Release(Release { hold }),
            cancel(Part::All),
            cancel(Part::Quantity(1)),
            cancel(Part::Quantity(2)),
            cancel(Part::Seats(seats(&[1]))),
            cancel(Part::Seats(seats(&[2]))),
            swap(None, &[1], &[2]),
            swap(fence, &[1], &[2]),
            swap(None, &[2], &[1]),
            swap(None, &[1, 2], &[]),
            CommandBody::Unblock(Unblock { block: hold, part: Part::All }),
            CommandBody::Unblock(Unblock { block: hold, part: Part::Quantity(1) }),
        ]
    }

    fn others() -> Vec<CommandBody> {
        let block = |stock, legs, note: &str| {
            CommandBody::Block(Block { stock, legs, note: Note::new(note) })
        };
        let command = |id, body| Command { id: hold_id(id).into(), body };
        let batch = |commands| CommandBody::Batch(commands);
        vec![
            block(Stock::Seats(seats(&[1])), span(0, 1), ""),
            block(Stock::Seats(seats(&[2])), span(0, 1), ""),
            block(Stock::Seats(seats(&[1])), span(0, 2), ""),
            block(Stock::Seats(seats(&[1])), span(0, 1), "wet"),
            CommandBody::Freeze,
            CommandBody::Thaw,
            CommandBody::CloseSales,
            CommandBody::Expire,
            CommandBody::ExpireNow(ExpireNow { hold: None }),
            CommandBody::ExpireNow(ExpireNow { hold: Some(hold_id(1)) }),
            batch(vec![]),
            batch(vec![command(1, CommandBody::Freeze)]),
            batch(vec![command(2, CommandBody::Freeze)]),
            batch(vec![command(1, CommandBody::Thaw)]),
            batch(vec![command(1, CommandBody::Freeze), command(2, CommandBody::Thaw)]),
        ]
    }

    /// An id that comes back with one field changed is another command: no field may be left out.
    #[test]
    fn every_field_shows_in_the_fingerprint() {
        let mut bodies = [holds(), bests(), others()].concat();
        bodies.extend(about_holds(hold_id(1)));
        bodies.extend(about_holds(hold_id(1 << 100)));
        let mut prints: Vec<u64> = bodies.iter().map(of).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), bodies.len());
    }

    /// Fingerprints are kept in snapshots.
    #[test]
    fn a_fingerprint_never_changes() {
        assert_eq!(format!("{:016x}", of(&holds()[0])), "a1c203cea345d481");
    }
}
