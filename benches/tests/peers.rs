//! The peers that are installed here do what is asked of them; those that are not are told.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use seatgrid_benches::course::{Arrivals, Course};
use seatgrid_benches::systems::Missing;
use seatgrid_benches::systems::postgres::{Postgres, Way};
use seatgrid_benches::systems::redis::{Persistence, Redis};
use seatgrid_benches::work::Workload;

fn course(workload: Workload) -> Course {
    let (warmup, duration) = (Duration::ZERO, Duration::from_secs(20));
    Course { workload, depth: 16, arrivals: Arrivals::Closed, warmup, duration, seed: 1 }
}

#[tokio::test]
async fn redis_holds_every_seat_once() {
    for (persistence, replica) in [(Persistence::None, false), (Persistence::Always, true)] {
        let redis = match Redis::start(persistence, replica).await {
            Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
            started => started.unwrap(),
        };
        let workload = Workload { trips: 20, ..Workload::spread(2) };
        for _ in 0..2 {
            redis.empty().await.unwrap();
            let lanes = [redis.lane(replica).await.unwrap(), redis.lane(replica).await.unwrap()];
            let measured = course(workload).run(lanes.into()).await.unwrap();
            assert_eq!((measured.held, measured.taken), (workload.capacity(), 0));
        }
        // Nothing was forgotten in between: every seat is taken now.
        let again = course(workload).run(vec![redis.lane(replica).await.unwrap()]).await.unwrap();
        assert_eq!((again.held, again.taken), (0, workload.capacity()));
    }
}

#[tokio::test]
async fn postgres_holds_every_seat_once() {
    let postgres = match Postgres::start(true).await {
        Err(missing @ Missing::NotInstalled { .. }) => return eprintln!("skipped: {missing}"),
        started => started.unwrap(),
    };
    for (way, depth, per_hold) in
        [(Way::OneStatement, 16, 1), (Way::OneStatement, 16, 2), (Way::ForUpdate, 1, 2)]
    {
        let workload = Workload { trips: 10, ..Workload::spread(per_hold) };
        postgres.fill(&workload).await.unwrap();
        let course = Course { depth, ..course(workload) };
        for expected in [(workload.capacity(), 0), (0, workload.capacity())] {
            let mut lanes = Vec::new();
            for _ in 0..4 {
                lanes.push(postgres.lane(way, per_hold).await.unwrap());
            }
            let measured = course.run(lanes).await.unwrap();
            assert_eq!((measured.held, measured.taken), expected, "{way:?} {per_hold}");
        }
    }
}
