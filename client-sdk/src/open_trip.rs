//! Opening trips, however large their layouts are.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use proto::pb;
use proto::pb::inventory_client::InventoryClient;
use proto::pb::open_trip_stream_request::Part;
use proto::pb::pipeline_command::Command;
use proto::pb::pipeline_reply::Reply;

use crate::call::timed;
use crate::client::Client;
use crate::error::Error;
use crate::node::Node;
use crate::reply::{Opened, unexpected};
use crate::request::OpenTrip;

/// A trip whose request is larger than this is streamed, in bytes: beyond it a message would hold up the
/// others on its pipeline, and the node's limit is not far.
const PIPELINED_BYTES: usize = 256 << 10;

/// A part of a streamed layout holds rows of at most this size together, in bytes.
const PART_BYTES: usize = 256 << 10;

impl Client {
    /// Opens a trip for sale. Opening it again with the same content gets the first answer.
    pub async fn open_trip(&self, request: OpenTrip) -> Result<Opened, Error> {
        let shard = self.shared.topology.shard_of(&request.trip);
        let request = request.into_request();
        if request.encoded_len() <= PIPELINED_BYTES {
            let command = Command::OpenTrip(request.into());
            return match self.shared.execute(shard, &command).await? {
                Reply::Opened(opened) => Ok(opened.into()),
                other => Err(unexpected("open_trip", &other)),
            };
        }
        let parts = Arc::new(parts_of(request));
        let patience = self.shared.options.deadline;
        let call = |node, left| stream(node, parts.clone(), left);
        let response = self.shared.unary_within(patience, shard, call).await?;
        let opened = response.opened.ok_or_else(|| Error::protocol("a stream opened nothing"))?;
        Ok(opened.into())
    }
}

async fn stream(
    node: Arc<Node>,
    parts: Arc<Vec<pb::OpenTripStreamRequest>>,
    left: Duration,
) -> Result<pb::OpenTripStreamResponse, tonic::Status> {
    let mut inventory = InventoryClient::new(node.channel.clone());
    let parts = (0..parts.len()).map(move |at| parts[at].clone());
    let request = timed(tokio_stream::iter(parts), left);
    Ok(inventory.open_trip_stream(request).await?.into_inner())
}

/// A header without rows, then the rows in parts.
fn parts_of(mut request: pb::OpenTripRequest) -> Vec<pb::OpenTripStreamRequest> {
    let layout = request.layout.as_mut();
    let rows = layout.map(|layout| std::mem::take(&mut layout.rows)).unwrap_or_default();
    let part = |part| pb::OpenTripStreamRequest { part: Some(part) };
    let mut parts = vec![part(Part::Header(request))];
    let (mut some, mut bytes) = (Vec::new(), 0);
    for row in rows {
        let row_bytes = row.encoded_len();
        if bytes + row_bytes > PART_BYTES && !some.is_empty() {
            parts.push(part(Part::Rows(pb::OpenTripRows { rows: std::mem::take(&mut some) })));
            bytes = 0;
        }
        bytes += row_bytes;
        some.push(row);
    }
    if !some.is_empty() {
        parts.push(part(Part::Rows(pb::OpenTripRows { rows: some })));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stadium_is_cut_into_parts_that_add_up() {
        let row = |n: u32| pb::Row {
            deck: 0,
            places: (0..100)
                .map(|p| pb::Place { seat: format!("{n}-{p}"), ..Default::default() })
                .collect(),
        };
        let rows: Vec<pb::Row> = (0..1_000).map(row).collect();
        let layout = pb::Layout { rows: rows.clone(), ..Default::default() };
        let request = pb::OpenTripRequest {
            trip_id: "final".into(),
            layout: Some(layout),
            ..Default::default()
        };
        let parts = parts_of(request);
        assert!(parts.iter().all(|part| part.encoded_len() < PART_BYTES + 4_096));
        assert!(matches!(&parts[0].part, Some(Part::Header(header)) if header.trip_id == "final"));
        let sent: Vec<pb::Row> = parts[1..]
            .iter()
            .flat_map(|part| match &part.part {
                Some(Part::Rows(rows)) => rows.rows.clone(),
                _ => panic!("one header only"),
            })
            .collect();
        assert_eq!(sent, rows);
    }
}
