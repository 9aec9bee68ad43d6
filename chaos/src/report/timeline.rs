//! What happened when: faults, leaders, calls and their latency, below each other on one axis.

use crate::real::Report;
use crate::real::leaders::Led;

use super::Page;
use super::axis::{Axis, LEFT, WIDTH};
use super::html::{Count, Esc};
use super::seconds::{OUTCOMES, Seconds, Span};

/// Height of a row of names.
const ROW: f64 = 20.0;

/// Width of a letter, about.
const LETTER: f64 = 6.5;

/// Height of a diagram.
const DIAGRAM: f64 = 120.0;

/// Height of what is written between two diagrams.
const GAP: f64 = 34.0;

/// Faults that are drawn; all are in the table.
const MAX_FAULTS: usize = 40;

/// Shards that are drawn; all are in the table.
const MAX_SHARDS: u32 = 16;

/// Draws the timeline, with a table of the same.
pub(super) fn draw(html: &mut String, page: &Page<'_>) {
    if page.history.calls().is_empty() {
        return;
    }
    let seconds = Seconds::of(page.history);
    let axis = Axis { from_us: seconds.from_us, to_us: seconds.to_us() };
    let (mut svg, mut top) = (String::new(), 4.0);
    let report = page.run.map(|(_, report)| report);
    if let Some(report) = report {
        faults(&mut svg, &axis, report, &mut top);
        leaders(&mut svg, &axis, report, &mut top);
    }
    throughput(&mut svg, &axis, &seconds, &mut top);
    latency(&mut svg, &axis, &seconds, &mut top);
    let height = top + 6.0;
    let mut shades = String::new();
    for (from_us, to_us) in report.into_iter().flat_map(times) {
        let (x, end) = (axis.x(from_us), axis.x(to_us));
        put!(
            shades,
            "<rect class=shade x={x:.1} y=0 width={:.1} height={height:.0} />",
            (end - x).max(1.0)
        );
    }
    html.push_str("<section>\n<h2>What happened when</h2>\n");
    let subject = if report.is_some() { "Faults, leaders, calls" } else { "Calls" };
    put!(
        html,
        "<p class=note>{subject} and latency on one time axis. Every number of it is in the \
         table below.</p>\n\
         {LEGEND}<div class=scroll tabindex=0 role=region aria-label=Timeline>\n\
         <svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=img aria-label=\"{subject} and latency \
         over time; \
         the same is in the table that follows\">\n{PATTERNS}{shades}{svg}</svg>\n</div>\n"
    );
    table(html, &seconds, report);
    html.push_str("</section>\n");
}

/// Fills that differ without their colours.
const PATTERNS: &str = "<defs><pattern id=hatch width=6 height=6 patternUnits=userSpaceOnUse \
    patternTransform=rotate(45)><rect width=6 height=6 class=s2 /><line x1=0 x2=0 y1=0 y2=6 \
    stroke=var(--ink) stroke-width=2 /></pattern><pattern id=dots width=5 height=5 \
    patternUnits=userSpaceOnUse><rect width=5 height=5 class=s3 /><circle cx=2 cy=2 r=1.2 \
    fill=var(--paper) /></pattern></defs>\n";

/// What fills and lines mean.
const LEGEND: &str = "<ul class=legend>\n\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=true><rect width=20 height=10 class=s0 \
    /></svg>acknowledged</li>\n\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=true><rect width=20 height=10 class=s1 \
    /></svg>refused</li>\n\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=true><rect width=20 height=10 fill=url(#hatch) \
    /></svg>no answer</li>\n\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=true><rect width=20 height=10 fill=url(#dots) \
    /></svg>failed</li>\n\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=true><path d=\"M0 5H20\" class=p50 /></svg>half \
    of the answers came within this</li>\n\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=true><path d=\"M0 5H20\" class=p99 /></svg>99 of \
    100</li>\n\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=true><path d=\"M0 5H20\" class=max /></svg>the \
    slowest</li>\n\
    </ul>\n";

/// When faults began and ended, in microseconds.
fn times(report: &Report) -> impl Iterator<Item = (u64, u64)> + '_ {
    report.fired.iter().filter_map(|fired| {
        let from_ms = fired.fired_ms?;
        Some((from_ms * 1_000, fired.ended_ms.max(from_ms) * 1_000))
    })
}

