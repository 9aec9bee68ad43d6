//! The task that keeps one stream open, reads its answers and watches its deadlines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::limits::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};
use proto::pipeline::Replies;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::stream::Pipe;
use super::wire::PipelineCodec;
use crate::backoff::Backoff;
use crate::health::Health;

/// How often deadlines are looked at.
const SWEEP: Duration = Duration::from_millis(10);

/// Keeps `pipe` open over `channel` while commands come, until it is closed.
pub(crate) async fn drive(pipe: Arc<Pipe>, channel: Channel, health: Arc<Health>) {
    let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(200));
    let mut wake = Vec::new();
    loop {
        while !pipe.has_work() && !pipe.is_closed() {
            pipe.work.notified().await;
        }
        if pipe.is_closed() {
            return pipe.fail(&mut wake);
        }
        let answered = run(&pipe, &channel, &health).await;
        pipe.fail(&mut wake);
        if pipe.is_closed() {
            return;
        }
        if answered {
            backoff.reset();
        }
        health.failure(Instant::now());
        tokio::time::sleep(backoff.next(rand::random())).await;
    }
}

/// One opening of the stream; returns whether it ever answered.
async fn run(pipe: &Arc<Pipe>, channel: &Channel, health: &Health) -> bool {
    let mut wake = Vec::new();
    let mut answered = false;
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let opening = open(pipe, channel);
    tokio::pin!(opening);
    let mut replies = loop {
        tokio::select! {
            opened = &mut opening => match opened {
                Ok(replies) => break replies,
                Err(status) => {
                    tracing::debug!(%status, "a pipeline stream did not open");
                    return false;
                }
            },
            _ = sweep.tick() => note_overdue(pipe.sweep(Instant::now(), &mut wake), health),
            () = pipe.work.notified(), if pipe.is_closed() => return false,
        }
    };
    loop {
        tokio::select! {
            biased;
            message = replies.message() => match message {
                Ok(Some(replies)) => {
                    if !answered || health.is_troubled() {
                        health.success();
                    }
                    answered = true;
                    if let Err(error) = pipe.deliver(replies, &mut wake) {
                        tracing::debug!(%error, "a reply cannot be read");
                        return answered;
                    }
                }
                Ok(None) => return answered,
                Err(status) => {
                    tracing::debug!(%status, "a pipeline stream broke");
                    return answered;
                }
            },
            _ = sweep.tick() => note_overdue(pipe.sweep(Instant::now(), &mut wake), health),
            () = pipe.work.notified() => if pipe.is_closed() { return answered },
        }
    }
}

fn note_overdue(overdue: usize, health: &Health) {
    if overdue > 0 {
        health.failure(Instant::now());
    }
}

async fn open(pipe: &Arc<Pipe>, channel: &Channel) -> Result<Streaming<Replies>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone())
        .max_decoding_message_size(MAX_RESPONSE_BYTES)
        .max_encoding_message_size(MAX_REQUEST_BYTES);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static("/seatgrid.v1.Inventory/Pipeline");
    let request = Request::new(pipe.open());
    Ok(grpc.streaming(request, path, PipelineCodec).await?.into_inner())
}
