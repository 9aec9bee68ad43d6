//! The task that reads the topology again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use proto::pb::cluster_client::ClusterClient;
use proto::pb::{GetTopologyRequest, GetTopologyResponse};

use crate::error::Error;
use crate::member::Member;
use crate::node::Node;
use crate::retry::Shared;

/// Least time between two readings: a burst of failures asks once.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

/// How long one node may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Reads the topology at intervals, and when something asks for it, until the last client is gone.
pub async fn keep_fresh<N: Member>(shared: Weak<Shared<N>>) {
    loop {
        let Some(pause) = shared.upgrade().map(|shared| shared.options.topology_refresh) else {
            return;
        };
        tokio::time::sleep(LEAST_PAUSE).await;
        // Wakes now and then to see whether the client is gone.
        let asked = async {
            let mut waited = LEAST_PAUSE;
            while waited < pause {
                let Some(strong) = shared.upgrade() else { return };
                let step = Duration::from_secs(1);
                if tokio::time::timeout(step, strong.topology.stale.notified()).await.is_ok() {
                    return;
                }
                waited += step;
            }
        };
        asked.await;
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = read(&shared).await {
            tracing::debug!(%error, "the topology could not be read");
        }
    }
}

/// Asks every node at once; an error when none answered.
pub async fn read<N: Member>(shared: &Arc<Shared<N>>) -> Result<(), Error> {
    let nodes = shared.topology.nodes();
    let mut answers: FuturesUnordered<_> = nodes.iter().map(|node| node.view()).collect();
    let mut outcome = Err(Error::Unavailable { message: "no node answered".into() });
    while let Some(answer) = answers.next().await {
        match answer.and_then(|view| shared.topology.merge(&view)) {
            Ok(()) => outcome = Ok(()),
            Err(error) if outcome.is_err() => outcome = Err(error),
            Err(_) => {}
        }
    }
    outcome
}

/// One node's view.
pub(crate) async fn ask(node: &Node) -> Result<GetTopologyResponse, Error> {
    let mut cluster = ClusterClient::new(node.channel.clone());
    let call = cluster.get_topology(GetTopologyRequest {});
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(view)) => Ok(view.into_inner()),
        Ok(Err(status)) => Err(Error::Unavailable {
            message: format!("{} does not answer: {}", node.endpoint, describe(&status)),
        }),
        Err(_) => Err(Error::Unavailable { message: format!("{} is silent", node.endpoint) }),
    }
}

/// The innermost cause of a transport error, which alone says what happened.
fn describe(status: &tonic::Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, status) { status.message().to_owned() } else { cause.to_string() }
}
