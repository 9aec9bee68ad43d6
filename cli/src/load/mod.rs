//! `seatgrid load`: many buyers, few tasks, and what they measured.

pub(crate) mod args;
mod buyer;
mod history;
pub(crate) mod ledger;
mod pieces;
mod report;
mod stock;
mod tally;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::pace::{Arrivals, Metronome};
use client_sdk::ids::TripId;
use client_sdk::pb::SeatState;
use client_sdk::{Client, Confirm, Error, Hold, Options, TripView};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::args::{Args, Mode, Pick, Workload};
use self::buyer::{Buyer, Ids};
use self::ledger::Pen;
use self::pieces::Pieces;
use self::report::Report;
use self::stock::{Stock, Trip};
use self::tally::Tally;
use self::worker::{Course, Worker};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::progress;

/// Trips that are read at a time before the load begins.
const READERS: usize = 64;

/// Pipelines to a node hold so many commands; a worker that finds them full waits.
const WINDOW: usize = 8_192;

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    if let Some(complaint) = args.complaint() {
        return Err(Failure::usage(complaint));
    }
    let options = Options { streams_per_node: args.streams, window: WINDOW, ..Options::default() };
    let client = context.client_with(options).await?;
    let mut trips = read_trips(&client, &args).await?;
    if args.workload == Workload::Hot {
        trips.truncate(1);
    }
    if args.workload == Workload::Refusal {
        sell_first_seats(&client, &mut trips).await?;
    }
    let seats: u64 = trips.iter().map(|trip| u64::from(trip.seats)).sum();
    let mut told = format!("{} trips, {seats} seats", trips.len());
    if args.pick() == Pick::Fresh {
        let free: usize = trips.iter().map(|trip| trip.free.len()).sum();
        told += &format!(", {free} of them free");
    }
    context.output.say(&told);
    settle(args.settle).await;

    let records = Records {
        ledger: args.ledger.as_deref().map(Pieces::create).transpose()?,
        history: args.history.as_deref().map(Pieces::create).transpose()?,
    };
    if let Some(history) = &records.history {
        history::write_header(&mut history.piece());
    }
    let (course, workers, metronome) = prepare(context, &client, args, trips, &records);
    let mut tasks: JoinSet<Tally> = JoinSet::new();
    workers.into_iter().for_each(|worker| drop(tasks.spawn(worker.run())));
    let tally = follow(&course, tasks).await?;
    drop(metronome);
    for file in [records.ledger, records.history].into_iter().flatten() {
        file.finish()?;
    }
    let ended = Instant::now().min(course.end);
    let report = Report::new(&tally, ended.saturating_duration_since(course.measured_from));
    context.print(&report)?;
    if course.interrupted.load(Ordering::Relaxed) {
        Err(Failure::interrupted())
    } else if report.is_empty() {
        Err(Failure::with_exit(Exit::Unavailable, "nothing was answered"))
    } else {
        Ok(())
    }
}

/// The files that a load writes.
#[derive(Debug)]
struct Records {
    ledger: Option<Pieces>,
    history: Option<Pieces>,
}

/// Lets the cluster rest.
async fn settle(time: Duration) {
    let bar = progress(time.as_secs(), "{wide_bar} {pos}/{len} s until the load begins");
    let end = Instant::now() + time;
    while Instant::now() < end {
        let rest = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(rest.min(Duration::from_secs(1))).await;
        bar.inc(1);
    }
    bar.finish_and_clear();
}

/// Lays the course out and hires the workers.
fn prepare(
    context: &Context,
    client: &Client,
    args: Args,
    trips: Vec<Trip>,
    records: &Records,
) -> (Arc<Course>, Vec<Worker>, Option<Metronome>) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let buyers = args.buyers.min(args.outstanding.unwrap_or(u64::MAX)) as usize;
    let count = args.workers.unwrap_or(processors).clamp(1, buyers);
    let start = Instant::now();
    let course = Arc::new(Course {
        measured_from: start + args.warmup,
        end: start + args.warmup + args.duration,
        start,
        patience: context.timeout,
        interrupted: AtomicBool::new(false),
        answered: AtomicU64::new(0),
        args,
        trips,
    });
    let args = &course.args;
    let ttl_ms = u64::try_from(args.ttl.as_millis()).unwrap_or(u64::MAX);
    let choice = (args.pick(), args.legs, args.skew);
    let worker = |number: usize| {
        let seed = args.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number as u64);
        let mut rng = SmallRng::seed_from_u64(seed);
        let own = (number..buyers).step_by(count);
        let per_worker = |rate: u64| rate as f64 / count as f64;
        Worker {
            lane: client.lane(),
            stock: Stock::new(&course.trips, choice, (number, count), &mut rng),
            buyers: own.map(|n| Buyer::new(format!("load-{n}"), ttl_ms)).collect(),
            pen: records.ledger.as_ref().map(|ledger| Pen(ledger.piece())),
            history: records.history.as_ref().map(Pieces::piece),
            arrivals: args.rate.map(|rate| Arrivals::new(start, per_worker(rate), seed)),
            tick: Arc::new(Notify::new()),
            ids: Ids::default(),
            tally: Tally::default(),
            course: course.clone(),
            rng,
        }
    };
    let workers: Vec<Worker> = (0..count).map(worker).collect();
    let ticks = workers.iter().map(|worker| worker.tick.clone()).collect();
    let metronome = (args.mode == Mode::Open).then(|| Metronome::start(ticks));
    (course, workers, metronome)
}

