//! What can be done with a hold or a booking: extend, pay, confirm, release, cancel, swap, look up.

use std::time::Duration;

use clap::ValueEnum;
use client_sdk::ids::{Fence, HoldId, TripId};
use client_sdk::pb::LatePolicy;
use client_sdk::{BeginPayment, Cancel, Confirm, Extend, Position, Release, Swap};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Show, pairs, unix_ms_text};
use crate::value;

/// A hold or booking of a trip.
#[derive(Debug, clap::Args)]
struct Target {
    /// The trip.
    trip: TripId,
    /// The hold or booking.
    hold: HoldId,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExtendArgs {
    #[command(flatten)]
    target: Target,
    /// New life of the hold, counted from now; the trip's default unless given.
    #[arg(long, value_parser = value::positive_duration)]
    ttl: Option<Duration>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PayArgs {
    #[command(flatten)]
    target: Target,
    /// How long the hold is pinned; the trip's longest unless given.
    #[arg(long, value_parser = value::positive_duration)]
    window: Option<Duration>,
}

/// What a confirm does that comes after its hold has expired.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Late {
    /// Refuse it.
    Refuse,
    /// Take the seats again if all of them are still free.
    Reacquire,
}

impl From<Late> for LatePolicy {
    fn from(late: Late) -> Self {
        match late {
            Late::Refuse => Self::Refuse,
            Late::Reacquire => Self::Reacquire,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArgs {
    #[command(flatten)]
    target: Target,
    /// The fence of the hold's answer; not checked unless given.
    #[arg(long)]
    fence: Option<u64>,
    /// What to do when the hold has expired; the trip's policy unless given.
    #[arg(long, value_enum)]
    late: Option<Late>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    target: Target,
    /// Seats to give back; all of the booking unless given.
    seats: Vec<String>,
    /// Places of a general-admission booking to give back.
    #[arg(long, conflicts_with = "seats")]
    quantity: Option<u32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SwapArgs {
    #[command(flatten)]
    target: Target,
    /// Seats given back.
    #[arg(long, required = true, value_delimiter = ',')]
    give: Vec<String>,
    /// Seats taken instead, as many as are given.
    #[arg(long, required = true, value_delimiter = ',')]
    take: Vec<String>,
    /// The fence of the hold's answer; not checked unless given.
    #[arg(long)]
    fence: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LookupArgs {
    #[command(flatten)]
    target: Target,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    pub(crate) done: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reacquired: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) left: Option<u32>,
    pub(crate) shard: u32,
    pub(crate) position: u64,
}

impl Outcome {
    pub(crate) fn new(done: &'static str, position: Position) -> Self {
        let (shard, position) = (position.shard.get(), position.log.packed());
        Self { done, shard, position, ..Self::default() }
    }
}

impl Show for Outcome {
    fn text(&self) -> String {
        let reacquired = self.reacquired == Some(true);
        let done = if reacquired { "confirmed (taken back)" } else { self.done };
        pairs(&[
            ("done", done.to_owned()),
            ("id", self.id.clone().unwrap_or_default()),
            ("until", self.until_ms.map(unix_ms_text).unwrap_or_default()),
            ("fence", self.fence.map(|fence| fence.to_string()).unwrap_or_default()),
            ("left", self.left.map(|left| left.to_string()).unwrap_or_default()),
        ])
    }
}

pub(crate) async fn extend(context: &Context, args: ExtendArgs) -> Result<(), Failure> {
    let Target { trip, hold } = args.target;
    let request = Extend { ttl: args.ttl, ..Extend::new(&trip, hold, Duration::ZERO) };
    let extended = context.client().await?.extend(request).await?;
    let until_ms = Some(extended.expires_at.as_unix_ms());
    context.print(&Outcome { until_ms, ..Outcome::new("extended", extended.position) })
}

pub(crate) async fn pay(context: &Context, args: PayArgs) -> Result<(), Failure> {
    let Target { trip, hold } = args.target;
    let request = BeginPayment { window: args.window, ..BeginPayment::new(&trip, hold) };
    let begun = context.client().await?.begin_payment(request).await?;
    let until_ms = Some(begun.pinned_until.as_unix_ms());
    context.print(&Outcome { until_ms, ..Outcome::new("payment begun", begun.position) })
}

pub(crate) async fn confirm(context: &Context, args: ConfirmArgs) -> Result<(), Failure> {
    let Target { trip, hold } = args.target;
    let request = Confirm {
        fence: args.fence.map(Fence::new),
        late: args.late.map_or(LatePolicy::Unspecified, LatePolicy::from),
        ..Confirm::new(&trip, hold)
    };
    let confirmed = context.client().await?.confirm(request).await?;
    context.print(&Outcome {
        fence: Some(confirmed.fence.get()),
        reacquired: Some(confirmed.reacquired),
        ..Outcome::new("confirmed", confirmed.position)
    })
}

pub(crate) async fn release(context: &Context, args: ReleaseArgs) -> Result<(), Failure> {
    let Target { trip, hold } = args.target;
    let released = context.client().await?.release(Release::new(&trip, hold)).await?;
    context.print(&Outcome::new("released", released.position))
}

pub(crate) async fn cancel(context: &Context, args: CancelArgs) -> Result<(), Failure> {
    let Target { trip, hold } = args.target;
    let request = match args.quantity {
        Some(quantity) => Cancel::quantity(&trip, hold, quantity),
        None if args.seats.is_empty() => Cancel::all(&trip, hold),
        None => Cancel::seats(&trip, hold, args.seats),
    };
    let cancelled = context.client().await?.cancel(request).await?;
    let left = Some(cancelled.left);
    context.print(&Outcome { left, ..Outcome::new("cancelled", cancelled.position) })
}

pub(crate) async fn swap(context: &Context, args: SwapArgs) -> Result<(), Failure> {
    let Target { trip, hold } = args.target;
    let mut request = Swap::new(&trip, hold, args.give, args.take);
    request.fence = args.fence.map(Fence::new);
    let swapped = context.client().await?.swap(request).await?;
    let fence = Some(swapped.fence.get());
    context.print(&Outcome { fence, ..Outcome::new("swapped", swapped.position) })
}

/// A hold or booking as it is shown.
#[derive(Debug, Serialize)]
struct HoldView {
    hold: String,
    state: String,
    buyer: String,
    seats: Vec<String>,
    zone: String,
    quantity: u32,
    legs: Option<String>,
    fence: u64,
    expires_at_ms: u64,
}

impl Show for HoldView {
    fn text(&self) -> String {
        let positive = |number: u64, text: String| if number > 0 { text } else { String::new() };
        pairs(&[
            ("hold", self.hold.clone()),
            ("state", self.state.clone()),
            ("buyer", self.buyer.clone()),
            ("seats", self.seats.join(" ")),
            ("zone", self.zone.clone()),
            ("quantity", positive(self.quantity.into(), self.quantity.to_string())),
            ("legs", self.legs.clone().unwrap_or_default()),
            ("fence", positive(self.fence, self.fence.to_string())),
            ("expires", positive(self.expires_at_ms, unix_ms_text(self.expires_at_ms))),
        ])
    }
}

pub(crate) async fn lookup(context: &Context, args: LookupArgs) -> Result<(), Failure> {
    let Target { trip, hold } = args.target;
    let found = context.client().await?.get_hold(&trip, hold).await?;
    context.print(&HoldView {
        hold: hold.to_string(),
        state: value::word(found.state().as_str_name(), "HOLD_STATE_"),
        buyer: found.buyer_id,
        seats: found.seats,
        zone: found.zone,
        quantity: found.quantity,
        legs: found.legs.map(value::legs_text),
        fence: found.fence,
        expires_at_ms: found.expires_at_ms,
    })
}
