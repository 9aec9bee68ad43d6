//! What came of each rule, as a table for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use seatgrid_chaos::verify::RuleReport;

/// A line for each rule. One of which nothing was checked does not look as if it held.
pub(super) fn rules_table(rules: &[RuleReport]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["RULE", "VERDICT", "CHECKED", "NOT CHECKED", "OF", "WHY NOT"]);
    for rule in rules {
        let (checked, not_checked) = (rule.checked.to_string(), rule.not_checked.to_string());
        table.add_row([rule.rule, verdict(rule), &checked, &not_checked, rule.unit, rule.why_not]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// One rule in a word.
fn verdict(rule: &RuleReport) -> &'static str {
    match rule {
        RuleReport { contradictions: 1.., .. } => "CONTRADICTED",
        RuleReport { undecided: 1.., .. } => "undecided",
        RuleReport { checked: 0, .. } => "not checked",
        _ => "holds",
    }
}
