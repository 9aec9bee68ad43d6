//! What a system spends, as bars in tables.

use super::figures::{ends, mib, three};
use super::html::Esc;
use super::sections::{Section, Series, is_ours};
use super::series::Styles;
use super::tables::memory;
use crate::results::{Row, Spread};

/// Draws processor time and memory of each series at its peak, beside each other.
pub(super) fn draw(html: &mut String, styles: &Styles<'_>, section: &Section<'_>) {
    let peaks = section.peaks();
    if peaks.is_empty() {
        return;
    }
    html.push_str("<div class=pair>\n");
    processor(html, styles, &peaks);
    memories(html, styles, section, &peaks);
    html.push_str("</div>\n");
}

/// Processor time for each answer.
fn processor(html: &mut String, styles: &Styles<'_>, peaks: &[&Row]) {
    let spent = |row: &Row| {
        let server = row.figure(|turn| turn.server_us).median;
        (server, row.figure(|turn| turn.client_us).median)
    };
    let most = peaks.iter().map(|row| spent(row).0 + spent(row).1).fold(0.0, f64::max);
    html.push_str(
        "<table>\n<caption>Processor time for an answer, at the peak <span class=soft>(\
         <i class=\"bar server\"></i> servers, <i class=\"bar client\"></i> caller)</span>\
         </caption>\n<tr><th scope=col>system<th scope=col class=r>servers<th scope=col \
         class=r>caller<th scope=col class=r>both</tr>\n",
    );
    let both = |row: &Row| spent(row).0 + spent(row).1;
    let mut sorted = peaks.to_vec();
    sorted.sort_by(|a, b| both(a).total_cmp(&both(b)));
    for row in sorted {
        let (server, client) = spent(row);
        let numbers = [server, client, server + client].map(|us| format!("{} µs", three(us)));
        let parts = [("server", server / most), ("client", client / most)];
        put_row(html, styles, row, &numbers, &parts);
    }
    html.push_str("</table>\n");
}

/// Memory of all servers.
fn memories(html: &mut String, styles: &Styles<'_>, section: &Section<'_>, peaks: &[&Row]) {
    let most = peaks.iter().map(|row| memory(row).median).fold(0.0, f64::max);
    html.push_str(
        "<table>\n<caption>Memory of all servers</caption>\n<tr><th scope=col>system<th \
         scope=col class=r>at the peak<th scope=col class=r>all loads</tr>\n",
    );
    let mut sorted = peaks.to_vec();
    sorted.sort_by(|a, b| memory(a).median.total_cmp(&memory(b).median));
    for row in sorted {
        let at_peak = memory(row).median;
        let series = Series::of(row);
        let loads = section.closed.iter().filter(|other| Series::of(other) == series);
        let all = Spread::of(loads.map(|other| memory(other).median));
        let numbers = [mib(at_peak), ends(&all, mib)].map(|mib| format!("{mib} MiB"));
        put_row(html, styles, row, &numbers, &[("server", at_peak / most)]);
    }
    html.push_str("</table>\n");
}

/// A row of a series: its numbers, and below them a bar. A part of it is a share of the widest bar.
fn put_row(
    html: &mut String,
    styles: &Styles<'_>,
    row: &Row,
    numbers: &[String],
    parts: &[(&str, f64)],
) {
    let class = if is_ours(&row.system) { " ours" } else { "" };
    let name = Esc(styles.name_of(row));
    put!(html, "<tr class=\"named{class}\"><th scope=row>{name}");
    for number in numbers {
        put!(html, "<td class=r>{number}");
    }
    let columns = numbers.len() + 1;
    put!(html, "</tr>\n<tr class=\"drawn{class}\" aria-hidden=true><td colspan={columns}>");
    html.push_str("<span class=track>");
    for (class, share) in parts {
        let percent = (share.max(0.0) * 100.0).min(100.0);
        put!(html, "<i class=\"bar {class}\" style=\"width:{percent:.1}%\"></i>");
    }
    html.push_str("</span></tr>\n");
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{example, row};
    use super::super::sections::sections;
    use super::*;
    use crate::contest::Turn;
    use crate::results::Results;

    fn drawn(results: &Results) -> String {
        let sections = sections(results);
        let mut html = String::new();
        draw(&mut html, &Styles::of(&sections), &sections[0]);
        html
    }

    #[test]
    fn the_widest_bar_has_all_the_width() {
        let html = drawn(&example());
        let widths = html.split("width:").skip(1).map(|rest| {
            let end = rest.find('%').expect("a width has a unit");
            rest[..end].parse::<f64>().expect("a width is a number")
        });
        let widths: Vec<f64> = widths.collect();
        assert!(widths.iter().all(|width| (0.0..=100.0).contains(width)), "{widths:?}");
        assert!(widths.contains(&100.0));
    }

    #[test]
    fn who_spends_nothing_has_no_bar() {
        let mut idle = row("Redis", 1, &[1.0]);
        let nothing = Turn { server_us: 0.0, client_us: 0.0, server_bytes: 0, ..Turn::default() };
        idle.turns = vec![nothing];
        let mut results = Results::default();
        results.note(idle);
        assert!(!drawn(&results).contains("NaN"));
    }
}
