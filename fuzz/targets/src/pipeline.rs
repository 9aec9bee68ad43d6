//! Messages of a pipeline: many commands in one.
//!
//! As for [`crate::request`], and what the lists of a message are counted as before it is decoded does
//! not depend on how it is written.

use prost::Message;
use proto::codec::read;
use proto::pb;

use crate::Seed;
use crate::request::{route, wire_commands};

/// Reads a message and routes its commands.
pub fn run(mut bytes: &[u8]) {
    let Ok(request) = read::<pb::PipelineRequest>(&mut bytes) else { return };
    let encoded = request.encode_to_vec();
    assert_eq!(read::<pb::PipelineRequest>(&mut encoded.as_slice()).as_ref(), Ok(&request));
    request.commands.into_iter().filter_map(|command| command.command).for_each(route);
}

/// One command, and one of most kinds.
pub fn seeds() -> Vec<Seed> {
    let tagged = |(tag, (_, _, wire))| pb::PipelineCommand {
        tag,
        command: Some(wire),
        ..Default::default()
    };
    let commands: Vec<_> = (1..).zip(wire_commands()).map(tagged).collect();
    let one = pb::PipelineRequest { commands: commands[..1].to_vec() };
    let all = pb::PipelineRequest { commands };
    vec![("one", one.encode_to_vec()), ("every-kind", all.encode_to_vec())]
}
