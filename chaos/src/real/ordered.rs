//! Faults that nodes carry out themselves, on order.

use std::time::Duration;

use client_sdk::pb::order_fault_request::Effect;
use client_sdk::{Error, Faults, pb};

use super::fault::Fault;
use super::plan::Step;

/// An order outlasts its step by so much, in milliseconds: it is looked at before it ends.
const MARGIN_MS: u64 = 2_000;

/// What a step orders, if it is a fault to order.
pub(super) fn order(step: &Step) -> Option<pb::OrderFaultRequest> {
    let effect = match step.fault {
        Fault::LoseAnswers => Effect::LoseAnswers(pb::LoseAnswers {}),
        Fault::DelayAnswers => Effect::DelayAnswers(pb::DelayAnswers { ms: step.delay_ms }),
        Fault::Overloaded => Effect::RefuseOverloaded(pb::RefuseOverloaded {}),
        _ => return None,
    };
    let per_mille = u32::try_from(step.per_mille).unwrap_or(0);
    let scope = Some(pb::FaultScope { per_mille, ..Default::default() });
    Some(pb::OrderFaultRequest { scope, effect: Some(effect), for_ms: step.for_ms + MARGIN_MS })
}

/// Orders it of a node for a while; says how many commands it met.
///
/// # Errors
/// What the node says, also when it ended in the meantime.
pub(super) async fn carry_out(
    faults: &Faults,
    endpoint: &str,
    order: pb::OrderFaultRequest,
    lasts: Duration,
) -> Result<u64, Error> {
    let id = faults.order(endpoint, order).await?.fault_id;
    tokio::time::sleep(lasts).await;
    let listed = faults.list(endpoint).await?.faults;
    faults.end(endpoint, Some(id)).await?;
    Ok(listed.iter().find(|fault| fault.fault_id == id).map_or(0, |fault| fault.met))
}
