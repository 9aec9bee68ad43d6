//! The replies of a pipeline, written one after the other. The commonest of a sale that everybody wants, a
//! refusal because somebody else has the seats, is written in place: nothing is allocated for it.

use prost::bytes::Bytes;
use prost::encoding::{encode_varint, encoded_len_varint, message};

use crate::fields::{number_bytes, put_bytes, put_number};
use crate::pb::{Code, PipelineReply, SeatState};
use crate::pipeline::{NUMBER, Replies, USUAL_BYTES};

/// Keys on the wire: the number of a field and the kind of what follows.
mod key {
    const VARINT: u64 = 0;
    const BYTES: u64 = 2;
    pub(super) const REPLIES: u64 = (super::NUMBER as u64) << 3 | BYTES;
    pub(super) const TAG: u64 = 1 << 3 | VARINT;
    pub(super) const PROBLEM: u64 = 2 << 3 | BYTES;
    pub(super) const CODE: u64 = 1 << 3 | VARINT;
    pub(super) const BLOCKING: u64 = 4 << 3 | BYTES;
    pub(super) const RETRY_AT_MS: u64 = 5 << 3 | VARINT;
    pub(super) const ALTERNATIVES: u64 = 6 << 3 | BYTES;
    pub(super) const POSITION: u64 = 12 << 3 | BYTES;
    pub(super) const SEAT: u64 = 1 << 3 | BYTES;
    pub(super) const LEGS: u64 = 2 << 3 | BYTES;
    pub(super) const STATE: u64 = 3 << 3 | VARINT;
    /// `Legs.from` and `Position.shard`
    pub(super) const FIRST: u64 = 1 << 3 | VARINT;
    /// `Legs.to` and `Position.index`
    pub(super) const SECOND: u64 = 2 << 3 | VARINT;
}

/// A `PipelineResponse` that is being written.
#[derive(Debug, Default)]
pub struct ReplyWriter {
    message: Vec<u8>,
    /// The problem that is being written.
    problem: Vec<u8>,
    count: usize,
}

impl ReplyWriter {
    /// How many replies the message has so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, replies: usize) {
        self.message.reserve(replies * USUAL_BYTES);
    }

    /// Appends a reply.
    pub fn push(&mut self, reply: &PipelineReply) {
        message::encode(NUMBER, reply, &mut self.message);
        self.count += 1;
    }

    /// Appends the reply to a command that is refused because somebody else has its seats. Its parts are said
    /// in the order of [`SeatsTaken`]'s methods.
    pub fn seats_taken(&mut self, tag: u32) -> SeatsTaken<'_> {
        self.problem.clear();
        put_number(key::CODE, Code::SeatTaken as u64, &mut self.problem);
        SeatsTaken { tag, replies: self }
    }

    /// The message, and the writer is empty again.
    pub fn finish(&mut self) -> Replies {
        self.count = 0;
        Bytes::from(std::mem::take(&mut self.message)).into()
    }
}

/// A refusal that is being written.
#[derive(Debug)]
#[must_use = "a refusal counts once it is ended"]
pub struct SeatsTaken<'a> {
    tag: u32,
    replies: &'a mut ReplyWriter,
}

