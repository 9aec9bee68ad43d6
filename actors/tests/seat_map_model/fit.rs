//! How a drawn command is made to fit the trip.

use proto::ids::{Fence, HoldId, SeatNo};
use seatgrid_actors::seat_map::*;

use crate::commands::legs;

/// Makes a command fit the trip, each part with some luck.
pub(crate) fn fit(body: &mut CommandBody, luck: u32, map: &SeatMap, sent: &[Command]) {
    let made: Vec<HoldId> = sent
        .iter()
        .map(|command| HoldId::from(command.id))
        .filter(|id| map.view().hold(*id).is_some())
        .collect();
    let is_block = |id: &HoldId| map.view().hold(*id).unwrap().state == HoldState::Blocked;
    let find = |drawn: &mut HoldId, block: bool| {
        let fitting = made.iter().rev().filter(|id| is_block(id) == block || luck % 32 == 3);
        let fitting: Vec<_> = fitting.collect();
        if !fitting.is_empty() && luck >> 5 & 31 != 0 {
            *drawn = *fitting[drawn.as_u128() as usize % fitting.len()];
        }
    };
    let span = |span: &mut Span| {
        let all = map.trip().leg_count();
        if let Span::Legs(drawn) = span
            && luck >> 10 & 15 != 0
        {
            let far = [0, 0, 59, 62][(luck >> 14 & 3) as usize];
            let from = (drawn.from() + far) % all;
            *span = legs(from, from + 1 + drawn.count() % (all - from));
        }
    };
    match body {
        CommandBody::Hold(hold) => span(&mut hold.legs),
        CommandBody::HoldBest(best) => span(&mut best.legs),
        CommandBody::HoldQuantity(hold) => span(&mut hold.legs),
        CommandBody::Block(block) => span(&mut block.legs),
        CommandBody::Extend(extend) => find(&mut extend.hold, false),
        CommandBody::BeginPayment(pay) => find(&mut pay.hold, false),
        CommandBody::Release(release) => find(&mut release.hold, false),
        CommandBody::Confirm(confirm) => {
            find(&mut confirm.hold, false);
            fit_fence(&mut confirm.fence, confirm.hold, luck, map);
        }
        CommandBody::Cancel(cancel) => {
            find(&mut cancel.hold, false);
            fit_part(&mut cancel.part, cancel.hold, luck, map);
        }
        CommandBody::Unblock(unblock) => {
            find(&mut unblock.block, true);
            fit_part(&mut unblock.part, unblock.block, luck, map);
        }
        CommandBody::Swap(swap) => {
            find(&mut swap.hold, false);
            fit_fence(&mut swap.fence, swap.hold, luck, map);
            let mut part = Part::Seats(swap.give.clone());
            fit_part(&mut part, swap.hold, luck, map);
            if let (Part::Seats(give), Seats::Numbers(take)) = (part, &swap.take)
                && let Seats::Numbers(given) = &give
                && luck >> 20 & 7 != 0
            {
                let free = (0..10).map(|n| SeatNo::new((n * 7 + luck) % 10));
                let wanted = take.iter().copied().chain(free).filter(|seat| !given.contains(seat));
                let mut take: Vec<SeatNo> = Vec::new();
                wanted.for_each(|seat| {
                    if take.len() < given.len() && !take.contains(&seat) {
                        take.push(seat);
                    }
                });
                (swap.give, swap.take) = (give, Seats::Numbers(take.into()));
            }
        }
        _ => {}
    }
}

/// Brings the right fence, mostly.
fn fit_fence(fence: &mut Option<Fence>, hold: HoldId, luck: u32, map: &SeatMap) {
    if let (Some(fence), Some(hold)) = (fence, map.view().hold(hold))
        && luck >> 16 & 3 != 0
    {
        *fence = hold.fence;
    }
}

/// Names the hold's own seats, mostly.
fn fit_part(part: &mut Part, hold: HoldId, luck: u32, map: &SeatMap) {
    let Some(hold) = map.view().hold(hold).filter(|_| luck >> 18 & 7 != 0) else { return };
    match (&mut *part, hold.places) {
        (Part::Seats(seats), Places::Seats(own)) => {
            let count = 1 + (luck >> 24) as usize % own.len();
            *seats = Seats::Numbers(own[..count].into());
        }
        (Part::Seats(_), Places::Quantity { .. }) => *part = Part::Quantity(1),
        (Part::Quantity(_), Places::Seats(_)) => *part = Part::All,
        _ => {}
    }
}
