//! `seatgrid fault`: make a staging cluster fail on order.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Subcommand};
use client_sdk::ids::{HoldId, TripId};
use client_sdk::pb::order_fault_request::Effect;
use client_sdk::{Client, Faults, pb};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, table, table_text};
use crate::value;

/// What to do about faults, and the token that allows it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file of the token: `token_file` in the nodes' configuration. `seatgrid dev --faults` writes it here.
    #[arg(
        long,
        global = true,
        env = "SEATGRID_FAULTS_TOKEN_FILE",
        default_value = "seatgrid-data/faults.token",
        value_name = "FILE"
    )]
    token_file: PathBuf,
    #[command(subcommand)]
    command: FaultCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Make something go wrong for a while, on every node or one.
    #[command(after_help = EXAMPLES)]
    Order(OrderArgs),
    /// List what is ordered.
    List,
    /// End orders before their time.
    End {
        /// Only this one; all unless given.
        fault: Option<u64>,
        /// Only on this node; on every node unless given.
        #[arg(long, value_parser = value::endpoint, value_name = "URL")]
        node: Option<String>,
    },
    /// End holds as if their time had come.
    Expire {
        /// The trip.
        trip: TripId,
        /// Only this hold; every live one unless given.
        hold: Option<HoldId>,
    },
}

const EXAMPLES: &str = "Examples:
  seatgrid fault order --lose --command confirm --trip coach-101 --share 50 --for 30s
  seatgrid fault order --delay 800ms --buyer alice --for 1m
  seatgrid fault order --change-leaders 2s --for 20s";

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("effect").required(true))]
pub(crate) struct OrderArgs {
    /// Commands are carried out, and answered so much later.
    #[arg(long, group = "effect", value_parser = value::positive_duration, value_name = "DURATION")]
    delay: Option<Duration>,
    /// Commands are carried out, and never answered.
    #[arg(long, group = "effect")]
    lose: bool,
    /// Commands are not carried out: OVERLOADED.
    #[arg(long, group = "effect")]
    overloaded: bool,
    /// Leaders are changed so often.
    #[arg(long, group = "effect", value_parser = value::positive_duration, value_name = "DURATION")]
    change_leaders: Option<Duration>,
    /// Only commands on this trip.
    #[arg(long)]
    trip: Option<TripId>,
    /// Only this command: hold, confirm, release and so on.
    #[arg(long)]
    command: Option<String>,
    /// Only what this buyer holds, and what is asked about it.
    #[arg(long)]
    buyer: Option<String>,
    /// Only so many percent of them.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    share: Option<u32>,
    /// For how long, 10 minutes at most.
    #[arg(long = "for", value_parser = value::positive_duration, default_value = "30s")]
    lasts: Duration,
    /// Only on this node; on every node unless given.
    #[arg(long, value_parser = value::endpoint, value_name = "URL")]
    node: Option<String>,
}

