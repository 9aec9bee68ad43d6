//! Requests over the SDK's pipelines: what a service in Rust does.

use std::io;
use std::time::Instant;

use client_sdk::ids::{HoldId, TripId};
use client_sdk::pb::pipeline_command::Command as Wire;
use client_sdk::{Client, Completion, new_hold_id};

use super::{PATIENCE, answer, request};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, Step};

/// A lane of the SDK.
pub struct PipelineLane {
    lane: client_sdk::Lane,
    client: Client,
    epoch: u32,
    /// What is asked under each token, and since when: it is asked again with the same id.
    flying: Vec<Option<(Wire, TripId, Instant)>>,
    /// The hold that each token had last.
    holds: Vec<HoldId>,
    waiting: Vec<u32>,
    done: Vec<Completion>,
}

impl Lane for PipelineLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let hold = &mut self.holds[token as usize];
        if ask.step == Step::Hold {
            *hold = new_hold_id();
        }
        let (trip, request) = request(self.epoch, ask, *hold);
        self.flying[token as usize] = Some((request.into_wire(), trip, Instant::now()));
        self.waiting.push(token);
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        let before = into.len();
        while into.len() == before {
            while let Some(&token) = self.waiting.last() {
                if let Some((command, trip, _)) = &self.flying[token as usize] {
                    let shard = self.client.shard_of(trip);
                    self.lane.submit(shard, command, token.into()).await;
                }
                self.waiting.pop();
            }
            self.lane.completed(&mut self.done).await;
            for completion in std::mem::take(&mut self.done) {
                self.take(&completion, into);
            }
        }
        Ok(())
    }
}

impl PipelineLane {
    /// A lane of a client, with so many requests in flight at most.
    pub(super) fn new(client: &Client, epoch: u32, depth: u32) -> Self {
        Self {
            lane: client.lane(),
            client: client.clone(),
            epoch,
            flying: (0..depth).map(|_| None).collect(),
            holds: (0..depth).map(|_| new_hold_id()).collect(),
            waiting: Vec::new(),
            done: Vec::new(),
        }
    }

    fn take(&mut self, completion: &Completion, into: &mut Vec<(u32, Answer)>) {
        let token = completion.token as u32;
        let answer = match completion.outcome.as_ref().ok().and_then(answer) {
            Some(answer) => answer,
            None => {
                let since = self.flying[token as usize].as_ref().map(|(_, _, since)| *since);
                if since.is_some_and(|since| since.elapsed() < PATIENCE) {
                    return self.waiting.push(token);
                }
                Answer::Failed
            }
        };
        self.flying[token as usize] = None;
        into.push((token, answer));
    }
}
