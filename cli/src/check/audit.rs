//! Replicas of a shard at one log index: do they agree, and do their seats add up?

use std::collections::HashMap;
use std::time::{Duration, Instant};

use client_sdk::ids::ShardId;
use client_sdk::{Client, Error, pb};
use serde::Serialize;

/// How often a replica is asked whether it has reached the mark.
const POLL: Duration = Duration::from_millis(50);

/// What an audit of one shard found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ShardAudit {
    pub(crate) shard: u32,
    /// Log index of the mark.
    pub(crate) index: u64,
    /// Replicas that were compared.
    pub(crate) replicas: usize,
    pub(crate) digest: u64,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    pub(crate) violations: Vec<String>,
    /// Replicas that could not be asked, with the reason.
    pub(crate) unchecked: Vec<String>,
}

/// Seats of a shard, counted once for each leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) trips: u64,
    pub(crate) capacity: u64,
    pub(crate) free: u64,
    pub(crate) held: u64,
    pub(crate) sold: u64,
    pub(crate) blocked: u64,
}

impl From<&pb::GetAuditResponse> for Counts {
    fn from(audit: &pb::GetAuditResponse) -> Self {
        Self {
            trips: audit.trips,
            capacity: audit.capacity_seat_legs,
            free: audit.free_seat_legs,
            held: audit.held_seat_legs,
            sold: audit.sold_seat_legs,
            blocked: audit.blocked_seat_legs,
        }
    }
}

/// Audits every shard, one after the other.
pub(crate) async fn audit(client: &Client, wait: Duration) -> Result<Vec<ShardAudit>, Error> {
    let topology = client.topology().await?;
    let endpoints: HashMap<u64, String> =
        topology.nodes.into_iter().map(|node| (node.node_id, node.endpoint)).collect();
    let mut audits = Vec::new();
    for shard in topology.shards {
        audits.push(audit_shard(client, &shard, &endpoints, wait).await);
    }
    Ok(audits)
}

async fn audit_shard(
    client: &Client,
    shard: &pb::ShardInfo,
    endpoints: &HashMap<u64, String>,
    wait: Duration,
) -> ShardAudit {
    let number = ShardId::new(shard.shard);
    let index = match client.start_audit(number).await {
        Ok(index) => index,
        Err(error) => {
            let unchecked = vec![format!("no mark could be set: {error}")];
            return ShardAudit { shard: shard.shard, unchecked, ..ShardAudit::default() };
        }
    };
    let deadline = Instant::now() + wait;
    let (mut answers, mut unchecked) = (Vec::new(), Vec::new());
    for &node in &shard.voters {
        let Some(endpoint) = endpoints.get(&node) else {
            unchecked.push(format!("node {node} has no address"));
            continue;
        };
        match reached(client, endpoint, number, index, deadline).await {
            Ok(answer) => answers.push((node, answer)),
            Err(why) => unchecked.push(format!("node {node}: {why}")),
        }
    }
    ShardAudit { unchecked, ..compare(shard.shard, index, &answers) }
}

/// Asks a replica until it has reached the mark.
async fn reached(
    client: &Client,
    endpoint: &str,
    shard: ShardId,
    index: u64,
    deadline: Instant,
) -> Result<pb::GetAuditResponse, String> {
    loop {
        let why = match client.get_audit(endpoint, shard, index).await {
            Ok(answer) if answer.ready => return Ok(answer),
            Ok(_) => "it has not reached the mark".to_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() + POLL >= deadline {
            return Err(why);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Compares what replicas found at one mark.
fn compare(shard: u32, index: u64, answers: &[(u64, pb::GetAuditResponse)]) -> ShardAudit {
    let mut audit = ShardAudit { shard, index, replicas: answers.len(), ..ShardAudit::default() };
    let Some((first_node, first)) = answers.first() else { return audit };
    audit.digest = first.digest;
    audit.counts = Counts::from(first);
    let found = &mut audit.violations;
    for (node, answer) in answers {
        let counts = Counts::from(answer);
        let parts = counts.free + counts.held + counts.sold + counts.blocked;
        if parts != counts.capacity {
            let Counts { capacity, free, held, sold, blocked, .. } = counts;
            found.push(format!(
                "node {node}: {free} free + {held} held + {sold} sold + {blocked} blocked = {parts}, \
                 not the capacity of {capacity}"
            ));
        }
        if answer.fenced_trips > 0 {
            found.push(format!("node {node}: {} trips are fenced", answer.fenced_trips));
        }
        found.extend(answer.violations.iter().map(|what| format!("node {node}: {what}")));
        if answer.digest != first.digest {
            found.push(format!(
                "node {node} has digest {:016x}, node {first_node} has {:016x}",
                answer.digest, first.digest
            ));
        } else if counts != Counts::from(first) {
            found.push(format!("nodes {first_node} and {node} count differently"));
        }
    }
    audit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(digest: u64, free: u64, sold: u64) -> pb::GetAuditResponse {
        pb::GetAuditResponse {
            ready: true,
            digest,
            trips: 1,
            capacity_seat_legs: 100,
            free_seat_legs: free,
            sold_seat_legs: sold,
            ..Default::default()
        }
    }

    #[test]
    fn replicas_that_agree_and_add_up_are_clean() {
        let audit = compare(0, 9, &[(1, answer(7, 60, 40)), (2, answer(7, 60, 40))]);
        assert_eq!((audit.violations.len(), audit.replicas), (0, 2));
    }

    #[test]
    fn a_seat_too_many_is_a_violation() {
        let audit = compare(0, 9, &[(1, answer(7, 60, 41))]);
        assert!(audit.violations[0].contains("= 101, not the capacity of 100"));
    }

    #[test]
    fn replicas_that_differ_are_named() {
        let audit = compare(0, 9, &[(1, answer(7, 60, 40)), (2, answer(8, 60, 40))]);
        assert_eq!(
            audit.violations,
            ["node 2 has digest 0000000000000008, node 1 has 0000000000000007"]
        );
    }
}