/// A name in the margin.
fn name(svg: &mut String, y: f64, text: &str) {
    let x = LEFT - 8.0;
    put!(svg, "<text x={x:.0} y={y:.0} text-anchor=end>{}</text>", Esc(text));
}

fn faults(svg: &mut String, axis: &Axis, report: &Report, top: &mut f64) {
    let happened = report.fired.iter().filter_map(|fired| Some((fired, fired.fired_ms?)));
    for (fired, at_ms) in happened.take(MAX_FAULTS) {
        let (x, end) = (axis.x(at_ms * 1_000), axis.x(fired.ended_ms.max(at_ms) * 1_000));
        let nodes: Vec<String> = fired.nodes.iter().map(|id| format!("node {id}")).collect();
        let label = nodes.join(", ");
        let (width, wanted) = ((end - x).max(3.0), 8.0 + LETTER * label.len() as f64);
        // Within the bar, or else beside it.
        let (from, anchor) = match (width > wanted, end + wanted < WIDTH) {
            (true, _) => (x + 5.0, "start"),
            (false, true) => (x + width + 5.0, "start"),
            (false, false) => (x - 5.0, "end"),
        };
        name(svg, *top + 14.0, fired.step.fault.name());
        put!(
            svg,
            "<rect class=fault x={x:.1} y={:.0} width={width:.1} height={:.0} />\
             <text x={from:.1} y={:.0} text-anchor={anchor}>{}</text>",
            *top + 2.0,
            ROW - 4.0,
            *top + 14.0,
            Esc(label)
        );
        *top += ROW;
    }
    *top += 6.0;
}

fn leaders(svg: &mut String, axis: &Axis, report: &Report, top: &mut f64) {
    let shards = report.leaders.iter().map(|led| led.shard + 1).max().unwrap_or(0);
    for shard in 0..shards.min(MAX_SHARDS) {
        name(svg, *top + 14.0, &format!("shard {shard} led by"));
        let own: Vec<&Led> = report.leaders.iter().filter(|led| led.shard == shard).collect();
        for (place, led) in own.iter().enumerate() {
            let until_us = own.get(place + 1).map_or(axis.to_us, |next| next.at_ms * 1_000);
            let (x, end) = (axis.x(led.at_ms * 1_000), axis.x(until_us));
            let (class, label) = match led.node {
                Some(node) => (format!("n{}", node % 7), format!("node {node}")),
                None => ("none".to_owned(), "nobody".to_owned()),
            };
            let (y, width) = (*top + 2.0, (end - x).max(1.0));
            put!(
                svg,
                "<rect class={class} x={x:.1} y={y:.0} width={width:.1} \
                 height={:.0}><title>{label} from \
                 {:.1} s</title></rect>",
                ROW - 4.0,
                led.at_ms as f64 / 1_000.0
            );
            if width > 8.0 + LETTER * label.len() as f64 {
                put!(svg, "<text x={:.1} y={:.0}>{label}</text>", x + 5.0, *top + 14.0);
            }
        }
        *top += ROW;
    }
}

/// Calls a second, one kind upon the other.
fn throughput(svg: &mut String, axis: &Axis, seconds: &Seconds, top: &mut f64) {
    *top += GAP / 2.0;
    let (peak, bottom) = (seconds.peak(), *top + DIAGRAM);
    name(svg, *top + 10.0, &format!("{peak:.0} calls/s"));
    name(svg, bottom, "0");
    for (place, span) in (0..).zip(&seconds.spans) {
        let from_us = seconds.from_us + place * seconds.span_us;
        let (x, end) = (axis.x(from_us), axis.x(from_us + seconds.span_us));
        let mut y = bottom;
        for (outcome, &count) in span.counts.iter().enumerate() {
            let height = seconds.per_second(count) / peak * DIAGRAM;
            y -= height;
            if count > 0 {
                let fill = ["class=s0", "class=s1", "fill=url(#hatch)", "fill=url(#dots)"][outcome];
                let width = (end - x - 1.0).max(0.8);
                put!(svg, "<rect {fill} x={x:.1} y={y:.1} width={width:.1} height={height:.1} />");
            }
        }
    }
    axis.draw(svg, *top, bottom);
    *top = bottom + GAP;
}

