//! Why a feed cannot be read at all. What is wrong with single rows stands in the report instead.

use std::io;
use std::path::PathBuf;

use super::limits::{MAX_DEPTH, MAX_ENTRIES, MAX_ROWS};

/// A feed that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GtfsError {
    /// The path, or something below it, cannot be opened.
    #[error("{}: cannot be opened: {source}", path.display())]
    Open {
        /// What was to be opened.
        path: PathBuf,
        /// Why it cannot be.
        source: io::Error,
    },
    /// The file is not a zip archive, or a damaged one.
    #[error(
        "{}: is not a readable zip archive (allowed are a .zip or a directory): {source}",
        path.display()
    )]
    NotAZip {
        /// The file.
        path: PathBuf,
        /// What the archive reader found.
        source: zip::result::ZipError,
    },
    /// Neither the path nor a folder in it has the two files that every feed has.
    #[error(
        "{}: has no folder with trips.txt and stop_times.txt (searched {MAX_DEPTH} folders deep); found {}",
        path.display(), listed(found)
    )]
    NotAFeed {
        /// The path.
        path: PathBuf,
        /// The first files that are there.
        found: Vec<String>,
    },
    /// More than one folder could be the feed.
    #[error("{}: has more than one feed: {}; name the one to read", path.display(), listed(folders))]
    SeveralFeeds {
        /// The path.
        path: PathBuf,
        /// The folders.
        folders: Vec<String>,
    },
    /// There are too many files to search.
    #[error("{}: has more than {MAX_ENTRIES} files and folders", path.display())]
    TooManyEntries {
        /// The path.
        path: PathBuf,
    },
    /// A column that the import cannot do without.
    #[error("{file}, line 1: has no column `{column}`; found {}", listed(found))]
    MissingColumn {
        /// The file.
        file: &'static str,
        /// The column.
        column: &'static str,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// A file is too large when it is unpacked.
    #[error("{file}: is larger than {max_bytes} bytes, the most that is unpacked")]
    FileTooLarge {
        /// The file.
        file: &'static str,
        /// The most that is allowed.
        max_bytes: u64,
    },
    /// A file has more than [`MAX_ROWS`] rows.
    #[error("{file}: has more than {MAX_ROWS} rows")]
    TooManyRows {
        /// The file.
        file: &'static str,
    },
    /// A file breaks off or is damaged.
    #[error("{file}, after line {line}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: &'static str,
        /// The last line that was read.
        line: u64,
        /// What the reader found.
        source: csv::Error,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}
