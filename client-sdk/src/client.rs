//! The client itself.

use std::sync::Arc;
use std::time::Instant;

use proto::ids::{ShardId, TripId};

use crate::call::Shared;
use crate::error::Error;
use crate::lane::Lane;
use crate::options::Options;
use crate::refresh;

/// A client of one cluster. Clones share connections and are cheap: make one, and give everybody a clone.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

impl Client {
    /// Connects to a cluster through any of its nodes, and learns the others from it.
    ///
    /// # Errors
    /// When an endpoint is not an address, or no node answers within the deadline of `options`.
    pub async fn connect<E: AsRef<str>>(
        endpoints: impl IntoIterator<Item = E>,
        options: Options,
    ) -> Result<Self, Error> {
        let options = options.bounded();
        let endpoints: Vec<String> =
            endpoints.into_iter().map(|endpoint| endpoint.as_ref().to_owned()).collect();
        let shared = Shared::new(&endpoints, options.clone(), options, rand::random)?;
        let deadline = Instant::now() + shared.options.deadline;
        while let Err(error) = refresh::read(&shared).await {
            let pause = shared.options.backoff_cap;
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
        tokio::spawn(refresh::keep_fresh(Arc::downgrade(&shared)));
        Ok(Self { shared })
    }

    /// The shard that owns a trip.
    #[must_use]
    pub fn shard_of(&self, trip: &TripId) -> ShardId {
        self.shared.topology.shard_of(trip)
    }

    /// How many shards the cluster has.
    #[must_use]
    pub fn shard_count(&self) -> u32 {
        self.shared.topology.shard_count()
    }

    /// The cluster's name.
    #[must_use]
    pub fn cluster_id(&self) -> String {
        self.shared.topology.cluster_id()
    }

    /// Addresses of the nodes that are known.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.shared.topology.nodes().iter().map(|node| node.endpoint.clone()).collect()
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// A lane for a program that keeps very many commands in flight from one task.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane::new(self.shared.clone())
    }
}