impl SeatsTaken<'_> {
    /// A seat that stands in the way, on the legs between two stops.
    pub fn blocking(&mut self, seat: &str, (from, to): (u32, u32), state: SeatState) {
        let into = &mut self.replies.problem;
        let (from, to, state) = (u64::from(from), u64::from(to), state as u64);
        let seat_bytes = match seat.len() {
            0 => 0,
            bytes => 1 + encoded_len_varint(bytes as u64) + bytes,
        };
        let legs_bytes = number_bytes(from) + number_bytes(to);
        encode_varint(key::BLOCKING, into);
        encode_varint((seat_bytes + 2 + legs_bytes + number_bytes(state)) as u64, into);
        put_bytes(key::SEAT, seat.as_bytes(), into);
        put_pair(key::LEGS, from, to, into);
        put_number(key::STATE, state, into);
    }

    /// When the first of them may be free again, Unix milliseconds; 0 when that is not known.
    pub fn retry_at_ms(&mut self, at_ms: u64) {
        put_number(key::RETRY_AT_MS, at_ms, &mut self.replies.problem);
    }

    /// A free seat that would do.
    pub fn alternative(&mut self, seat: &str) {
        let into = &mut self.replies.problem;
        encode_varint(key::ALTERNATIVES, into);
        encode_varint(seat.len() as u64, into);
        into.extend_from_slice(seat.as_bytes());
    }

    /// Where that was decided. It is the last part.
    pub fn end(self, shard: u32, index: u64) {
        let ReplyWriter { message, problem, count } = self.replies;
        put_pair(key::POSITION, shard.into(), index, problem);
        let tag = u64::from(self.tag);
        let bytes =
            number_bytes(tag) + 1 + encoded_len_varint(problem.len() as u64) + problem.len();
        encode_varint(key::REPLIES, message);
        encode_varint(bytes as u64, message);
        put_number(key::TAG, tag, message);
        put_bytes(key::PROBLEM, problem, message);
        *count += 1;
    }
}

/// Appends a message of two numbers.
fn put_pair(key: u64, first: u64, second: u64, into: &mut Vec<u8>) {
    encode_varint(key, into);
    encode_varint((number_bytes(first) + number_bytes(second)) as u64, into);
    put_number(key::FIRST, first, into);
    put_number(key::SECOND, second, into);
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::pb::{
        BlockingSeat, Legs, PipelineResponse, Position, Problem, pipeline_reply::Reply,
    };

    fn problem(
        blocking: &[(&str, u32, u32, SeatState)],
        retry_at_ms: u64,
        instead: &[&str],
    ) -> Problem {
        let blocking = blocking.iter().map(|&(seat, from, to, state)| BlockingSeat {
            seat: seat.into(),
            legs: Some(Legs { from, to }),
            state: state.into(),
        });
        Problem {
            code: Code::SeatTaken.into(),
            blocking: blocking.collect(),
            retry_at_ms,
            alternatives: instead.iter().map(|&seat| seat.into()).collect(),
            position: Some(Position { shard: retry_at_ms as u32, index: retry_at_ms << 16 }),
            ..Default::default()
        }
    }

    fn write(replies: &mut ReplyWriter, tag: u32, problem: &Problem) {
        let mut taken = replies.seats_taken(tag);
        for seat in &problem.blocking {
            let legs = seat.legs.expect("every seat has legs here");
            taken.blocking(&seat.seat, (legs.from, legs.to), seat.state());
        }
        taken.retry_at_ms(problem.retry_at_ms);
        problem.alternatives.iter().for_each(|seat| taken.alternative(seat));
        let position = problem.position.expect("a position");
        taken.end(position.shard, position.index);
    }

    #[test]
    fn a_refusal_that_is_written_in_place_is_what_prost_writes() {
        let long = "x".repeat(300);
        let problems = [
            problem(&[("14A", 0, 1, SeatState::Sold)], 0, &[]),
            problem(&[("", 0, 0, SeatState::Unspecified)], 1, &["", "é", &long]),
            problem(
                &[(long.as_str(), 3, 70_000, SeatState::Held); 16],
                u64::MAX >> 17,
                &["1", "2", "3", "4"],
            ),
            problem(&[], 0, &[]),
        ];
        let mut replies = ReplyWriter::default();
        replies.reserve(3);
        let mut all = Vec::new();
        for (tag, problem) in [0, 1, 300, u32::MAX].into_iter().zip(problems) {
            write(&mut replies, tag, &problem);
            all.push(PipelineReply { tag, reply: Some(Reply::Problem(problem.into())) });
        }
        all.push(PipelineReply { tag: 9, ..Default::default() });
        replies.push(&all[4]);
        assert_eq!(replies.count(), 5);
        let whole = PipelineResponse { replies: all };
        assert_eq!(replies.finish().as_bytes(), whole.encode_to_vec());
        assert_eq!((replies.count(), replies.finish().as_bytes()), (0, [].as_slice()));
    }
}
