//! Latency over throughput: a line for each series, through its loads.

use super::figures::{count, duration, ends, ms, short};
use super::html::Esc;
use super::scale::{Decades, Linear};
use super::sections::{PEAK_P99_US, Role, Section, Series, throughput};
use super::series::Styles;
use crate::contest::Turn;
use crate::results::Row;

/// Size of a diagram, in its own units: about a pixel of a telephone each.
const SIZE: (f64, f64) = (400.0, 280.0);

/// Where the scales begin and end: left and right, top and bottom.
const FRAME: (f64, f64, f64, f64) = (48.0, 380.0, 10.0, 232.0);

/// Which latency a diagram shows.
struct Panel {
    name: &'static str,
    meaning: &'static str,
    of: fn(&Turn) -> f64,
}

/// The diagrams beside each other.
const PANELS: [Panel; 3] = [
    Panel { name: "p50", meaning: "half of the answers come within", of: |turn| turn.p50_us },
    Panel { name: "p99", meaning: "99 of 100 answers come within", of: |turn| turn.p99_us },
    Panel { name: "p99.9", meaning: "999 of 1,000 answers come within", of: |turn| turn.p999_us },
];

/// A series and the rows that its line goes through.
struct Curve<'a> {
    series: Series<'a>,
    /// All its rows.
    rows: Vec<&'a Row>,
    /// Of rows with as many requests the fastest, in the order of their load.
    line: Vec<&'a Row>,
}

/// Draws rows of a section: a legend, and a diagram for each latency. A ceiling is not drawn: next to it
/// everything else would stand in a corner.
pub(super) fn draw(html: &mut String, styles: &Styles<'_>, section: &Section<'_>, rows: &[&Row]) {
    let systems = rows.iter().copied().filter(|row| Role::of(&row.system) != Role::Ceiling);
    let rows: Vec<&Row> = systems.collect();
    let curves = curves(&rows);
    if curves.is_empty() {
        return;
    }
    legend(html, styles, section, &curves);
    html.push_str("<div class=panels>\n");
    let most = rows.iter().map(|row| throughput(row).most).fold(0.0, f64::max);
    let across = Linear::up_to(most);
    let latencies = PANELS.iter().flat_map(|panel| rows.iter().map(|row| latency(row, panel)));
    let upward = Decades::of(latencies);
    for panel in &PANELS {
        put!(
            html,
            "<figure>\n<figcaption><b>{}</b>: {}</figcaption>\n\
             <svg viewBox=\"0 0 {:.0} {:.0}\" role=img aria-label=\"{} latency over answers a \
             second; the numbers are in the tables that follow\">\n",
            panel.name,
            panel.meaning,
            SIZE.0,
            SIZE.1,
            panel.name
        );
        grid(html, &across, &upward, panel);
        // Ours last: nothing covers it.
        for curve in curves.iter().rev() {
            put_curve(html, (&across, &upward), styles, section, panel, curve);
        }
        html.push_str("</svg>\n</figure>\n");
    }
    html.push_str("</div>\n");
}

/// The latency of a row in a diagram, in milliseconds.
fn latency(row: &Row, panel: &Panel) -> f64 {
    row.figure(panel.of).median / 1e3
}

fn curves<'a>(rows: &[&'a Row]) -> Vec<Curve<'a>> {
    let load = |row: &Row| row.rate.unwrap_or(row.outstanding() as f64);
    let median = |row: &Row| throughput(row).median;
    let mut sorted: Vec<&'a Row> = rows.to_vec();
    sorted.sort_by(|a, b| {
        let series = Series::of(a).cmp(&Series::of(b));
        let at = load(a).total_cmp(&load(b));
        series.then(at).then(median(b).total_cmp(&median(a)))
    });
    sorted
        .chunk_by(|a, b| Series::of(a) == Series::of(b))
        .map(|rows| {
            let mut line = rows.to_vec();
            line.dedup_by_key(|row| load(row).to_bits());
            Curve { series: Series::of(rows[0]), rows: rows.to_vec(), line }
        })
        .collect()
}

