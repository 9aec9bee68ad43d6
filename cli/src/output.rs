//! How results are written: tables for people, JSON for programs.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;

/// How results and errors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs: one JSON value, or one a line where results never end.
    Json,
}

/// A result that people can read.
pub(crate) trait Show {
    /// The text, without the last line feed.
    fn text(&self) -> String;
}

impl Output {
    /// Writes a result to standard output.
    pub(crate) fn print<T: Show + Serialize>(self, result: &T) -> Result<(), Failure> {
        let text = match self {
            Self::Table => result.text(),
            Self::Json => serde_json::to_string(result)
                .map_err(|error| Failure::new(format!("the result cannot be written: {error}")))?,
        };
        line(&text)
    }

    /// Writes a message for people to standard error.
    pub(crate) fn say(self, message: &str) {
        if self == Self::Table {
            eprintln!("{message}");
        }
    }
}

/// Writes a line; a reader that has gone away, such as `head`, is no error.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A table without lines, so that it can be cut and sorted.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// The rows of a table as lines without trailing blanks.
pub(crate) fn table_text(table: &Table) -> String {
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Names and values, one a line; empty values are left out.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let shown = pairs.iter().filter(|(_, value)| !value.is_empty());
    let width = shown.clone().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = shown.map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
}

/// A moment as people write it, in UTC.
pub(crate) fn unix_ms_text(unix_ms: u64) -> String {
    let moment =
        i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(|| format!("{unix_ms} ms"), |moment| format!("{moment:.0}"))
}

/// A progress bar on standard error, and nothing where that is not a terminal.
pub(crate) fn progress(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(4));
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_can_be_cut_and_sorted() {
        let mut table = table(["TRIP", "SHARD"]);
        table.add_row(["a-long-trip", "1"]).add_row(["b", "22"]);
        assert_eq!(table_text(&table), "TRIP         SHARD\na-long-trip  1\nb            22");
    }

    #[test]
    fn empty_values_are_left_out() {
        let text = pairs(&[("hold", "1".into()), ("zone", String::new()), ("expires", "2".into())]);
        assert_eq!(text, "hold     1\nexpires  2");
    }

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(unix_ms_text(1_000), "1970-01-01T00:00:01Z");
    }
}
