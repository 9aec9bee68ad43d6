//! After the faults: whether the cluster still has what it acknowledged, and its replicas agree.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use client_sdk::ids::{HoldId, ShardId, TripId};
use client_sdk::pb::{Code, HoldState};
use client_sdk::{Client, Error, Options, pb};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::book::Entry;
use super::cluster::{Cluster, SERVING_TIMEOUT};

/// How often a replica is asked whether it has reached a mark.
const POLL: Duration = Duration::from_millis(50);

/// Reads under way at a time.
const READERS: usize = 64;

/// What the cluster was found to have.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// Replicas whose state was compared.
    pub replicas: u64,
    /// What must not be, of the replicas: the first of the violations.
    pub replicas_wrong: u64,
    /// Holds that were read one by one.
    pub looked_up: u64,
    /// Confirms that were acknowledged and are not there.
    pub confirms_lost: u64,
    /// Confirms without an answer that turned out to have happened.
    pub unknown_confirmed: u64,
    /// What must not be.
    pub violations: Vec<String>,
}

/// Reads everything back.
///
/// # Errors
/// When the cluster does not serve within its time after the faults.
pub async fn check(cluster: &Cluster, entries: Vec<Entry>) -> Result<Found, String> {
    cluster.wait_until_led().await?;
    let options = Options::default().deadline(SERVING_TIMEOUT);
    let client = Client::connect(cluster.endpoints(), options).await.map_err(|e| e.to_string())?;
    let mut found = Found::default();
    for shard in 0..client.shard_count() {
        audit(&client, cluster, ShardId::new(shard), &mut found).await?;
    }
    found.replicas_wrong = found.violations.len() as u64;
    read_back(&client, entries, &mut found).await?;
    Ok(found)
}

/// All replicas of a shard at one mark.
async fn audit(
    client: &Client,
    cluster: &Cluster,
    shard: ShardId,
    found: &mut Found,
) -> Result<(), String> {
    let index = client
        .start_audit(shard)
        .await
        .map_err(|error| format!("shard {shard} does not serve: {error}"))?;
    let deadline = Instant::now() + SERVING_TIMEOUT;
    let mut digests = BTreeMap::new();
    for id in cluster.ids() {
        let answer = loop {
            let why = match client.get_audit(cluster.direct(id), shard, index).await {
                Ok(answer) if answer.ready => break answer,
                Ok(_) => format!("it has not reached entry {index}"),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                return Err(format!("shard {shard} of node {id} does not come back: {why}"));
            }
            tokio::time::sleep(POLL).await;
        };
        found.replicas += 1;
        digests.insert(id, answer.digest);
        found.violations.extend(
            wrong(&answer)
                .map(|what| format!("shard {shard} of node {id} at entry {index}: {what}")),
        );
    }
    let first = digests.values().next().copied();
    if digests.values().any(|digest| Some(*digest) != first) {
        let shown: Vec<String> =
            digests.iter().map(|(id, digest)| format!("node {id} {digest:016x}")).collect();
        let what = format!("shard {shard} differs at entry {index}: {}", shown.join(", "));
        found.violations.push(what);
    }
    Ok(())
}

/// What is wrong with one replica by itself.
fn wrong(audit: &pb::GetAuditResponse) -> impl Iterator<Item = String> {
    let parts = audit.free_seat_legs
        + audit.held_seat_legs
        + audit.sold_seat_legs
        + audit.blocked_seat_legs;
    let sum = (parts != audit.capacity_seat_legs).then(|| {
        format!("its places add up to {parts}, not to its capacity of {}", audit.capacity_seat_legs)
    });
    let fenced =
        (audit.fenced_trips > 0).then(|| format!("{} trips are fenced", audit.fenced_trips));
    audit.violations.iter().cloned().chain(sum).chain(fenced).collect::<Vec<_>>().into_iter()
}

/// Every hold that was granted or may have been, as its trip's leader knows it now.
async fn read_back(client: &Client, entries: Vec<Entry>, found: &mut Found) -> Result<(), String> {
    let room = Arc::new(Semaphore::new(READERS));
    let mut reads = JoinSet::new();
    for entry in entries.into_iter().filter(|entry| entry.held) {
        let (client, room) = (client.clone(), Arc::clone(&room));
        reads.spawn(async move {
            let _place = room.acquire().await;
            let read = read(&client, &entry.trip, entry.hold).await;
            (entry, read)
        });
    }
    let mut sold: BTreeMap<(String, u32, u16), HoldId> = BTreeMap::new();
    while let Some(read) = reads.join_next().await {
        let (entry, read) = read.map_err(|error| error.to_string())?;
        found.looked_up += 1;
        let now = read.map_err(|error| format!("hold {} cannot be read: {error}", entry.hold))?;
        if let Some(what) = judge(&entry, now.as_ref(), found) {
            let Entry { trip, hold, .. } = &entry;
            found.violations.push(format!("{trip}: hold {hold} {what}"));
        }
        if now.as_ref().is_some_and(|now| now.state() == HoldState::Confirmed) {
            for &seat in &entry.seats {
                for leg in entry.legs.0..entry.legs.1 {
                    let place = (entry.trip.clone(), seat, leg);
                    if let Some(other) = sold.insert(place, entry.hold) {
                        let Entry { trip, hold, .. } = &entry;
                        found.violations.push(format!(
                            "{trip}: seat {seat} on leg {leg} is sold to holds {other} and {hold}"
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

async fn read(
    client: &Client,
    trip: &str,
    hold: HoldId,
) -> Result<Option<pb::GetHoldResponse>, Error> {
    match client.get_hold(&TripId::new(trip)?, hold).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::Refused(refusal)) if refusal.code == Code::UnknownHold => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is wrong with a hold as it was found.
fn judge(entry: &Entry, now: Option<&pb::GetHoldResponse>, found: &mut Found) -> Option<String> {
    let state = now.map_or(HoldState::Unspecified, pb::GetHoldResponse::state);
    let whole = now.is_some_and(|now| now.seats.len() == entry.seats.len());
    if entry.confirmed {
        if state == HoldState::Confirmed && whole {
            return None;
        }
        found.confirms_lost += 1;
        return Some(format!("was acknowledged as confirmed and is {}", state.as_str_name()));
    }
    if entry.open_end && state == HoldState::Confirmed {
        found.unknown_confirmed += 1;
        return None;
    }
    match state {
        HoldState::Unspecified => Some("was granted and is not known".to_owned()),
        HoldState::Confirmed => Some("was never confirmed and is a booking".to_owned()),
        HoldState::Held | HoldState::Paying if entry.released => {
            Some(format!("was acknowledged as released and is {}", state.as_str_name()))
        }
        HoldState::Released if !entry.released && !entry.open_end => {
            Some("was never released and is".to_owned())
        }
        _ => None,
    }
}
