//! An etcd cluster does what is asked of it, where it is installed.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use seatgrid_benches::course::{Arrivals, Course};
use seatgrid_benches::lane::{Answer, Lane as _};
use seatgrid_benches::systems::Missing;
use seatgrid_benches::systems::etcd::{Etcd, Leases};
use seatgrid_benches::work::{Ask, Workload};

/// A cluster; none, and a message, where it is not installed.
async fn started() -> Option<Etcd> {
    match Etcd::start().await {
        Err(missing @ Missing::NotInstalled { .. }) => {
            eprintln!("skipped: {missing}");
            None
        }
        started => Some(started.unwrap()),
    }
}

#[tokio::test]
async fn etcd_holds_every_seat_once() {
    let Some(mut etcd) = started().await else { return };
    assert_eq!(etcd.processes().len(), 3);
    let workload = Workload { trips: 4, ..Workload::spread(2) };
    let (warmup, duration) = (Duration::ZERO, Duration::from_secs(20));
    let arrivals = Arrivals::Closed;
    let course = Course { workload, depth: 16, arrivals, warmup, duration, seed: 1 };
    for leases in [Leases::Shared, Leases::PerHold] {
        etcd.empty().await.unwrap();
        // Nothing is forgotten in between: the second time every seat is taken.
        for expected in [(workload.capacity(), 0, 0), (0, workload.capacity(), 0)] {
            let lanes = [etcd.lane(leases).await.unwrap(), etcd.lane(leases).await.unwrap()];
            let measured = course.run(lanes.into()).await.unwrap();
            assert_eq!((measured.held, measured.taken, measured.failed), expected, "{leases:?}");
        }
    }
}

#[tokio::test]
async fn a_hold_that_meets_a_taken_seat_takes_none() {
    let Some(etcd) = started().await else { return };
    let ask = |first, count| Ask { trip: 0, first, count, buyer: 1 };
    for (first, leases) in [(0, Leases::Shared), (100, Leases::PerHold)] {
        let mut lane = etcd.lane(leases).await.unwrap();
        for (ask, expected) in [
            (ask(first + 1, 1), Answer::Held),
            (ask(first, 2), Answer::Taken),
            (ask(first, 1), Answer::Held),
        ] {
            lane.ask(&ask, 7);
            let mut answers = Vec::new();
            lane.answers(&mut answers).await.unwrap();
            assert_eq!(answers, [(7, expected)], "{leases:?} {ask:?}");
        }
    }
}
