//! The peers that are installed here do what is asked of them; those that are not are told.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use seatgrid_benches::course::{Arrivals, Course};
use seatgrid_benches::lane::{Answer, Lane as _};
use seatgrid_benches::systems::Missing;
use seatgrid_benches::systems::postgres::{Postgres, Way};
use seatgrid_benches::systems::redis::{Asking, Persistence, Redis};
use seatgrid_benches::work::{Ask, Asks, Step, Workload};

fn course(workload: Workload) -> Course {
    Course { warmup: Duration::ZERO, ..Course::closed(workload, 16, Duration::from_secs(20)) }
}

/// Of all holds of a workload so many are given back, when two lanes ask for them.
fn given_back(workload: Workload) -> u64 {
    let asks = [0, 1].map(|lane| Asks::new(workload, (lane, 2), 1));
    let next = asks.into_iter().flatten().filter_map(|ask| workload.follow_up(&ask));
    next.filter(|next| next.step == Step::Release).count() as u64
}

#[tokio::test]
async fn redis_holds_every_seat_once() {
    for (persistence, replica, asking) in [
        (Persistence::None, false, Asking::Lua),
        (Persistence::Always, true, Asking::Lua),
        (Persistence::None, false, Asking::SetNx),
    ] {
        let redis = match Redis::start(persistence, replica).await {
            Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
            started => started.unwrap(),
        };
        let kinds = [Workload::spread(2), Workload::legs(2)];
        for workload in kinds.map(|kind| Workload { trips: 20, ..kind }) {
            redis.empty().await.unwrap();
            let lanes = [
                redis.lane(asking, replica).await.unwrap(),
                redis.lane(asking, replica).await.unwrap(),
            ];
            let measured = course(workload).run(lanes.into()).await.unwrap();
            assert_eq!((measured.held, measured.taken), (workload.capacity(), 0));
            // Nothing was forgotten in between: every seat is taken now.
            let lane = redis.lane(asking, replica).await.unwrap();
            let again = course(workload).run(vec![lane]).await.unwrap();
            assert_eq!((again.held, again.taken), (0, workload.capacity()));
        }
    }
}

#[tokio::test]
async fn redis_frees_what_is_given_back_and_nothing_else() {
    let redis = match Redis::start(Persistence::None, false).await {
        Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
        started => started.unwrap(),
    };
    let workload = Workload { trips: 20, ..Workload::life(2) };
    let free = given_back(workload);
    for expected in [(workload.capacity(), 0), (free, workload.capacity() - free)] {
        let lanes = [
            redis.lane(Asking::Lua, false).await.unwrap(),
            redis.lane(Asking::Lua, false).await.unwrap(),
        ];
        let measured = course(workload).run(lanes.into()).await.unwrap();
        assert_eq!((measured.held, measured.taken, measured.failed), (expected.0, expected.1, 0));
        assert!(measured.ended > measured.held / 2, "{} were ended", measured.ended);
    }
}

#[tokio::test]
async fn a_hold_one_by_one_that_meets_a_taken_seat_gives_the_others_back() {
    let redis = match Redis::start(Persistence::None, false).await {
        Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
        started => started.unwrap(),
    };
    let mut lane = redis.lane(Asking::SetNx, false).await.unwrap();
    let ask = |first, count| Ask { first, count, buyer: 1, ttl_s: 60, ..Ask::default() };
    for (ask, expected) in [
        (ask(1, 1), Answer::Held),
        (ask(0, 2), Answer::Taken),
        (ask(0, 1), Answer::Held),
        (ask(0, 2), Answer::Taken),
    ] {
        lane.ask(&ask, 7);
        let mut answers = Vec::new();
        lane.answers(&mut answers).await.unwrap();
        assert_eq!(answers, [(7, expected)], "{ask:?}");
    }
}

#[tokio::test]
async fn an_open_loop_asks_at_its_rate_whether_or_not_it_is_answered() {
    let redis = match Redis::start(Persistence::None, false).await {
        Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
        started => started.unwrap(),
    };
    let duration = Duration::from_secs(1);
    let course =
        Course { arrivals: Arrivals::Open(2_000.0), duration, ..course(Workload::spread(1)) };
    let lane = || redis.lane(Asking::Lua, false);
    let measured = course.run(vec![lane().await.unwrap(), lane().await.unwrap()]).await.unwrap();
    // A Poisson process of mean 2,000: six standard deviations to either side.
    assert!((1_730..2_270).contains(&measured.held), "{}", measured.held);
}

#[tokio::test]
async fn postgres_holds_every_seat_once() {
    let postgres = match Postgres::start(true).await {
        Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
        started => started.unwrap(),
    };
    for (way, depth, kind) in [
        (Way::OneStatement, 16, Workload::spread(1)),
        (Way::OneStatement, 16, Workload::spread(2)),
        (Way::OneStatement, 16, Workload::legs(1)),
        (Way::ForUpdate, 1, Workload::spread(2)),
        (Way::ForUpdate, 1, Workload::legs(2)),
    ] {
        let workload = Workload { trips: 10, ..kind };
        postgres.fill(&workload).await.unwrap();
        let course = Course { depth, ..course(workload) };
        for expected in [(workload.capacity(), 0), (0, workload.capacity())] {
            let mut lanes = Vec::new();
            for _ in 0..4 {
                lanes.push(postgres.lane(way, &workload).await.unwrap());
            }
            let measured = course.run(lanes).await.unwrap();
            assert_eq!((measured.held, measured.taken), expected, "{way:?} {workload:?}");
        }
    }
}

#[tokio::test]
async fn postgres_frees_what_is_given_back_and_nothing_else() {
    let postgres = match Postgres::start(true).await {
        Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
        started => started.unwrap(),
    };
    let workload = Workload { trips: 10, ..Workload::life(1) };
    let free = given_back(workload);
    postgres.fill(&workload).await.unwrap();
    for expected in [(workload.capacity(), 0), (free, workload.capacity() - free)] {
        let lane = || postgres.lane(Way::OneStatement, &workload);
        let lanes = vec![lane().await.unwrap(), lane().await.unwrap()];
        let measured = course(workload).run(lanes).await.unwrap();
        assert_eq!((measured.held, measured.taken, measured.failed), (expected.0, expected.1, 0));
        assert!(measured.ended > measured.held / 2, "{} were ended", measured.ended);
    }
}
