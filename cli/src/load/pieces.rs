//! A file that many workers write lines to, over a thread of its own: with bounded memory.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::failure::Failure;

/// A piece of this size is handed to the writer, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Pieces that may wait for the disk, 16 MiB in all: then workers wait, too, and the load with them.
const MAX_WAITING_PIECES: usize = 64;

/// One worker's part of the file. Its lines stay in order.
#[derive(Debug)]
pub(crate) struct Piece {
    text: String,
    to: SyncSender<String>,
}

impl Piece {
    /// Where to write whole lines to; then [`Piece::wrote`].
    pub(crate) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// A line is complete.
    pub(crate) fn wrote(&mut self) {
        if self.text.len() >= PIECE_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let text = std::mem::replace(&mut self.text, String::with_capacity(PIECE_BYTES + 1_024));
        // A writer that is gone has told its error at the end.
        let _ = self.to.send(text);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The file, and the thread that writes it.
#[derive(Debug)]
pub(crate) struct Pieces {
    to: SyncSender<String>,
    writer: JoinHandle<std::io::Result<()>>,
}

impl Pieces {
    /// Begins a new file.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        let (to, from) = sync_channel(MAX_WAITING_PIECES);
        let writer = std::thread::spawn(move || write_all(file, &from));
        Ok(Self { to, writer })
    }

    /// The part of one worker.
    pub(crate) fn piece(&self) -> Piece {
        Piece { text: String::new(), to: self.to.clone() }
    }

    /// Waits until all that was written is on disk; the workers' parts must be gone.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        drop(self.to);
        match self.writer.join() {
            Ok(written) => Ok(written?),
            Err(_) => Err(Failure::new("the file's writer stopped")),
        }
    }
}

fn write_all(mut file: File, from: &Receiver<String>) -> std::io::Result<()> {
    for piece in from {
        file.write_all(piece.as_bytes())?;
    }
    file.sync_all()
}

/// Writes a name into a line. Names need no escapes but for quotes and backslashes.
pub(crate) fn push_name(text: &mut String, name: &str) {
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
}