/// Shows progress until every worker is done; the first Ctrl-C brings them to an end.
async fn follow(course: &Course, mut tasks: JoinSet<Tally>) -> Result<Tally, Failure> {
    let length = course.end.saturating_duration_since(course.start).as_secs();
    let bar = progress(length, "{wide_bar} {pos}/{len} s  {msg}");
    let mut all = Tally::default();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let mut before = 0;
    loop {
        tokio::select! {
            worker = tasks.join_next() => match worker {
                Some(Ok(tally)) => all.add(&tally),
                Some(Err(error)) => return Err(Failure::new(format!("a worker stopped: {error}"))),
                None => break,
            },
            _ = second.tick() => {
                let answered = course.answered.load(Ordering::Relaxed);
                bar.set_position(course.start.elapsed().as_secs().min(length));
                bar.set_message(format!("{} commands/s", answered - before));
                before = answered;
            }
            _ = tokio::signal::ctrl_c() => course.interrupted.store(true, Ordering::Relaxed),
        }
    }
    bar.finish_and_clear();
    Ok(all)
}

/// The trips that are meant: one, or all whose ids begin so.
async fn read_trips(client: &Client, args: &Args) -> Result<Vec<Trip>, Failure> {
    if let Ok(id) = TripId::new(&args.trips) {
        match read_trip(client, id, args.pick()).await {
            Ok(trip) => return Ok(vec![trip]),
            Err(Error::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let found = client.list_trips(&args.trips, args.max_trips).await?;
    let mut names = found.into_iter().filter_map(|trip| TripId::new(&trip.trip_id).ok());
    let (mut trips, pick) = (Vec::new(), args.pick());
    let mut readers = JoinSet::new();
    loop {
        while readers.len() < READERS
            && let Some(id) = names.next()
        {
            let client = client.clone();
            readers.spawn(async move { read_trip(&client, id, pick).await });
        }
        match readers.join_next().await {
            Some(Ok(trip)) => trips.push(trip?),
            Some(Err(error)) => return Err(Failure::new(error.to_string())),
            None => break,
        }
    }
    trips.retain(|trip: &Trip| trip.seats > 0);
    trips.sort_by(|a, b| a.id.cmp(&b.id));
    if trips.is_empty() {
        let failure = Failure::with_exit(Exit::NotFound, "no trip with numbered seats is open");
        return Err(failure.hint("open some with `seatgrid trip open` or `seatgrid trip import`"));
    }
    Ok(trips)
}

async fn read_trip(client: &Client, id: TripId, pick: Pick) -> Result<Trip, Error> {
    let view = TripView { seats: pick == Pick::Fresh, ..TripView::default() };
    let trip = client.trip(&id, view).await?;
    let numbered = trip.zones.iter().filter(|zone| !zone.general_admission);
    let seats = numbered.filter_map(|zone| zone.totals).map(|totals| totals.capacity).sum();
    let legs = u16::try_from(trip.stops.len().saturating_sub(1).max(1)).unwrap_or(u16::MAX);
    let free = trip.seats.iter().filter(|seat| seat.state() == SeatState::Free);
    let free = free.map(|seat| seat.number).collect();
    Ok(Trip { shard: client.shard_of(&id), id, seats, free, legs })
}

/// Sells seat 0 of every trip, so that everybody who asks for it is refused.
async fn sell_first_seats(client: &Client, trips: &mut [Trip]) -> Result<(), Failure> {
    for trip in trips {
        match client.hold(Hold::numbers(&trip.id, [0]).ttl(Duration::from_secs(60))).await {
            Ok(held) => drop(client.confirm(Confirm::from(&held)).await?),
            Err(Error::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        trip.seats = 1;
    }
    Ok(())
}
