//! Buyers: each holds seats over the SDK, thinks, and pays, gives back or goes away. They arrive at a
//! rate, whether or not the cluster answers.

use std::sync::Arc;
use std::time::Duration;

use client_sdk::ids::{HoldId, Legs, TripId};
use client_sdk::pb;
use client_sdk::{
    Client, Confirm, Confirmed, Done, Error, Held, Hold, OpenTrip, Options, Release, new_hold_id,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::history::{History, Record};
use super::plan::Plan;
use crate::sim::chance::Chance;
use crate::verify::call::{Kind, Outcome};

/// Booking services: each has a client of its own.
const SERVICES: usize = 3;

/// How long a call may take in all. Longer than an election, shorter than buyers' patience.
const DEADLINE: Duration = Duration::from_secs(3);

/// Times that a buyer sends the same request again after an unknown outcome.
const TRIES: usize = 3;

/// Life of a hold, from and to, in milliseconds.
const TTL_MS: (u64, u64) = (2_000, 6_000);

/// Longest time between a hold and what follows, in milliseconds.
const THINK_MS: u64 = 250;

/// Of a thousand buyers so many go away while they wait for an answer.
const LEAVING_PER_MILLE: u64 = 30;

/// Of a thousand answered requests so many are sent again, to be answered the same.
const REPEATED_PER_MILLE: u64 = 100;

/// Of a thousand unknown outcomes so many are asked again.
const ASKED_AGAIN_PER_MILLE: u64 = 700;

/// Of a thousand holds so many are confirmed; as many again, less a quarter, are released, the others
/// are left to expire.
const CONFIRMED_PER_MILLE: u64 = 400;

/// See above.
const RELEASED_PER_MILLE: u64 = 300;

/// Buyers of one run.
#[derive(Clone)]
pub struct Buyers {
    services: Arc<[Client]>,
    trips: Arc<[TripId]>,
    seats: u32,
    legs: u16,
}

impl Buyers {
    /// Connects, and opens the trips of a plan; their names begin with `prefix`.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn start(plan: &Plan, endpoints: &[String], prefix: &str) -> Result<Self, Error> {
        let mut services = Vec::new();
        for _ in 0..SERVICES {
            let options = Options::default().deadline(DEADLINE);
            services.push(Client::connect(endpoints, options).await?);
        }
        let trips: Vec<TripId> = (1..=plan.trips)
            .map(|n| TripId::new(&format!("{prefix}trip-{n}")))
            .collect::<Result<_, _>>()?;
        for trip in &trips {
            open(&services[0], trip, plan).await?;
        }
        Ok(Self {
            services: services.into(),
            trips: trips.into(),
            seats: u32::try_from(plan.seats).unwrap_or(u32::MAX),
            legs: u16::try_from(plan.legs).unwrap_or(u16::MAX),
        })
    }

    /// Lets buyers arrive for as long as the plan says, and waits until the last has gone.
    pub async fn run(&self, plan: &Plan, seed: u64, history: &Arc<History>) {
        let (mut chance, mut lives) = (Chance::new(seed).fork("buyers"), JoinSet::new());
        let room = Arc::new(Semaphore::new(usize::try_from(plan.buyers).unwrap_or(usize::MAX)));
        let mut arrivals =
            tokio::time::interval(Duration::from_micros(1_000_000 / plan.arrivals_per_s));
        arrivals.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = history.at_ms(plan.duration_s * 1_000);
        while tokio::time::Instant::now() < end {
            tokio::select! {
                _ = arrivals.tick() => {}
                () = tokio::time::sleep_until(end) => break,
            }
            while lives.try_join_next().is_some() {}
            // A buyer for whom there is no room does not come.
            if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
                let (buyers, chance) = (self.clone(), chance.fork("life"));
                let history = Arc::clone(history);
                lives.spawn(async move {
                    buyers.live(&history, chance).await;
                    drop(place);
                });
            }
        }
        while lives.join_next().await.is_some() {}
    }

    /// One buyer, from hold to end.
    async fn live(&self, history: &History, mut chance: Chance) {
        let client = &self.services[chance.below(SERVICES as u64) as usize];
        let trip = &self.trips[chance.below(self.trips.len() as u64) as usize];
        let first = chance.below(self.seats.into()) as u32;
        let mut seats = vec![first];
        if chance.per_mille(300) && first + 1 < self.seats {
            seats.push(first + 1);
        }
        let from = chance.below(self.legs.into()) as u16;
        let to = chance.between(u64::from(from) + 1, self.legs.into()) as u16;
        let Ok(legs) = Legs::new(from, to) else { return };
        let ttl_ms = chance.between(TTL_MS.0, TTL_MS.1);
        let wish = Wish { history, client, trip, hold: new_hold_id(), seats, legs, ttl_ms };
        let hold = Hold::numbers(trip, wish.seats.clone())
            .id(wish.hold)
            .legs(legs)
            .ttl(Duration::from_millis(ttl_ms));
        let Some(held) =
            self.ask(&wish, Kind::Hold, &mut chance, || client.hold(hold.clone())).await
        else {
            return;
        };
        tokio::time::sleep(Duration::from_millis(chance.below(THINK_MS))).await;
        match chance.below(1_000) {
            0..CONFIRMED_PER_MILLE => {
                let confirm = Confirm::from(&held);
                self.ask(&wish, Kind::Confirm, &mut chance, || client.confirm(confirm.clone()))
                    .await;
            }
            n if n < CONFIRMED_PER_MILLE + RELEASED_PER_MILLE => {
                let release = Release::new(trip, wish.hold);
                self.ask(&wish, Kind::Release, &mut chance, || client.release(release.clone()))
                    .await;
            }
            _ => {}
        }
    }

    /// Asks until an answer comes or the buyer gives up.
    async fn ask<T: Answer, F>(
        &self,
        wish: &Wish<'_>,
        kind: Kind,
        chance: &mut Chance,
        call: impl Fn() -> F,
    ) -> Option<T>
    where
        F: Future<Output = Result<T, Error>>,
    {
        for turn in 0..TRIES {
            let patience = if chance.per_mille(LEAVING_PER_MILLE) {
                Duration::from_millis(chance.below(20))
            } else {
                // The SDK ends in time by itself.
                2 * DEADLINE
            };
            match self.once(wish, kind, turn > 0, patience, call()).await {
                Some(Ok(answer)) => {
                    if chance.per_mille(REPEATED_PER_MILLE) {
                        // What it is answered is compared when the history is verified.
                        let _ = self.once(wish, kind, true, 2 * DEADLINE, call()).await;
                    }
                    return Some(answer);
                }
                Some(Err(error)) if error.is_retryable() => {}
                Some(Err(_)) => return None,
                // Half of those who went away come back.
                None => {}
            }
            if !chance.per_mille(ASKED_AGAIN_PER_MILLE) {
                return None;
            }
        }
        None
    }

    /// One call of the SDK, with its record. `None` when the buyer's patience ended first.
    async fn once<T: Answer>(
        &self,
        wish: &Wish<'_>,
        kind: Kind,
        again: bool,
        patience: Duration,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Option<Result<T, Error>> {
        let mut record = wish.record(kind, again);
        record.invoked_us = wish.history.now_us();
        let answer = tokio::time::timeout(patience, call).await.ok();
        match &answer {
            Some(Ok(answer)) => {
                record.outcome = Outcome::Ok;
                answer.write(&mut record);
            }
            Some(Err(error)) => {
                record.outcome = outcome(error);
                record.code = error.code().as_str_name().to_owned();
                if let Some(position) = error.refusal().and_then(|refusal| refusal.position) {
                    (record.shard, record.position) = (position.shard.get(), position.log.packed());
                }
            }
            None => "LEFT".clone_into(&mut record.code),
        }
        wish.history.add(record);
        answer
    }
}

