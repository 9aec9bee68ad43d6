//! One file of a feed, row by row: columns by name, any order, whatever else may stand in it.

use std::borrow::Cow;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::error::GtfsError;
use super::limits::{MAX_FIELD_BYTES, MAX_ROWS};
use super::report::{FileCount, Reason, Report};
use super::source::Source;

/// A column that an import reads.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// Without it the file cannot be read.
    Needed(&'static str),
    /// Without it the field is empty.
    Optional(&'static str),
}

/// One row.
pub(super) struct Fields<'a> {
    record: &'a ByteRecord,
    /// Where each of the columns that were asked for stands in the record.
    columns: &'a [Option<usize>],
    /// The line that it begins on, from 1.
    pub(super) line: u64,
}

impl<'a> Fields<'a> {
    /// The field of the `n`th column that was asked for: trimmed, empty if it is not there.
    pub(super) fn get(&self, n: usize) -> Cow<'a, str> {
        let bytes = self.columns[n].and_then(|at| self.record.get(at)).unwrap_or_default();
        match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }
    }

    /// The field of the `n`th column as a number; `None` if it is empty or not a number from 0 on.
    pub(super) fn number(&self, n: usize) -> Option<u32> {
        self.get(n).parse().ok()
    }

    fn is_blank(&self) -> bool {
        self.record.iter().all(<[u8]>::is_empty)
    }
}

/// Hands every row of `file` to `each`, and counts them in the report.
///
/// Returns whether the feed has the file.
pub(super) fn for_each_row(
    source: &mut Source,
    file: &'static str,
    columns: &[Column],
    report: &mut Report,
    mut each: impl FnMut(&Fields<'_>, &mut Report),
) -> Result<bool, GtfsError> {
    let max_bytes = source.max_file_bytes();
    let unreadable = |line, error| unreadable(file, max_bytes, line, error);
    let Some(bytes) = source.read(file)? else { return Ok(false) };
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(bytes);
    let headers = reader.byte_headers().map_err(|error| unreadable(0, error))?;
    let columns = find_columns(file, columns, headers)?;
    let (mut record, mut rows, mut line) = (ByteRecord::new(), 0, 1);
    while reader.read_byte_record(&mut record).map_err(|error| unreadable(line, error))? {
        line = record.position().map_or(line, csv::Position::line);
        let fields = Fields { record: &record, columns: &columns, line };
        if fields.is_blank() {
            continue;
        }
        rows += 1;
        if rows > MAX_ROWS {
            return Err(GtfsError::TooManyRows { file });
        }
        if record.iter().any(|field| field.len() > MAX_FIELD_BYTES) {
            report.skip(file, line, &fields.get(0), Reason::FieldTooLong);
            continue;
        }
        // Only in the columns that are read: nobody misses a letter in the others.
        let read = columns.iter().flatten().filter_map(|at| record.get(*at));
        for field in read.filter(|field| std::str::from_utf8(field).is_err()) {
            report.note(file, line, &String::from_utf8_lossy(field), Reason::NotUtf8);
        }
        each(&fields, report);
    }
    report.files.push(FileCount { file, rows });
    Ok(true)
}

fn find_columns(
    file: &'static str,
    columns: &[Column],
    headers: &ByteRecord,
) -> Result<Vec<Option<usize>>, GtfsError> {
    let clean = |name: &[u8]| {
        let name = String::from_utf8_lossy(name);
        name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
    };
    let found: Vec<String> = headers.iter().map(clean).collect();
    columns
        .iter()
        .map(|column| {
            let (Column::Needed(name) | Column::Optional(name)) = *column;
            let at = found.iter().position(|header| header == name);
            match (column, at) {
                (Column::Needed(column), None) => {
                    Err(GtfsError::MissingColumn { file, column, found: found.clone() })
                }
                _ => Ok(at),
            }
        })
        .collect()
}

fn unreadable(file: &'static str, max_bytes: u64, line: u64, source: csv::Error) -> GtfsError {
    match source.kind() {
        csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            GtfsError::FileTooLarge { file, max_bytes }
        }
        _ => GtfsError::Unreadable { file, line, source },
    }
}
