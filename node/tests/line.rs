//! One hold can be followed along the whole line, by its id and the names of the stations.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proto::ids::TripId;
use proto::line::{
    LOG_PROPOSE, NODE_HOLD, SEAT_MAP_HOLD, SHARD_APPLY, STATIONS, TARGET, TRIP_ADMIT,
};
use seatgrid_client_sdk::{Client, Error, Held, Hold, Options};
use support::{Cluster, DEADLINE};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// A span as it began: its name and fields.
#[derive(Clone, Debug, Default)]
struct Station {
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Station {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl Station {
    fn is(&self, field: &str, value: &str) -> bool {
        self.fields.get(field).is_some_and(|found| found == value)
    }
}

/// Every station that was passed, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<Station>>>);

impl<S: Subscriber> Layer<S> for Record {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut station = Station { name: span.metadata().name(), ..Station::default() };
        span.record(&mut station);
        self.0.lock().unwrap().push(station);
    }
}

impl Record {
    fn of(&self, hold: &Hold) -> Vec<Station> {
        let id = hold.id.to_string();
        self.0.lock().unwrap().iter().filter(|s| s.is("hold", &id)).cloned().collect()
    }

    /// What the SDK and the leader told of a hold. The followers' share of the line is their own.
    fn line(&self, hold: &Hold) -> Vec<Station> {
        self.of(hold).into_iter().filter(|station| !station.is("own", "false")).collect()
    }
}

fn names(line: &[Station]) -> Vec<&'static str> {
    line.iter().map(|station| station.name).collect()
}

struct Rig {
    record: Record,
    client: Client,
    trip: TripId,
}

impl Rig {
    /// Asks for a seat until one attempt was enough, so that the line has no second beginning: right
    /// after an election a hold may meet a node that does not lead.
    async fn hold(&self, seats: impl Iterator<Item = String>) -> (Hold, Result<Held, Error>) {
        let deadline = Instant::now() + DEADLINE;
        for seat in seats {
            let hold = Hold::seats(&self.trip, [seat]);
            let answer = self.client.hold(hold.clone()).await;
            let line = self.record.line(&hold);
            if line.iter().filter(|station| station.name == NODE_HOLD).count() == 1 {
                return (hold, answer);
            }
            assert!(Instant::now() < deadline, "no hold was answered at once: {line:?}");
        }
        panic!("there are enough seats");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_passes_every_station_in_order_and_a_refusal_does_not_reach_the_log() {
    let record = Record::default();
    let only_the_line = Targets::new().with_target(TARGET, Level::TRACE);
    let subscriber = tracing_subscriber::registry().with(only_the_line).with(record.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let cluster = Cluster::start().await;
    cluster.open("trip", 80).await;
    let client = Client::connect([cluster.endpoint(1)], Options::default()).await.unwrap();
    let rig = Rig { record, client, trip: TripId::new("trip").unwrap() };

    let (hold, answer) = rig.hold((1..=20).map(|row| format!("{row}A"))).await;
    assert!(answer.is_ok(), "{answer:?}");
    let line = rig.record.line(&hold);
    assert_eq!(names(&line), STATIONS, "{line:?}");
    assert!(line[3].is("outcome", "PROPOSE") && line[7].is("outcome", "OK"), "{line:?}");
    followers_apply(&rig.record, &hold).await;

    // Only a leader whose lease is confirmed refuses before the log; on a slow machine that may take
    // more than one attempt.
    let deadline = Instant::now() + DEADLINE;
    loop {
        let taken = hold.seats[0].clone();
        let (hold, answer) = rig.hold(std::iter::repeat(taken)).await;
        assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
        let line = rig.record.line(&hold);
        let admitted = line.iter().find(|station| station.name == TRIP_ADMIT).unwrap();
        if admitted.is("outcome", "SEAT_TAKEN") {
            let without_log = STATIONS
                .iter()
                .filter(|name| ![LOG_PROPOSE, SHARD_APPLY, SEAT_MAP_HOLD].contains(name));
            assert_eq!(names(&line), without_log.copied().collect::<Vec<_>>(), "{line:?}");
            assert!(line.last().unwrap().is("outcome", "SEAT_TAKEN"), "{line:?}");
            break;
        }
        assert_eq!(names(&line), STATIONS, "the log decides: {line:?}");
        assert!(Instant::now() < deadline, "the lease is never confirmed");
    }
    cluster.stop().await;
}

/// Waits until both followers have applied a hold, each with a decision of its own.
async fn followers_apply(record: &Record, hold: &Hold) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let all = record.of(hold);
        let followers: Vec<_> = all.iter().filter(|station| station.is("own", "false")).collect();
        if followers.len() == 4 {
            let count = |name| followers.iter().filter(|station| station.name == name).count();
            assert_eq!((count(SHARD_APPLY), count(SEAT_MAP_HOLD)), (2, 2), "{followers:?}");
            return;
        }
        assert!(Instant::now() < deadline, "followers do not apply: {followers:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