/// Latencies on a scale where ten times as long is one step up.
fn latency(svg: &mut String, axis: &Axis, seconds: &Seconds, top: &mut f64) {
    let all = || seconds.spans.iter();
    let longest = all().filter_map(|span| span.latency_ms(100)).fold(1.0, f64::max);
    let shortest = all().filter_map(|span| span.latency_ms(50)).fold(longest, f64::min).max(0.001);
    let (low, high) = (shortest.log10().floor(), longest.log10().ceil());
    let high = if high > low { high } else { low + 1.0 };
    let bottom = *top + DIAGRAM;
    let y = |ms: f64| bottom - (ms.max(0.001).log10() - low) / (high - low) * DIAGRAM;
    let mut exponent = low;
    while exponent <= high {
        let at = y(10_f64.powf(exponent));
        name(svg, at + 4.0, &duration(10_f64.powf(exponent)));
        put!(svg, "<line class=grid x1={LEFT:.0} x2=985 y1={at:.1} y2={at:.1} />");
        exponent += 1.0;
    }
    for (class, percent) in [("max", 100), ("p99", 99), ("p50", 50)] {
        let mut path = String::new();
        let mut draws = false;
        for (place, span) in (0..).zip(&seconds.spans) {
            let middle_us = seconds.from_us + place * seconds.span_us + seconds.span_us / 2;
            let Some(ms) = span.latency_ms(percent) else {
                draws = false;
                continue;
            };
            let verb = if draws { 'L' } else { 'M' };
            put!(path, "{verb}{:.1} {:.1}", axis.x(middle_us), y(ms));
            // A second by itself has a line, too.
            if !draws {
                path.push_str("h1");
            }
            draws = true;
        }
        put!(svg, "<path class={class} d=\"{path}\" />");
    }
    axis.draw(svg, *top, bottom);
    *top = bottom + GAP / 2.0;
}

/// A time in the unit that suits it.
fn duration(ms: f64) -> String {
    match ms {
        1_000.0.. => format!("{:.0} s", ms / 1_000.0),
        1.0.. => format!("{ms:.0} ms"),
        _ => format!("{:.0} µs", ms * 1_000.0),
    }
}

/// The picture in numbers.
fn table(html: &mut String, seconds: &Seconds, report: Option<&Report>) {
    html.push_str(
        "<details>\n<summary>The timeline as tables</summary>\n<div class=scroll>\n<table>\n",
    );
    put!(html, "<caption>Calls and latency</caption>\n<tr><th scope=col class=r>from");
    for name in OUTCOMES.iter() {
        put!(html, "<th scope=col class=r>{name}");
    }
    html.push_str(
        "<th scope=col class=r>p50<th scope=col class=r>p99<th scope=col class=r>max</tr>\n",
    );
    for (place, span) in (0..).zip(&seconds.spans) {
        let from_s = (seconds.from_us + place * seconds.span_us) / 1_000_000;
        put!(html, "<tr><td class=r>{from_s} s");
        for n in span.counts.iter() {
            put!(html, "<td class=r>{}", Count(*n));
        }
        for percent in [50, 99, 100] {
            put!(html, "<td class=r>{}", shown_ms(span, percent));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n</div>\n");
    if let Some(report) = report {
        html.push_str(
            "<div class=scroll>\n<table>\n<caption>Leaders</caption>\n<tr><th \
                       scope=col class=r>from",
        );
        html.push_str("<th scope=col>shard<th scope=col>led by</tr>\n");
        for led in &report.leaders {
            let node = led.node.map_or("nobody".to_owned(), |node| format!("node {node}"));
            let at_s = led.at_ms as f64 / 1_000.0;
            let shard = led.shard;
            put!(html, "<tr><td class=r>{at_s:.1} s<td>shard {shard}<td>{node}</tr>");
        }
        html.push_str("</table>\n</div>\n");
    }
    html.push_str("</details>\n");
}

fn shown_ms(span: &Span, percent: usize) -> String {
    span.latency_ms(percent).map_or("–".to_owned(), |ms| format!("{ms:.1} ms"))
}
