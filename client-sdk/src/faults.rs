//! Faults that are ordered on a staging cluster, to see what a booking service makes of them.

use std::sync::Arc;
use std::time::Duration;

use proto::ids::{HoldId, TripId};
use proto::pb;
use proto::pb::faults_client::FaultsClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

use crate::call::timed;
use crate::client::Client;
use crate::error::Error;
use crate::node::Node;

/// Orders faults with the token that the nodes' configuration names.
///
/// An order holds for one node, until its time is over or the node ends. A cluster whose configuration has no
/// `[faults]` refuses all of it.
#[derive(Clone, Debug)]
pub struct Faults {
    client: Client,
    bearer: MetadataValue<Ascii>,
}

impl Faults {
    /// With this token; white space at its ends does not count.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the token has characters that cannot be sent.
    pub fn new(client: &Client, token: &str) -> Result<Self, Error> {
        let bearer = format!("Bearer {}", token.trim()).parse();
        let mut bearer: MetadataValue<Ascii> =
            bearer.map_err(|_| Error::invalid("token", "it has characters that cannot be sent"))?;
        bearer.set_sensitive(true);
        Ok(Self { client: client.clone(), bearer })
    }

    /// Makes something go wrong on the node at `endpoint`.
    pub async fn order(
        &self,
        endpoint: &str,
        order: pb::OrderFaultRequest,
    ) -> Result<pb::OrderedFault, Error> {
        let node = self.client.node(endpoint)?;
        let mut faults = faults(&node);
        let ordered = self.client.at(&node, faults.order_fault(self.signed(order))).await?;
        ordered.fault.ok_or_else(|| Error::protocol("an order without its fault"))
    }

    /// What is ordered on the node at `endpoint` now.
    pub async fn list(&self, endpoint: &str) -> Result<pb::ListFaultsResponse, Error> {
        let node = self.client.node(endpoint)?;
        let mut faults = faults(&node);
        let list = self.signed(pb::ListFaultsRequest {});
        self.client.at(&node, faults.list_faults(list)).await
    }

    /// Ends an order on the node at `endpoint`, or all of them; says how many that were.
    pub async fn end(&self, endpoint: &str, fault: Option<u64>) -> Result<u32, Error> {
        let node = self.client.node(endpoint)?;
        let mut faults = faults(&node);
        let end = self.signed(pb::EndFaultRequest { fault_id: fault.unwrap_or(0) });
        Ok(self.client.at(&node, faults.end_fault(end)).await?.ended)
    }

    /// Ends a hold, or all live holds of a trip, as if their time had come; says how many that were.
    pub async fn expire_now(&self, trip: &TripId, hold: Option<HoldId>) -> Result<u32, Error> {
        let hold_id = hold.map_or_else(Vec::new, |hold| hold.as_bytes().to_vec()).into();
        let request = pb::ExpireNowRequest { trip_id: trip.to_string(), hold_id };
        let call = |node: Arc<Node>, left: Duration| {
            let mut request = timed(request.clone(), left);
            self.sign(&mut request);
            async move { Ok(faults(&node).expire_now(request).await?.into_inner()) }
        };
        Ok(self.client.shared.unary(self.client.shard_of(trip), call).await?.expired)
    }

    fn signed<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        self.sign(&mut request);
        request
    }

    fn sign<T>(&self, request: &mut tonic::Request<T>) {
        request.metadata_mut().insert("authorization", self.bearer.clone());
    }
}

fn faults(node: &Node) -> FaultsClient<Channel> {
    FaultsClient::new(node.channel.clone())
}
