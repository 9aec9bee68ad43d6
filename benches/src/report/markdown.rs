//! Results as a text for the repository.

use super::growth;
use super::sections::{Section, sections};
use super::tables::{self, Table};
use super::words;
use crate::results::Results;

/// The text of a report, as Markdown.
#[must_use]
pub fn markdown(results: &Results) -> String {
    let sections = sections(results);
    let mut text = format!("# {}\n\n{}\n\n", words::TITLE, words::verdict(&sections));
    text.push_str("The benchmark writes this file: what is changed by hand is lost.\n");
    if let Some(runs) = tables::runs(&results.runs) {
        text.push_str("\n## What was run, and where\n\n");
        put_table(&mut text, &runs);
    }
    text.push_str("\n## How to read it\n\n");
    for (term, meaning) in words::terms() {
        put!(text, "* **{term}**: {meaning}\n");
    }
    configurations(&mut text, results);
    if !results.absent.is_empty() {
        text.push_str("\n## What was not measured\n\n");
        for why in &results.absent {
            put!(text, "* {}\n", plain(why));
        }
    }
    for section in &sections {
        put_section(&mut text, section);
    }
    for table in growth::growth(results).iter().chain(&growth::long_runs(results)) {
        put!(text, "\n## {}\n\n", plain(&table.caption));
        put_table(&mut text, table);
    }
    text
}

fn configurations(text: &mut String, results: &Results) {
    if results.configurations.is_empty() {
        return;
    }
    text.push_str("\n## How each system was configured\n\n");
    for (system, settings) in &results.configurations {
        put!(text, "* **{}**\n", plain(system));
        for setting in settings {
            put!(text, "  * {}\n", plain(setting));
        }
    }
}

fn put_section(text: &mut String, section: &Section<'_>) {
    put!(text, "\n## {}\n\n", plain(&words::title(section)));
    put!(text, "{}\n", words::about(section));
    if let Some(ceiling) = words::ceiling(section) {
        put!(text, "\n{}\n", plain(&ceiling));
    }
    let peaks = tables::peaks(section);
    let equal = tables::equal_concurrency(section);
    for table in peaks.iter().chain(&equal).chain(&tables::open_loop(section)) {
        put!(text, "\n### {}\n\n", plain(&table.caption));
        put_table(text, table);
    }
    for series in section.without_peak() {
        let who = plain(&format!("{}, {}", series.system, series.caller));
        put!(text, "\nWithout a peak, for its callers waited too long at every load: {who}.\n");
    }
}

fn put_table(text: &mut String, table: &Table) {
    let (mut names, mut rule) = (String::from("|"), String::from("|"));
    for column in &table.columns {
        put!(names, " {} |", column.name);
        rule.push_str(if column.is_number { "---:|" } else { "---|" });
    }
    put!(text, "{names}\n{rule}\n");
    for line in &table.lines {
        text.push('|');
        for (column, cell) in table.columns.iter().zip(&line.cells) {
            match column.name {
                "command" => put!(text, " {} |", code(cell)),
                _ if line.is_ours && column.name == "system" => {
                    put!(text, " **{}** |", plain(cell));
                }
                _ => put!(text, " {} |", plain(cell)),
            }
        }
        text.push('\n');
    }
}

/// A text whose characters mean nothing to Markdown, on one line.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '>' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A command, within a table.
fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| match c {
            '`' => '\'',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    format!("`{}`", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{example, row, slow};
    use super::*;
    use crate::results::Run;

    #[test]
    fn nothing_measured_is_told_without_a_table() {
        let text = markdown(&Results::default());
        assert!(text.contains("Nothing was measured.") && !text.contains('|'));
    }

    #[test]
    fn a_report_has_its_parts_and_its_ratios() {
        let text = markdown(&example());
        for part in [
            "## What was run, and where",
            "## How to read it",
            "## How each system was configured",
            "## What was not measured",
            "* FoundationDB: not installed",
            "## spread: 4 seats a hold",
            "## spread: 1 seat a hold, 3 legs a trip",
            "### Peak against peak",
            "### 2,048 requests in flight",
            "### Open loop",
            "| **Seatgrid, 3 nodes, 3 shards** | pipeline |",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let tables = text.split("\n\n").filter(|part| part.starts_with('|'));
        for table in tables {
            let columns = |line: &str| line.matches('|').count();
            let first = table.lines().next().map_or(0, columns);
            assert!(table.lines().all(|line| columns(line) == first), "{table}");
        }
    }

    #[test]
    fn names_cannot_break_a_table() {
        let mut results = Results::default();
        results.note(row("a|b*c\n<i>", 1, &[1.0]));
        results.runs.push(Run { command: "x | `y`".to_owned(), ..Run::default() });
        let text = markdown(&results);
        assert!(text.contains("| a\\|b\\*c &lt;i\\> |"), "{text}");
        assert!(text.contains("| `x \\| 'y'` |"), "{text}");
    }

    #[test]
    fn a_system_that_is_always_too_slow_is_named() {
        let mut results = Results::default();
        results.note(slow("Redis", 1, &[1.0], 1e9));
        results.note(row("silent", 1, &[]));
        let text = markdown(&results);
        assert!(text.contains("at every load: Redis, pipeline."), "{text}");
        assert!(!text.contains("Peak against peak") && !text.contains("silent"));
    }
}
