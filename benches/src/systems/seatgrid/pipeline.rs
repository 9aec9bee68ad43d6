//! Requests over the SDK's pipelines: what a service in Rust does.

use std::fmt::Write as _;
use std::io;
use std::time::Instant;

use client_sdk::ids::{HoldId, ShardId, TripId};
use client_sdk::pb::pipeline_command::Command as Wire;
use client_sdk::{Client, Completion, SeatHold, new_hold_id, pack_seats};

use super::{PATIENCE, answer, request, trip_name};
use crate::lane::{Answer, Lane};
use crate::work::{Ask, Step};

/// A lane of the SDK.
pub struct PipelineLane {
    lane: client_sdk::Lane,
    client: Client,
    epoch: u32,
    /// What is asked under each token: it is asked again with the same id.
    flying: Vec<Option<Flying>>,
    /// The hold that each token had last.
    holds: Vec<HoldId>,
    waiting: Vec<u32>,
    done: Vec<Completion>,
    words: Words,
}

/// What is asked until it is answered.
struct Flying {
    what: What,
    /// When it was first not answered.
    troubled_since: Option<Instant>,
}

enum What {
    /// A hold of seats.
    Hold(Ask),
    /// The end of one.
    End(Box<(ShardId, Wire)>),
}

impl Lane for PipelineLane {
    fn ask(&mut self, ask: &Ask, token: u32) {
        let hold = &mut self.holds[token as usize];
        let what = match ask.step {
            Step::Hold => {
                *hold = new_hold_id();
                What::Hold(*ask)
            }
            Step::Confirm | Step::Release => {
                let (trip, request) = request(self.epoch, ask, *hold);
                What::End(Box::new((self.client.shard_of(&trip), request.into_wire())))
            }
        };
        self.flying[token as usize] = Some(Flying { what, troubled_since: None });
        self.waiting.push(token);
    }

    async fn answers(&mut self, into: &mut Vec<(u32, Answer)>) -> io::Result<()> {
        let before = into.len();
        while into.len() == before {
            while let Some(&token) = self.waiting.last() {
                self.send(token).await;
                self.waiting.pop();
            }
            self.lane.completed(&mut self.done).await;
            let mut done = std::mem::take(&mut self.done);
            for completion in done.drain(..) {
                self.take(&completion, into);
            }
            self.done = done;
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
            words: Words::default(),
        }
    }

    async fn send(&mut self, token: u32) {
        match self.flying[token as usize].as_ref().map(|flying| &flying.what) {
            Some(What::Hold(ask)) => {
                self.words.say(self.epoch, ask);
                let trip = TripId::new(&self.words.trip).expect("a short word is a trip id");
                let shard = self.client.shard_of(&trip);
                let hold = self.words.hold(ask, self.holds[token as usize]);
                self.lane.submit(shard, &hold, token.into()).await;
            }
            Some(What::End(end)) => self.lane.submit(end.0, &end.1, token.into()).await,
            None => {}
        }
    }

    fn take(&mut self, completion: &Completion, into: &mut Vec<(u32, Answer)>) {
        let token = completion.token as u32;
        let answer = match completion.outcome.as_ref().ok().and_then(answer) {
            Some(answer) => answer,
            None => {
                let flying = self.flying[token as usize].as_mut();
                let since = flying.map(|one| *one.troubled_since.get_or_insert_with(Instant::now));
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

/// The words of a hold, written where those of the one before were.
#[derive(Default)]
struct Words {
    trip: String,
    buyer: String,
    seats: Vec<u8>,
}

impl Words {
    fn say(&mut self, epoch: u32, ask: &Ask) {
        self.trip.clear();
        self.buyer.clear();
        self.seats.clear();
        trip_name(epoch, ask.trip, &mut self.trip);
        write!(self.buyer, "{}", ask.buyer).expect("a string takes everything");
        pack_seats(ask.seats(), &mut self.seats);
    }

    fn hold(&self, ask: &Ask, hold: HoldId) -> SeatHold<'_> {
        SeatHold {
            trip_id: &self.trip,
            hold_id: *hold.as_bytes(),
            buyer_id: &self.buyer,
            packed_seats: &self.seats,
            legs: ask.legs().map(|legs| (u32::from(*legs.start()), u32::from(*legs.end()) + 1)),
            ttl_ms: u64::from(ask.ttl_s) * 1_000,
            ..Default::default()
        }
    }
}
