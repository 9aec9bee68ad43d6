//! What a shard tells of the holds that pass it, when somebody follows them.

use super::Shard;
use crate::ask::Ask;
use crate::entry::EntryReader;
use crate::line::{self, hold_of};
use crate::seat_map::codec;

impl Shard {
    /// A trip has answered a command, or the log will.
    #[cold]
    pub(super) fn trace_admit(&self, ask: &Ask, outcome: &str) {
        if let Some(hold) = hold_of(&ask.command) {
            line::trip_admit(self.id, ask.trip.as_str(), hold, outcome);
        }
    }

    /// An entry is handed to the log. Its commands are read back from it: they are kept nowhere else.
    #[cold]
    pub(super) fn trace_proposal(&self, entry: &[u8]) {
        let Ok(mut reader) = EntryReader::new(entry) else { return };
        let commands = reader.left();
        while let Ok(Some((trip, command))) = reader.next() {
            let layouts = &self.directory.layouts;
            let command = codec::decode_command(command, &|digest| layouts.get(digest));
            if let Some(hold) = command.ok().as_ref().and_then(hold_of) {
                line::log_propose(self.id, trip, hold, commands);
            }
        }
    }
}
