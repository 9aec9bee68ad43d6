//! Watching a trip: a snapshot, then every change, without a gap.

use std::time::{Duration, Instant};

use proto::ids::{ShardId, TripId};
use proto::limits::MAX_RESPONSE_BYTES;
use proto::pb;
use proto::pb::changes_client::ChangesClient;
use proto::pb::watch_response;
use tonic::Streaming;

use crate::attempt::{Attempts, Failure, Verdict};
use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::Error;

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The whole trip as it stands: at the start, and whenever changes in between are no longer
    /// remembered.
    Snapshot(Box<pb::GetTripResponse>),
    /// The next change.
    Change(pb::Change),
}

/// The changes of one trip. Connections that break are opened again where they left off.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    trip: TripId,
    shard: ShardId,
    sequence: Sequence,
    stream: Option<Streaming<pb::WatchResponse>>,
    backoff: Backoff,
    /// Attempts to open the stream; the next goes to another node where no leader is known.
    turn: usize,
}

impl Client {
    /// Watches a trip from a version on; 0 begins with a snapshot.
    #[must_use]
    pub fn watch(&self, trip: &TripId, from_version: u64) -> Watch {
        let options = &self.shared.options;
        Watch {
            client: self.clone(),
            trip: trip.clone(),
            shard: self.shard_of(trip),
            sequence: Sequence { last: from_version },
            stream: None,
            backoff: Backoff::new(options.backoff_base, options.backoff_cap),
            turn: 0,
        }
    }
}

impl Watch {
    /// The version of the last event.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.sequence.last
    }

    /// The next event. Waits as long as it takes, through outages too.
    ///
    /// # Errors
    /// When the cluster refuses, such as for a trip that does not exist.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.open().await?;
                continue;
            };
            match stream.message().await {
                Ok(Some(pb::WatchResponse { event: Some(event) })) => {
                    match self.sequence.take(event) {
                        Step::Deliver(event) => {
                            self.backoff.reset();
                            return Ok(event);
                        }
                        Step::Skip => {}
                        // The next opening resumes from the last version, or begins with a snapshot.
                        Step::Resume => self.stream = None,
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => self.lost(Duration::ZERO).await,
                Err(status) => self.refused_or_lost(status.into()).await?,
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        let shared = self.client.shared.clone();
        let mut route = shared.topology.route(self.shard, self.turn);
        self.turn += 1;
        if !route.node.health.allow(Instant::now()) {
            match shared.topology.another(&route.node, self.turn) {
                Some(other) => route.node = other,
                None => {
                    self.lost(Duration::ZERO).await;
                    return Ok(());
                }
            }
        }
        let request = pb::WatchRequest {
            trip_id: self.trip.as_str().to_owned(),
            from_version: self.sequence.last,
        };
        let mut changes = ChangesClient::new(route.node.channel.clone())
            .max_decoding_message_size(MAX_RESPONSE_BYTES);
        let patience = shared.options.attempt_timeout + shared.options.connect_timeout;
        match tokio::time::timeout(patience, changes.watch(request)).await {
            Ok(Ok(stream)) => {
                self.stream = Some(stream.into_inner());
                Ok(())
            }
            Ok(Err(status)) => {
                let failure = Failure::from(status);
                if matches!(failure, Failure::Lost(_)) {
                    route.node.health.failure(Instant::now());
                }
                self.refused_or_lost(failure).await
            }
            Err(_) => {
                route.node.health.failure(Instant::now());
                self.lost(Duration::ZERO).await;
                Ok(())
            }
        }
    }

    async fn refused_or_lost(&mut self, failure: Failure) -> Result<(), Error> {
        match Attempts::default().judge(failure) {
            Verdict::Final(error) => Err(error),
            Verdict::Again { after, leader } => {
                let moved = leader.is_some_and(|hint| self.client.shared.topology.learn(&hint));
                if moved {
                    self.stream = None;
                } else {
                    self.lost(after).await;
                }
                Ok(())
            }
        }
    }

    /// The stream is gone; waits before it is opened again.
    async fn lost(&mut self, after: Duration) {
        self.stream = None;
        self.client.shared.topology.stale.notify_one();
        tokio::time::sleep(after + self.backoff.next(rand::random())).await;
    }
}

/// Keeps the versions of events without gaps.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    /// Version of the last event that was delivered.
    last: u64,
}

#[derive(Debug, PartialEq)]
enum Step {
    Deliver(Event),
    /// An event that was delivered already.
    Skip,
    /// An event is missing: open the stream again from the last version.
    Resume,
}

impl Sequence {
    fn take(&mut self, event: watch_response::Event) -> Step {
        match event {
            watch_response::Event::Snapshot(trip) => {
                if trip.version < self.last {
                    // An old replica answered; what it knows is behind what was delivered.
                    return Step::Skip;
                }
                self.last = trip.version;
                Step::Deliver(Event::Snapshot(Box::new(trip)))
            }
            watch_response::Event::Change(change) if change.version <= self.last => Step::Skip,
            watch_response::Event::Change(change) if change.version == self.last + 1 => {
                self.last = change.version;
                Step::Deliver(Event::Change(change))
            }
            watch_response::Event::Change(_) => Step::Resume,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(version: u64) -> watch_response::Event {
        watch_response::Event::Change(pb::Change { version, ..Default::default() })
    }

    fn snapshot(version: u64) -> watch_response::Event {
        watch_response::Event::Snapshot(pb::GetTripResponse { version, ..Default::default() })
    }

    #[test]
    fn each_version_is_delivered_once_and_in_order() {
        let mut sequence = Sequence { last: 0 };
        assert!(matches!(sequence.take(snapshot(4)), Step::Deliver(_)));
        assert!(matches!(sequence.take(change(5)), Step::Deliver(_)));
        assert_eq!(sequence.take(change(5)), Step::Skip);
        assert_eq!(sequence.take(change(7)), Step::Resume);
        assert_eq!(sequence.last, 5, "a gap delivers nothing");
        assert!(matches!(sequence.take(change(6)), Step::Deliver(_)));
    }

    #[test]
    fn a_snapshot_fills_a_gap_but_never_goes_back() {
        let mut sequence = Sequence { last: 5 };
        assert!(matches!(sequence.take(snapshot(9)), Step::Deliver(_)));
        assert_eq!(sequence.take(snapshot(8)), Step::Skip);
        assert!(matches!(sequence.take(change(10)), Step::Deliver(_)));
    }
}
