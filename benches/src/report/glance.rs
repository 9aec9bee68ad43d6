//! The whole comparison at a glance: systems beside workloads.

use std::collections::BTreeSet;

use super::figures::{count, ends, times};
use super::html::Esc;
use super::sections::{Role, Section, ratio, throughput};
use super::words::{Side, title};
use crate::results::{Row, Spread};

/// Draws a line for each other system, with a ratio for each section that can be compared.
pub(super) fn draw(html: &mut String, sections: &[Section<'_>]) {
    let with_ours: Vec<(usize, &Section<'_>, &Row)> = sections
        .iter()
        .enumerate()
        .filter_map(|(number, section)| Some((number, section, section.ours()?)))
        .collect();
    let closed = sections.iter().flat_map(|section| &section.closed);
    let systems = closed.map(|row| row.system.as_str());
    let others: BTreeSet<&str> = systems.filter(|system| Role::of(system) == Role::Other).collect();
    if with_ours.is_empty() || others.is_empty() {
        return;
    }
    html.push_str(
        "<p>How many times as many answers a second Seatgrid gives, peak against peak. \
         <span class=soft><b class=good>✓</b> more, <b class=bad>✗</b> fewer, <b class=open>≈\
         </b> the turns overlap.</span></p>\n<div class=scroll tabindex=0 role=region \
         aria-label=\"Peak against peak\">\n<table class=glance>\n<caption>Seatgrid ÷ the \
         other</caption>\n<tr><th scope=col>other system",
    );
    for (number, section, _) in &with_ours {
        let name = Esc(title(section));
        put!(html, "<th scope=col class=r><a href=\"#s{number}\">{name}</a>");
    }
    html.push_str("</tr>\n");
    for system in others {
        put!(html, "<tr><th scope=row>{}", Esc(system));
        for (_, section, ours) in &with_ours {
            match section.peak_of(system).and_then(|other| ratio(ours, other)) {
                Some(ratio) => cell(html, &ratio),
                None => html.push_str("<td class=r>–"),
            }
        }
        html.push_str("</tr>\n");
    }
    html.push_str("<tr class=ours><th scope=row>Seatgrid’s own peak, answers/s");
    for (.., ours) in &with_ours {
        put!(html, "<td class=r>{}", count(throughput(ours).median));
    }
    html.push_str("</tr>\n</table>\n</div>\n");
}

fn cell(html: &mut String, ratio: &Spread) {
    let (class, sign, word) = match Side::of(ratio) {
        Side::Faster => ("good", "✓", "more"),
        Side::Same => ("open", "≈", "the turns overlap"),
        Side::Slower => ("bad", "✗", "fewer"),
    };
    put!(
        html,
        "<td class=\"r {class}\"><span role=img aria-label=\"{word}\">{sign}</span> {}<br>\
         <small>{}</small>",
        times(ratio.median),
        ends(ratio, times)
    );
}

#[cfg(test)]
mod tests {
    use super::super::made_up::row;
    use super::super::sections::sections;
    use super::*;
    use crate::results::Results;

    #[test]
    fn a_ratio_for_each_system_at_its_best() {
        let mut results = Results::default();
        results.note(row("Seatgrid", 1, &[100.0]));
        results.note(row("Redis", 1, &[40.0]));
        results.note(row("Redis", 2, &[200.0]));
        results.note(row("Postgres <9>", 1, &[10.0]));
        let mut html = String::new();
        draw(&mut html, &sections(&results));
        let has = |text: &str| assert!(html.contains(text), "{text} is missing in\n{html}");
        has(
            "<th scope=row>Redis<td class=\"r bad\"><span role=img aria-label=\"fewer\">✗</span> 0.50×",
        );
        has("<th scope=row>Postgres &lt;9&gt;<td class=\"r good\">");
        has("10.0×");
    }

    #[test]
    fn nothing_to_compare_draws_nothing() {
        let mut html = String::new();
        let mut results = Results::default();
        draw(&mut html, &sections(&results));
        results.note(row("Seatgrid", 1, &[100.0]));
        draw(&mut html, &sections(&results));
        assert_eq!(html, "");
    }
}
