//! An etcd cluster does what is asked of it, where it is installed.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use seatgrid_benches::course::Course;
use seatgrid_benches::lane::{Answer, Lane as _};
use seatgrid_benches::systems::Missing;
use seatgrid_benches::systems::etcd::{Etcd, Leases};
use seatgrid_benches::work::{Ask, Asks, Step, Workload};

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

fn course(workload: Workload) -> Course {
    Course { warmup: Duration::ZERO, ..Course::closed(workload, 16, Duration::from_secs(20)) }
}

#[tokio::test]
async fn etcd_holds_every_seat_once() {
    let Some(mut etcd) = started().await else { return };
    assert_eq!(etcd.processes().len(), 3);
    for (leases, kind) in [
        (Leases::Shared, Workload::spread(2)),
        (Leases::PerHold, Workload::spread(2)),
        (Leases::Shared, Workload::legs(1)),
    ] {
        let workload = Workload { trips: 4, ..kind };
        let course = course(workload);
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
async fn etcd_frees_what_is_given_back_and_nothing_else() {
    let Some(etcd) = started().await else { return };
    let workload = Workload { trips: 4, ..Workload::life(1) };
    let next = Asks::new(workload, (0, 1), 1).filter_map(|ask| workload.follow_up(&ask));
    let free = next.filter(|next| next.step == Step::Release).count() as u64;
    for expected in [(workload.capacity(), 0), (free, workload.capacity() - free)] {
        let lanes = vec![etcd.lane(Leases::Shared).await.unwrap()];
        let measured = course(workload).run(lanes).await.unwrap();
        assert_eq!((measured.held, measured.taken, measured.failed), (expected.0, expected.1, 0));
        assert!(measured.ended > measured.held / 2, "{} were ended", measured.ended);
    }
}

#[tokio::test]
async fn a_hold_that_meets_a_taken_seat_takes_none() {
    let Some(etcd) = started().await else { return };
    let ask = |first, count| Ask { first, count, buyer: 1, ttl_s: 60, ..Ask::default() };
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