impl From<OrderArgs> for pb::OrderFaultRequest {
    fn from(args: OrderArgs) -> Self {
        let effect = match (args.delay, args.change_leaders) {
            (Some(delay), _) => Effect::DelayAnswers(pb::DelayAnswers { ms: millis(delay) }),
            (_, Some(every)) => {
                Effect::ChangeLeaders(pb::ChangeLeaders { every_ms: millis(every) })
            }
            _ if args.lose => Effect::LoseAnswers(pb::LoseAnswers {}),
            _ => Effect::RefuseOverloaded(pb::RefuseOverloaded {}),
        };
        let scope = pb::FaultScope {
            trip_id: args.trip.map_or_else(String::new, |trip| trip.to_string()),
            command: args.command.unwrap_or_default(),
            buyer_id: args.buyer.unwrap_or_default(),
            per_mille: args.share.map_or(0, |percent| percent * 10),
        };
        Self { scope: Some(scope), effect: Some(effect), for_ms: millis(args.lasts) }
    }
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let path = args.token_file.display();
    let token = std::fs::read_to_string(&args.token_file).map_err(|e| {
        let hint = "faults are ordered with the token of [faults] in the nodes' configuration";
        Failure::usage(format!("the token cannot be read: {path}: {e}")).hint(hint)
    })?;
    let client = context.client().await?;
    let faults = Faults::new(&client, &token)?;
    match args.command {
        FaultCommand::Order(args) => {
            let nodes = nodes(&client, args.node.clone()).await?;
            let order = pb::OrderFaultRequest::from(args);
            let mut rows = Vec::new();
            for node in nodes {
                rows.push(Row::of(&node, &faults.order(&node, order.clone()).await?));
            }
            context.print(&Rows(rows))
        }
        FaultCommand::List => {
            let mut rows = Vec::new();
            for node in nodes(&client, None).await? {
                let list = faults.list(&node).await?.faults;
                rows.extend(list.iter().map(|fault| Row::of(&node, fault)));
            }
            context.print(&Rows(rows))
        }
        FaultCommand::End { fault, node } => {
            let mut ended = 0;
            for node in nodes(&client, node).await? {
                ended += faults.end(&node, fault).await?;
            }
            context.output.say(&format!("{ended} faults were ended"));
            Ok(())
        }
        FaultCommand::Expire { trip, hold } => {
            let expired = faults.expire_now(&trip, hold).await?;
            context.output.say(&format!("{expired} holds have expired"));
            Ok(())
        }
    }
}

/// The node that was named, or all.
async fn nodes(client: &Client, named: Option<String>) -> Result<Vec<String>, Failure> {
    match named {
        Some(node) => Ok(vec![node]),
        None => {
            let nodes = client.topology().await?.nodes;
            Ok(nodes.into_iter().map(|node| node.endpoint).collect())
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Debug, Serialize)]
struct Rows(Vec<Row>);

/// One fault of one node.
#[derive(Debug, Serialize)]
struct Row {
    node: String,
    fault: u64,
    effect: String,
    trip: String,
    command: String,
    buyer: String,
    share_percent: f64,
    left_ms: u64,
    met: u64,
}

impl Row {
    fn of(node: &str, fault: &pb::OrderedFault) -> Self {
        let order = fault.order.clone().unwrap_or_default();
        let scope = order.scope.unwrap_or_default();
        Self {
            node: node.to_owned(),
            fault: fault.fault_id,
            effect: effect(order.effect),
            trip: scope.trip_id,
            command: scope.command,
            buyer: scope.buyer_id,
            share_percent: if scope.per_mille == 0 {
                100.0
            } else {
                f64::from(scope.per_mille) / 10.0
            },
            left_ms: fault.left_ms,
            met: fault.met,
        }
    }
}

fn effect(effect: Option<Effect>) -> String {
    match effect {
        Some(Effect::DelayAnswers(delay)) => format!("answers {} ms late", delay.ms),
        Some(Effect::LoseAnswers(_)) => "answers lost".to_owned(),
        Some(Effect::RefuseOverloaded(_)) => "overloaded".to_owned(),
        Some(Effect::ChangeLeaders(change)) => {
            format!("leaders changed every {} ms", change.every_ms)
        }
        None => "unknown to this program".to_owned(),
    }
}

impl Show for Rows {
    fn text(&self) -> String {
        if self.0.is_empty() {
            return "no faults are ordered".to_owned();
        }
        let header =
            ["NODE", "FAULT", "EFFECT", "TRIP", "COMMAND", "BUYER", "SHARE", "LEFT", "MET"];
        let mut rows = table(header);
        let any = |text: &str| if text.is_empty() { "any".to_owned() } else { text.to_owned() };
        for row in &self.0 {
            rows.add_row([
                row.node.clone(),
                row.fault.to_string(),
                row.effect.clone(),
                any(&row.trip),
                any(&row.command),
                any(&row.buyer),
                format!("{} %", row.share_percent),
                format!("{:.1} s", row.left_ms as f64 / 1_000.0),
                row.met.to_string(),
            ]);
        }
        table_text(&rows)
    }
}
