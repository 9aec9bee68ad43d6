//! Messages of a pipeline: many commands in one.
//!
//! As for [`crate::request`]. What the lists of a message are counted as before it is decoded does not depend
//! on how it is written, and taken one by one its commands are those of the whole.

use prost::Message;
use proto::codec::{Readable as _, read};
use proto::pb;
use proto::pipeline::Commands;

use crate::Seed;
use crate::request::{route, wire_commands};

/// Reads a message and routes its commands.
pub fn run(mut bytes: &[u8]) {
    let one_by_one = Commands::read(&mut { bytes }).ok();
    let commands: Option<Vec<_>> =
        one_by_one.as_ref().and_then(|commands| commands.decoded().collect::<Result<_, _>>().ok());
    let request = read::<pb::PipelineRequest>(&mut bytes).ok();
    assert_eq!(commands.as_ref(), request.as_ref().map(|request| &request.commands));
    let Some(request) = request else { return };
    let encoded = request.encode_to_vec();
    assert_eq!(read::<pb::PipelineRequest>(&mut encoded.as_slice()).as_ref(), Ok(&request));
    for piece in one_by_one.iter().flat_map(Commands::pieces) {
        the_short_way_is_the_long_one(piece.expect("it was read above"));
    }
    request.commands.into_iter().filter_map(|command| command.command).for_each(route);
}

/// A node reads the commonest command in a way of its own: it comes to the same.
fn the_short_way_is_the_long_one(piece: &[u8]) {
    let short = node::fuzzing::incoming(piece).expect("it was read above");
    let command = pb::PipelineCommand::decode(piece).expect("it was read above").command;
    let long = command.ok_or_else(|| pb::Problem::invalid("command", "it is empty"));
    assert_eq!(short, long.and_then(node::fuzzing::route));
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
