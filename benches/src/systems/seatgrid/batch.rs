//! Batches over the SDK's pipelines: several commands on one trip in one request, all or none.

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use bytes::Bytes;
use client_sdk::ids::{HoldId, TripId};
use client_sdk::pb::pipeline_command::Command as Wire;
use client_sdk::pb::pipeline_reply::Reply;
use client_sdk::pb::{BatchRequest, PipelineCommand};
use client_sdk::{Client, Completion, new_command_id, new_hold_id};

use super::{PATIENCE, answer, request};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, Step};

/// A lane of the SDK that puts what is asked of one trip into batches.
pub struct BatchLane {
    lane: client_sdk::Lane,
    client: Client,
    epoch: u32,
    /// Commands of a batch, at most.
    size: usize,
    /// The batch that is filled now.
    filling: Option<Batch>,
    /// Batches that were sent or wait to be, under a number each.
    flying: HashMap<u64, Batch>,
    sent: u64,
    /// The hold that each token had last.
    holds: Vec<HoldId>,
    waiting: Vec<u64>,
    done: Vec<Completion>,
}

/// Commands on one trip.
struct Batch {
    trip: TripId,
    commands: Vec<PipelineCommand>,
    /// Who asked for each.
    tokens: Vec<u32>,
    since: Instant,
    /// As it is sent, and sent again with the same id.
    wire: Option<Wire>,
}

impl Lane for BatchLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let hold = &mut self.holds[token as usize];
        if ask.step == Step::Hold {
            *hold = new_hold_id();
        }
        let (trip, request) = request(self.epoch, ask, *hold);
        let fits = |batch: &Batch| batch.trip == trip && batch.tokens.len() < self.size;
        if !self.filling.as_ref().is_some_and(fits) {
            self.seal();
        }
        let (commands, tokens) = (Vec::new(), Vec::new());
        let since = Instant::now();
        let batch = self.filling.get_or_insert(Batch { trip, commands, tokens, since, wire: None });
        let (tag, command) = (batch.tokens.len() as u32, Some(request.into_wire()));
        batch.commands.push(PipelineCommand { tag, command, ..Default::default() });
        batch.tokens.push(token);
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        self.seal();
        let before = into.len();
        while into.len() == before {
            while let Some(number) = self.waiting.last() {
                let batch = &self.flying[number];
                let wire = batch.wire.as_ref().expect("a batch that waits is sealed");
                self.lane.submit(self.client.shard_of(&batch.trip), wire, *number).await;
                self.waiting.pop();
            }
            self.lane.completed(&mut self.done).await;
            for completion in std::mem::take(&mut self.done) {
                self.take(completion, into);
            }
        }
        Ok(())
    }
}

impl BatchLane {
    /// A lane of a client, with so many commands in flight at most, and so many in a batch.
    pub(super) fn new(client: &Client, epoch: u32, depth: u32, size: u16) -> Self {
        Self {
            lane: client.lane(),
            client: client.clone(),
            epoch,
            size: size.into(),
            filling: None,
            flying: HashMap::new(),
            sent: 0,
            holds: (0..depth).map(|_| new_hold_id()).collect(),
            waiting: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Nothing more comes into the batch that is filled now.
    fn seal(&mut self) {
        let Some(mut batch) = self.filling.take() else { return };
        batch.wire = Some(Wire::Batch(BatchRequest {
            trip_id: batch.trip.as_str().to_owned(),
            command_id: Bytes::copy_from_slice(new_command_id().as_bytes()),
            commands: std::mem::take(&mut batch.commands),
        }));
        self.flying.insert(self.sent, batch);
        self.waiting.push(self.sent);
        self.sent += 1;
    }

    fn take(&mut self, completion: Completion, into: &mut Vec<(u32, Answer)>) {
        let number = completion.token;
        let tokens = |batch: &Batch| batch.tokens.clone();
        let tokens = self.flying.get(&number).map(tokens).unwrap_or_default();
        match completion.outcome {
            Ok(Reply::Batch(all)) => {
                let answers = all.replies.iter().map(|one| one.reply.as_ref().and_then(answer));
                let answers = answers.map(|answer| answer.unwrap_or(Answer::Failed));
                into.extend(tokens.into_iter().zip(answers));
            }
            outcome => {
                let known = outcome.ok().as_ref().and_then(answer);
                let waits = |batch: &Batch| batch.since.elapsed() < PATIENCE;
                if known.is_none() && self.flying.get(&number).is_some_and(waits) {
                    return self.waiting.push(number);
                }
                // All or none: what holds for one of them holds for all.
                let answer = known.unwrap_or(Answer::Failed);
                into.extend(tokens.into_iter().map(|token| (token, answer)));
            }
        }
        self.flying.remove(&number);
    }
}