fn outcome(error: &Error) -> Outcome {
    match error {
        Error::Refused(_) => Outcome::Refused,
        Error::Overloaded { .. } | Error::Unavailable { .. } | Error::DeadlineExceeded { .. } => {
            Outcome::Failed
        }
        Error::Unknown { .. } => Outcome::Unknown,
        _ => Outcome::Defect,
    }
}

/// What one buyer wants.
struct Wish<'a> {
    history: &'a History,
    client: &'a Client,
    trip: &'a TripId,
    hold: HoldId,
    seats: Vec<u32>,
    legs: Legs,
    ttl_ms: u64,
}

impl Wish<'_> {
    fn record(&self, kind: Kind, again: bool) -> Record {
        Record {
            number: 0,
            kind,
            trip: self.trip.as_str().to_owned(),
            hold: self.hold,
            seats: self.seats.clone(),
            legs: (self.legs.from(), self.legs.to()),
            ttl_ms: self.ttl_ms,
            again,
            invoked_us: 0,
            completed_us: 0,
            outcome: Outcome::Unknown,
            code: String::new(),
            shard: self.client.shard_of(self.trip).get(),
            position: 0,
            fence: 0,
            expires_at_ms: 0,
            reacquired: false,
        }
    }
}

/// An answer that says yes.
trait Answer {
    /// Notes what it says.
    fn write(&self, record: &mut Record);
}

impl Answer for Held {
    fn write(&self, record: &mut Record) {
        record.shard = self.position.shard.get();
        record.position = self.position.log.packed();
        record.fence = self.fence.get();
        record.expires_at_ms = self.expires_at.as_unix_ms();
    }
}

impl Answer for Confirmed {
    fn write(&self, record: &mut Record) {
        record.shard = self.position.shard.get();
        record.position = self.position.log.packed();
        record.fence = self.fence.get();
        record.reacquired = self.reacquired;
    }
}

impl Answer for Done {
    fn write(&self, record: &mut Record) {
        record.shard = self.position.shard.get();
        record.position = self.position.log.packed();
    }
}

async fn open(client: &Client, trip: &TripId, plan: &Plan) -> Result<(), Error> {
    const ABREAST: u64 = 4;
    let place = |n: u64| pb::Place { seat: format!("{}", n + 1), ..Default::default() };
    let row = |first: u64| pb::Row {
        deck: 0,
        places: (first..plan.seats.min(first + ABREAST)).map(place).collect(),
    };
    let layout = pb::Layout {
        name: "coach".to_owned(),
        zones: vec![pb::Zone { name: "seats".to_owned(), general_admission_capacity: None }],
        rows: (0..plan.seats).step_by(ABREAST as usize).map(row).collect(),
    };
    let stops = (0..=plan.legs).map(|n| format!("stop {n}"));
    client.open_trip(OpenTrip::with_wire_layout(trip, layout).stop_names(stops)).await.map(drop)
}
