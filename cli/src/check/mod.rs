//! `seatgrid check`: whether a live cluster keeps its promises.

mod audit;
mod book;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use self::audit::ShardAudit;
use self::book::Book;
use self::verify::LedgerAudit;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output::{Show, table, table_text};
use crate::value;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A ledger that `load --ledger` wrote: what it says was acknowledged must still be there.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// How long replicas may take to reach the audit mark.
    #[arg(long, default_value = "30s", value_parser = value::duration)]
    wait: Duration,
    /// Holds of the ledger that are looked up one by one; their seats are checked in any case.
    #[arg(long, default_value_t = 100_000)]
    lookups: usize,
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Verdict {
    verdict: &'static str,
    shards: Vec<ShardAudit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<LedgerAudit>,
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let client = context.client().await?;
    let book = args.ledger.as_deref().map(Book::read).transpose()?;
    let shards = audit::audit(&client, args.wait).await?;
    let ledger = match &book {
        Some(book) => Some(verify::verify(&client, book, args.lookups).await?),
        None => None,
    };
    let violated = shards.iter().any(|shard| !shard.violations.is_empty())
        || ledger.as_ref().is_some_and(|ledger| ledger.violation_count > 0);
    let incomplete = shards.iter().any(|shard| !shard.unchecked.is_empty())
        || ledger.as_ref().is_some_and(|ledger| !ledger.unchecked.is_empty());
    let (verdict, exit) = match (violated, incomplete) {
        (true, _) => ("violated", Some(Exit::Failed)),
        (false, true) => ("could not be checked completely", Some(Exit::Unavailable)),
        (false, false) => ("clean", None),
    };
    context.print(&Verdict { verdict, shards, ledger })?;
    exit.map_or(Ok(()), |exit| Err(Failure::silent(exit)))
}

impl Show for Verdict {
    fn text(&self) -> String {
        let mut shards = table([
            "SHARD", "INDEX", "REPLICAS", "DIGEST", "TRIPS", "CAPACITY", "FREE", "HELD", "SOLD",
            "BLOCKED",
        ]);
        for shard in &self.shards {
            let ShardAudit { shard: number, index, replicas, digest, counts, .. } = shard;
            shards.add_row([
                number.to_string(),
                index.to_string(),
                replicas.to_string(),
                format!("{digest:016x}"),
                counts.trips.to_string(),
                counts.capacity.to_string(),
                counts.free.to_string(),
                counts.held.to_string(),
                counts.sold.to_string(),
                counts.blocked.to_string(),
            ]);
        }
        let mut text = table_text(&shards);
        for shard in &self.shards {
            for violation in &shard.violations {
                text += &format!("\nviolation: shard {}: {violation}", shard.shard);
            }
            for missing in &shard.unchecked {
                text += &format!("\nnot checked: shard {}: {missing}", shard.shard);
            }
        }
        if let Some(ledger) = &self.ledger {
            text += &format!("\n\n{}", ledger.text());
        }
        format!("{text}\n\nverdict: {}", self.verdict)
    }
}