/// What colours and shapes mean, with the peak of each in a closed loop.
fn legend(html: &mut String, styles: &Styles<'_>, section: &Section<'_>, curves: &[Curve<'_>]) {
    html.push_str("<ul class=legend>\n");
    for curve in curves {
        let (class, shape) = (styles.class(curve.series), styles.shape(curve.series));
        let drawn = |peak: &&Row| curve.rows.iter().any(|row| std::ptr::eq(*row, *peak));
        let peak = section.peak(curve.series).filter(drawn);
        let peak = match peak {
            Some(row) => {
                format!(" <span class=soft>peak {}/s</span>", count(throughput(row).median))
            }
            None => String::new(),
        };
        put!(
            html,
            "<li><svg class=\"{class}\" viewBox=\"-12 -6 24 12\" aria-hidden=true>\
             <path class=line d=\"M-12 0H12\" /><path class=mark d=\"{shape}\" /></svg>\
             <span>{}{peak}</span></li>\n",
            Esc(styles.name(curve.series))
        );
    }
    html.push_str("</ul>\n");
}

fn x(across: &Linear, per_second: f64) -> f64 {
    FRAME.0 + across.share(per_second) * (FRAME.1 - FRAME.0)
}

fn y(upward: &Decades, latency_ms: f64) -> f64 {
    FRAME.3 - upward.share(latency_ms) * (FRAME.3 - FRAME.2)
}

/// Marks of both scales, and the longest latency that a peak may have.
fn grid(svg: &mut String, across: &Linear, upward: &Decades, panel: &Panel) {
    let (left, right, top, bottom) = FRAME;
    for mark in across.marks() {
        let at = x(across, mark);
        put!(
            svg,
            "<path class=grid d=\"M{at:.1} {top:.1}V{bottom:.1}\" /><text class=tick x={at:.1} \
             y={:.0} text-anchor=middle>{}</text>\n",
            bottom + 16.0,
            short(mark)
        );
    }
    for mark in upward.marks() {
        let at = y(upward, mark);
        put!(
            svg,
            "<path class=grid d=\"M{left:.1} {at:.1}H{right:.1}\" /><text class=tick x={:.0} \
             y={:.1} text-anchor=end>{}</text>\n",
            left - 6.0,
            at + 4.0,
            duration(mark)
        );
    }
    let limit_ms = PEAK_P99_US / 1e3;
    let share = upward.share(limit_ms);
    if panel.name == "p99" && share > 0.0 && share < 1.0 {
        let at = y(upward, limit_ms);
        put!(svg, "<path class=limit d=\"M{left:.1} {at:.1}H{right:.1}\" />");
        let (x, y) = (right - 4.0, at - 5.0);
        put!(svg, "<text class=tick x={x:.0} y={y:.1} text-anchor=end>peaks lie below</text>\n");
    }
    put!(
        svg,
        "<text class=tick x={:.0} y={:.0} text-anchor=middle>answers a second →</text>\n",
        (left + right) / 2.0,
        bottom + 36.0
    );
}

fn put_curve(
    svg: &mut String,
    (across, upward): (&Linear, &Decades),
    styles: &Styles<'_>,
    section: &Section<'_>,
    panel: &Panel,
    curve: &Curve<'_>,
) {
    let place = |row: &Row| (x(across, throughput(row).median), y(upward, latency(row, panel)));
    put!(svg, "<g class=\"{}\">\n<path class=line d=\"", styles.class(curve.series));
    for (number, row) in curve.line.iter().enumerate() {
        let (verb, (x, y)) = (if number == 0 { 'M' } else { 'L' }, place(row));
        put!(svg, "{verb}{x:.1} {y:.1}");
    }
    svg.push_str("\" />\n");
    let peak = section.peak(curve.series);
    for row in curve.rows.iter().copied() {
        let (per_second, at) = (throughput(row), place(row));
        let (from, to) = (x(across, per_second.least), x(across, per_second.most));
        put!(svg, "<path class=ends d=\"M{from:.1} {:.1}H{to:.1}\" />", at.1);
        if peak.is_some_and(|peak| std::ptr::eq(peak, row)) {
            put!(svg, "<circle class=peak cx={:.1} cy={:.1} r=8 />", at.0, at.1);
        }
        put!(
            svg,
            "<path class=mark transform=\"translate({:.1} {:.1})\" d=\"{}\"><title>{}</title>\
             </path>\n",
            at.0,
            at.1,
            styles.shape(curve.series),
            Esc(tooltip(styles, panel, row))
        );
    }
    svg.push_str("</g>\n");
}

fn tooltip(styles: &Styles<'_>, panel: &Panel, row: &Row) -> String {
    let per_second = throughput(row);
    let asked = row.rate.map_or(String::new(), |rate| format!("asked {}/s, ", count(rate)));
    format!(
        "{}\n{asked}{} lanes × {} in flight\n{} answers/s ({})\n{} {} ms",
        styles.name_of(row),
        row.load.lanes,
        row.load.depth,
        count(per_second.median),
        ends(&per_second, count),
        panel.name,
        ms(row.figure(panel.of).median)
    )
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{example, row, turn};
    use super::super::sections::sections;
    use super::*;
    use crate::results::Results;

    fn drawn(results: &Results) -> String {
        let sections = sections(results);
        let styles = Styles::of(&sections);
        let mut html = String::new();
        for section in &sections {
            draw(&mut html, &styles, section, &section.closed);
            draw(&mut html, &styles, section, &section.open);
        }
        html
    }

    /// The two numbers after each occurrence of a text.
    fn places(html: &str, before: &str) -> Vec<(f64, f64)> {
        let numbers = |rest: &str| {
            let end = rest.find(['L', 'H', 'V', ')', '"', ' ']).unwrap_or(rest.len());
            let after = &rest[end..].trim_start();
            let until = after.find(['L', 'H', 'V', ')', '"']).unwrap_or(after.len());
            let number = |text: &str| text.parse().expect("a place is a number");
            (number(&rest[..end]), number(&after[..until]))
        };
        html.split(before).skip(1).map(numbers).collect()
    }

    fn lies_within(html: &str) -> usize {
        let mut seen = 0;
        let points = places(html, "translate(").into_iter();
        for (x, y) in points.chain(places(html, "class=ends d=\"M")) {
            assert!((FRAME.0..=FRAME.1).contains(&x) && (FRAME.2..=FRAME.3).contains(&y));
            seen += 1;
        }
        for line in html.split("class=line d=\"").skip(1).filter_map(|rest| rest.split('"').next())
        {
            assert!(!line.contains("NaN") && !line.contains("inf"), "{line}");
        }
        seen
    }

    #[test]
    fn all_points_lie_within_the_view_box() {
        let (results, html) = (example(), drawn(&example()));
        let shown = results.rows.iter().filter(|row| Role::of(&row.system) != Role::Ceiling);
        assert_eq!(lies_within(&html), shown.count() * PANELS.len() * 2);
        let box_of = format!("viewBox=\"0 0 {} {}\"", SIZE.0, SIZE.1);
        // A closed loop and an open one, in four sections.
        assert_eq!(html.matches(&box_of).count(), PANELS.len() * 2 * 4);
        assert!(FRAME.0 >= 0.0 && FRAME.1 <= SIZE.0 && FRAME.2 >= 0.0 && FRAME.3 <= SIZE.1);
    }

    #[test]
    fn odd_figures_are_drawn_within_too() {
        let mut results = Results::default();
        for (number, odd) in [0.0, -1.0, 1e300, f64::NAN, f64::INFINITY].into_iter().enumerate() {
            let turns = vec![Turn { p50_us: odd, p99_us: odd, p999_us: odd, ..turn(odd) }];
            results.note(Row { turns, ..row("Redis", number as u32, &[]) });
        }
        assert_eq!(lies_within(&drawn(&results)), 5 * PANELS.len() * 2);
        assert_eq!(drawn(&Results::default()), "");
    }

    #[test]
    fn a_line_goes_through_the_fastest_row_of_each_load() {
        let (four, one) = (row("a", 4, &[40.0]), row("a", 1, &[10.0]));
        let mut wide = row("a", 2, &[70.0]);
        wide.load.lanes = 2;
        let rows = [&four, &one, &wide];
        let all = curves(&rows);
        let rates: Vec<f64> = all[0].line.iter().map(|row| throughput(row).median).collect();
        assert_eq!((rates, all[0].rows.len()), (vec![10.0, 70.0], 3));
    }
}
