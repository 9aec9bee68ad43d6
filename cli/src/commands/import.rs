//! `seatgrid trip import`: the trips of a timetable.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Subcommand;
use client_sdk::ids::TripId;
use client_sdk::layout::Layout;
use client_sdk::pb::pipeline_command::Command;
use client_sdk::pb::pipeline_reply::Reply;
use client_sdk::pb::{self, Code};
use client_sdk::{Advice, Client, Completion, Lane, wire_layout};
use jiff::civil::Date;
use proto::code::meaning;
use serde::Serialize;

use super::rules::Rules;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::gtfs::{self, Shift, TripInstance};
use crate::output::{Show, pairs, progress, table, table_text};

/// Trips in flight.
const OUTSTANDING: usize = 256;

/// A trip that could not be opened within this time is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Trips that failed are shown up to this number.
const MAX_EXAMPLES: usize = 5;

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Open the trips of a GTFS feed, a zip archive or a directory.
    Gtfs(GtfsArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct GtfsArgs {
    /// The feed.
    feed: PathBuf,
    /// The layout of every trip.
    #[arg(long)]
    layout: PathBuf,
    /// First day, such as 2026-01-01.
    #[arg(long)]
    from: Date,
    /// So many days.
    #[arg(long)]
    days: u32,
    /// Sell the first day's trips on this day, and the others as much later.
    #[arg(long, value_name = "DATE")]
    shift_to: Option<Date>,
    #[command(flatten)]
    rules: Rules,
}

/// What came of an import.
#[derive(Debug, Default, Serialize)]
struct Account {
    found: u64,
    opened: u64,
    /// Trips that were not opened, by code.
    refused: BTreeMap<&'static str, u64>,
    examples: Vec<(String, String)>,
    seconds: f64,
    skipped_rows: BTreeMap<&'static str, u64>,
    changed_rows: BTreeMap<&'static str, u64>,
}

impl Show for Account {
    fn text(&self) -> String {
        let refused: u64 = self.refused.values().sum();
        let head = pairs(&[
            ("trips found", self.found.to_string()),
            ("open", self.opened.to_string()),
            ("not opened", refused.to_string()),
            ("seconds", format!("{:.1}", self.seconds)),
        ]);
        let mut table = table(["COUNT", "WHAT", "WHY"]);
        for (code, count) in &self.refused {
            table.add_row([&count.to_string(), "trip not opened", *code]);
        }
        for (reason, count) in &self.skipped_rows {
            table.add_row([&count.to_string(), "row left out", *reason]);
        }
        for (reason, count) in &self.changed_rows {
            table.add_row([&count.to_string(), "row changed", *reason]);
        }
        let mut text = head;
        if !table.is_empty() {
            text = format!("{text}\n\n{}", table_text(&table));
        }
        for (trip, why) in &self.examples {
            text = format!("{text}\n{trip}: {why}");
        }
        text
    }
}

pub(crate) async fn run(context: &Context, command: ImportCommand) -> Result<(), Failure> {
    let ImportCommand::Gtfs(args) = command;
    if args.days == 0 {
        return Err(Failure::usage("--days must be at least 1"));
    }
    let layout = wire_layout(&Layout::read(&args.layout)?);
    let client = context.client().await?;
    context.output.say("reading the feed");
    let feed = gtfs::read(&args.feed)?;
    context.output.say(&format!("times are in {}", feed.time_zone()));
    let found = feed.count(args.from, args.days);
    if found == 0 {
        let span = feed.service_span();
        let failure = Failure::with_exit(Exit::NotFound, "no trip runs on these days");
        return Err(match span {
            Some((first, last)) => failure.hint(format!("the feed runs from {first} to {last}")),
            None => failure,
        });
    }
    let mut account = Account { found, ..Account::default() };
    let tally = |tally: &gtfs::report::Tally| {
        tally.totals.iter().map(|(reason, &count)| (reason.text(), count)).collect()
    };
    account.skipped_rows = tally(&feed.report().skipped);
    account.changed_rows = tally(&feed.report().notes);

    let rules: pb::SaleRules = args.rules.into();
    let instances: Box<dyn Iterator<Item = TripInstance>> = match args.shift_to {
        Some(to) => {
            let shift = Shift::between(args.from, to);
            Box::new(feed.instances_shifted(args.from, args.days, shift))
        }
        None => Box::new(feed.instances(args.from, args.days)),
    };
    let requests = instances.map(|instance| request(instance, &layout, rules));
    let bar = progress(found, "{pos}/{len} trips  {per_sec}  {wide_bar} {eta}");
    let started = Instant::now();
    open_all(&client, requests, &mut account, || bar.inc(1)).await?;
    account.seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    context.print(&account)?;
    if account.refused.is_empty() { Ok(()) } else { Err(Failure::silent(Exit::Refused)) }
}

fn request(
    instance: TripInstance,
    layout: &pb::Layout,
    rules: pb::SaleRules,
) -> pb::OpenTripRequest {
    let ms = |time: Option<i64>| time.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
    let stops = instance.stops.into_iter().map(|call| pb::Stop {
        name: call.name.to_string(),
        arrival_ms: ms(call.arrival_ms),
        departure_ms: ms(call.departure_ms),
        no_boarding: !call.boarding,
        no_alighting: !call.alighting,
    });
    pb::OpenTripRequest {
        trip_id: instance.trip_key,
        title: instance.title.to_string(),
        layout: Some(layout.clone()),
        stops: stops.collect(),
        rules: Some(rules),
        ..Default::default()
    }
}

/// A trip on its way.
struct Opening {
    trip: TripId,
    command: Command,
    give_up_at: Instant,
}

/// Opens trips with a fixed number in flight. Each derives its id from the trip: a second run gets the
/// answers of the first.
async fn open_all(
    client: &Client,
    mut requests: impl Iterator<Item = pb::OpenTripRequest>,
    account: &mut Account,
    mut step: impl FnMut(),
) -> Result<(), Failure> {
    let mut lane = client.lane();
    let mut slots: Vec<Option<Opening>> = (0..OUTSTANDING).map(|_| None).collect();
    let mut free: Vec<usize> = (0..OUTSTANDING).collect();
    let mut waiting: VecDeque<(Instant, usize)> = VecDeque::new();
    let mut done: Vec<Completion> = Vec::new();
    loop {
        while let Some(slot) = free.pop() {
            let Some(request) = requests.next() else {
                free.push(slot);
                break;
            };
            let trip = TripId::new(&request.trip_id).map_err(client_sdk::Error::from)?;
            let command = Command::OpenTrip(request.into());
            let opening = Opening { trip, command, give_up_at: Instant::now() + PATIENCE };
            submit(client, &mut lane, &opening, slot).await;
            slots[slot] = Some(opening);
        }
        while waiting.front().is_some_and(|(at, _)| *at <= Instant::now()) {
            let slot = waiting.pop_front().map_or(0, |(_, slot)| slot);
            if let Some(opening) = &slots[slot] {
                submit(client, &mut lane, opening, slot).await;
            }
        }
        if free.len() == OUTSTANDING {
            return Ok(());
        }
        match waiting.front() {
            Some((at, _)) => {
                let at = (*at).into();
                let _ = tokio::time::timeout_at(at, wait(&mut lane, &mut done)).await;
            }
            None => wait(&mut lane, &mut done).await,
        }
        for completion in done.drain(..) {
            let slot = completion.token as usize;
            let Some(opening) = &slots[slot] else { continue };
            let now = Instant::now();
            if let Advice::Again { after, .. } = completion.advice()
                && now + after < opening.give_up_at
            {
                waiting.push_back((now + after, slot));
                continue;
            }
            account.note(&opening.trip, &completion);
            slots[slot] = None;
            free.push(slot);
            step();
        }
    }
}

async fn submit(client: &Client, lane: &mut Lane, opening: &Opening, slot: usize) {
    lane.submit(client.shard_of(&opening.trip), &opening.command, slot as u64).await;
}

/// Waits for answers, for ever where none is due.
async fn wait(lane: &mut Lane, done: &mut Vec<Completion>) {
    if lane.in_flight() == 0 {
        std::future::pending::<()>().await;
    }
    lane.completed(done).await;
}

impl Account {
    fn note(&mut self, trip: &TripId, completion: &Completion) {
        let (code, message) = match &completion.outcome {
            Ok(Reply::Opened(_)) => {
                self.opened += 1;
                return;
            }
            Ok(Reply::Problem(problem)) => (problem.code(), problem.sentence()),
            Ok(_) => (Code::Internal, "the answer has another kind".to_owned()),
            Err(_) => (Code::UnknownOutcome, "no answer came".to_owned()),
        };
        *self.refused.entry(meaning(code).name).or_default() += 1;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push((trip.to_string(), message));
        }
    }
}
