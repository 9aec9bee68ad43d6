//! Looking: trips, holds and the story of a seat.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use proto::ids::{HoldId, Legs, TripId};
use proto::limits::{MAX_PAGE_SIZE, MAX_RESPONSE_BYTES};
use proto::pb;
use proto::pb::inventory_client::InventoryClient;
use tonic::transport::Channel;

use crate::call::timed;
use crate::client::Client;
use crate::error::Error;
use crate::node::Node;

/// How a trip is read. The default: linearizable, totals only, on the whole trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TripView {
    /// Also list every seat.
    pub seats: bool,
    /// Availability on these legs; the whole trip unless set.
    pub legs: Option<Legs>,
    /// Take what the replica that is asked has applied, however old.
    pub stale: bool,
}

impl TripView {
    /// With every seat.
    #[must_use]
    pub fn with_seats() -> Self {
        Self { seats: true, ..Self::default() }
    }
}

impl Client {
    /// A trip, its totals and, on request, its seats.
    pub async fn trip(&self, trip: &TripId, view: TripView) -> Result<pb::GetTripResponse, Error> {
        let request = pb::GetTripRequest {
            trip_id: trip.as_str().to_owned(),
            mode: read_mode(view.stale).into(),
            seats: view.seats,
            legs: view.legs.map(legs),
        };
        let call = |node: Arc<Node>, left| {
            let request = request.clone();
            async move { Ok(inventory(&node).get_trip(timed(request, left)).await?.into_inner()) }
        };
        self.shared.unary(self.shard_of(trip), call).await
    }

    /// A hold or booking, as the leader of its trip knows it.
    pub async fn get_hold(
        &self,
        trip: &TripId,
        hold: HoldId,
    ) -> Result<pb::GetHoldResponse, Error> {
        let request = pb::GetHoldRequest {
            trip_id: trip.as_str().to_owned(),
            hold_id: Bytes::copy_from_slice(hold.as_bytes()),
            mode: read_mode(false).into(),
        };
        let call = |node: Arc<Node>, left| {
            let request = request.clone();
            async move { Ok(inventory(&node).get_hold(timed(request, left)).await?.into_inner()) }
        };
        self.shared.unary(self.shard_of(trip), call).await
    }

    /// Who owns a seat, and what happened to it lately.
    pub async fn explain_seat(
        &self,
        trip: &TripId,
        seat: &str,
        on: Option<Legs>,
    ) -> Result<pb::ExplainSeatResponse, Error> {
        let request = pb::ExplainSeatRequest {
            trip_id: trip.as_str().to_owned(),
            seat: seat.to_owned(),
            legs: on.map(legs),
        };
        let call = |node: Arc<Node>, left| {
            let request = request.clone();
            async move { Ok(inventory(&node).explain_seat(timed(request, left)).await?.into_inner()) }
        };
        self.shared.unary(self.shard_of(trip), call).await
    }

    /// Trips whose ids begin with `prefix`, in order, at most `limit`: of every node that answers, each
    /// trip once.
    ///
    /// # Errors
    /// When no node answers. A shard whose every replica is down is missing from the answer.
    pub async fn list_trips(
        &self,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<pb::TripSummary>, Error> {
        let mut found: BTreeMap<String, pb::TripSummary> = BTreeMap::new();
        let mut outcome = Err(Error::Unavailable { message: "no node answered".into() });
        for node in self.shared.topology.nodes() {
            match self.list_node(&node, prefix, limit).await {
                Ok(trips) => {
                    outcome = Ok(());
                    for trip in trips {
                        let seen =
                            found.entry(trip.trip_id.clone()).or_insert_with(|| trip.clone());
                        seen.active |= trip.active;
                    }
                }
                Err(error) if outcome.is_err() => outcome = Err(error),
                Err(_) => {}
            }
        }
        outcome.map(|()| found.into_values().take(limit).collect())
    }

    async fn list_node(
        &self,
        node: &Arc<Node>,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<pb::TripSummary>, Error> {
        let mut trips = Vec::new();
        let mut page_token = String::new();
        while trips.len() < limit {
            let request = pb::ListTripsRequest {
                page_size: MAX_PAGE_SIZE
                    .min(u32::try_from(limit - trips.len()).unwrap_or(u32::MAX)),
                page_token,
                prefix: prefix.to_owned(),
            };
            let mut inventory = inventory(node);
            let page = self.at(node, inventory.list_trips(request)).await?;
            trips.extend(page.trips);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(trips)
    }
}

fn read_mode(stale: bool) -> pb::ReadMode {
    if stale { pb::ReadMode::Stale } else { pb::ReadMode::Linearizable }
}

fn legs(legs: Legs) -> pb::Legs {
    pb::Legs { from: legs.from().into(), to: legs.to().into() }
}

fn inventory(node: &Node) -> InventoryClient<Channel> {
    InventoryClient::new(node.channel.clone()).max_decoding_message_size(MAX_RESPONSE_BYTES)
}
