//! Layouts of coaches, trains and halls, read from files that people write.
//!
//! The format is described in `docs/layout-format.md`; samples stand in `samples/layouts/`. A file
//! is one of three things, told apart by what is in it:
//!
//! - JSON of our own, short through patterns: `{"from": 1, "to": 12, "pattern": "AB_CD"}`;
//! - a drawing, with rows such as `1A 1B _ 1C 1D`;
//! - a seating plan of pretix, which has a key `categories`.
//!
//! Whatever it was, the outcome is the same plain [`Layout`], or a [`LayoutError`] that names the
//! file, the line, what was found and what is allowed. Nothing is dropped silently.
//!
//! ```
//! use seatgrid_client_sdk::layout::Layout;
//!
//! let layout = Layout::parse(
//!     "coach.json",
//!     r#"{
//!         "name": "Small coach",
//!         "zones": [{"name": "Standard"}],
//!         "rows": {"from": 1, "to": 12, "pattern": "AB_CD"}
//!     }"#,
//! )?;
//! assert_eq!(layout.seat_count(), 48);
//! # Ok::<(), seatgrid_client_sdk::layout::LayoutError>(())
//! ```

mod assemble;
mod attribute;
mod error;
mod json;
pub mod limits;
mod model;
mod native;
mod pattern;
mod pretix;
mod render;
mod rows;
mod scope;
mod text;
mod walk;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use self::attribute::{Attribute, Attributes};
pub use self::error::{DuplicateSeat, LayoutError, Problem, Spot};
pub use self::model::{Layout, Row, Seat, Zone, ZoneKind};

use self::json::Node;
use self::limits::MAX_FILE_BYTES;
use self::walk::Cursor;

impl Layout {
    /// Reads a layout file.
    ///
    /// # Errors
    /// If the file cannot be read or breaks a rule of the format.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, LayoutError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let refuse = |problem| refused(&file, Spot::default(), problem);
        let mut bytes = Vec::new();
        let opened = File::open(path).map_err(|error| refuse(Problem::Io(error)))?;
        // One byte past the limit tells a file that is too large from one that just fits.
        let read = opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| refuse(Problem::Io(error)))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            refuse(Problem::NotText { offset: error.utf8_error().valid_up_to() })
        })?;
        Self::parse(&file, &text)
    }

    /// Reads a layout that is already in memory; `file` is what errors call it.
    ///
    /// # Errors
    /// If the text breaks a rule of the format.
    pub fn parse(file: &str, text: &str) -> Result<Self, LayoutError> {
        let found_bytes = text.len() as u64;
        if found_bytes > MAX_FILE_BYTES {
            return Err(refused(file, Spot::default(), Problem::FileTooLarge { found_bytes }));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(refused(file, Spot::default(), Problem::EmptyFile));
        }
        let layout = if text.trim_start().starts_with(['{', '[']) {
            let root: Node = serde_json::from_str(text).map_err(|e| syntax_error(file, &e))?;
            let cursor = Cursor::root(&root);
            if pretix::is_plan(&root) { pretix::read(&cursor) } else { native::read(&cursor) }
        } else {
            text::read(text)
        };
        layout.map_err(|fault| fault.into_error(file, text))
    }
}

fn refused(file: &str, at: Spot, problem: Problem) -> LayoutError {
    LayoutError { file: file.to_owned(), at, problem: Box::new(problem) }
}

fn syntax_error(file: &str, error: &serde_json::Error) -> LayoutError {
    let number = |number: usize| Some(u32::try_from(number).unwrap_or(u32::MAX));
    let at = Spot { line: number(error.line()), column: number(error.column()), path: None };
    // The library appends the position, which stands in front already.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
    refused(file, at, Problem::Syntax(message))
}
