//! The seat map against a model that is as plain as can be: random commands at random times, and after
//! every one the same answer, the same owners, and everything that is always true.

#![allow(clippy::unwrap_used)]

mod canonical;
mod choice;
mod commands;
mod fit;
mod model;
mod rules;

use std::sync::Arc;

use proptest::prelude::*;
use proto::ids::{LogIndex, LogPosition, SeatNo, Timestamp};
use seatgrid_actors::seat_map::*;

use commands::{Setting, Step, setting, step};
use model::Model;

/// The state as a replica that restarts from its snapshot would have it.
fn restored(map: &SeatMap) -> SeatMap {
    let layout = &map.trip().layout;
    let bytes = codec::encode_state(map);
    let find = |digest| (digest == layout.digest()).then(|| Arc::clone(layout));
    let restored = codec::decode_state(&bytes, &find).unwrap();
    assert_eq!(restored.digest(), map.digest());
    assert_eq!(restored.position(), map.position());
    assert_eq!(restored.next_deadline(), map.next_deadline());
    restored
}

/// A refusal without what the model does not tell: alternatives, and how near a miss it was.
fn comparable(outcome: &Outcome) -> Outcome {
    match outcome {
        Err(Refusal::SeatsTaken(taken)) => {
            let alternatives = Few::new();
            Err(Refusal::SeatsTaken(Taken { alternatives, ..taken.clone() }))
        }
        Err(Refusal::InBatch { place, refusal }) => {
            let inner = comparable(&Err((**refusal).clone())).unwrap_err();
            Err(Refusal::InBatch { place: *place, refusal: Box::new(inner) })
        }
        other => other.clone(),
    }
}

fn check_owners(map: &SeatMap, model: &Model) {
    for seat in (0..).map(SeatNo::new).take(map.trip().layout.seats().len()) {
        let owners: Vec<_> =
            map.view().owners(seat).map(|o| (o.legs, o.hold.id, o.class)).collect();
        assert_eq!(owners, model.owners(seat), "owners of seat {seat}");
    }
    let live = map.view().live();
    assert_eq!(live.len(), model.live_count());
}

/// What the check before the log may say, given what the log said.
fn check_the_check(map_due: bool, command: &Command, checked: &Check, outcome: &Outcome) {
    match (checked, outcome) {
        (Check::Known(_, known), outcome) => assert_eq!(known, outcome),
        (Check::Refuse(early), Err(late)) => assert_eq!(early.code(), late.code()),
        (Check::Refuse(early), Ok(_)) => panic!("refused early as {early:?}, then granted"),
        (Check::Propose, Err(late)) => {
            let only_the_log = matches!(
                command.body,
                CommandBody::Batch(_) | CommandBody::Confirm(_) | CommandBody::Expire
            );
            assert!(map_due || only_the_log, "{late:?} could have been told early");
        }
        (Check::Propose, Ok(_)) => {}
    }
}

fn check_alternatives(map: &SeatMap, command: &Command, outcome: &Outcome) {
    let (Err(Refusal::SeatsTaken(taken)), CommandBody::Hold(hold)) = (outcome, &command.body)
    else {
        return;
    };
    let legs = match hold.legs {
        Span::Legs(legs) => legs,
        Span::Whole => map.trip().whole(),
    };
    let layout = &map.trip().layout;
    let zone = |seat: SeatNo| layout.seat(seat).unwrap().zone;
    for &seat in &taken.alternatives {
        assert_eq!(map.view().seat(seat, legs), None);
        assert_eq!(zone(seat), zone(taken.blocking[0].seat));
    }
}

fn run(setting: &Setting, steps: &[Step]) {
    let open = Arc::new(setting.open());
    let first = LogPosition::new(LogIndex::new(1), 0);
    let opened_by = commands::command_id(0);
    let start = Timestamp::from_unix_ms(commands::START_MS);
    let mut map = SeatMap::open(start, first, opened_by, &open).unwrap();
    let mut twin = restored(&map);
    let mut model = Model::new(Arc::clone(&open));
    let mut at = start;
    let mut sent: Vec<Command> = Vec::new();
    for (index, step) in (2..).zip(steps) {
        at = at.plus_ms(step.after_ms);
        let pos = LogPosition::new(LogIndex::new(index), 3);
        if step.restart {
            twin = restored(&map);
        }
        let command = &step.command(index, &map, &sent);
        let due = map.next_deadline().is_some_and(|deadline| deadline <= at);
        let checked = map.check(at, command);
        let outcome = map.apply(at, pos, command);
        assert_eq!(twin.apply(at, pos, command), outcome, "the restored replica differs");
        let expected = model.apply(at, pos, command, &outcome);
        assert_eq!(comparable(&outcome), comparable(&expected), "{:?}", command);
        check_the_check(due, command, &checked, &outcome);
        if !matches!(checked, Check::Known(..)) {
            check_alternatives(&map, command, &outcome);
        }
        if let Err(violation) = invariants::check(&map) {
            panic!("{violation} after {:?}", command);
        }
        check_owners(&map, &model);
        sent.push(command.clone());
    }
    assert_eq!(map.digest(), twin.digest());
    assert_eq!(map.version(), twin.version());
}

/// How many trips to run through: `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(800)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_seat_map_answers_like_the_model(
        setting in setting(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        run(&setting, &steps);
    }
}
