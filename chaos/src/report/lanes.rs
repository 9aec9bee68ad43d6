//! A contradiction as a picture: the calls about its seat, a lane for each hold.

use crate::verify::call::{Call, Kind, Outcome};
use crate::verify::{Contradiction, History};

use super::axis::{Axis, LEFT, WIDTH};
use super::html::Esc;

/// Most holds of a picture.
const MAX_LANES: usize = 10;

/// Most calls of a lane.
const MAX_CALLS: usize = 12;

/// Height of a bar.
const BAR: f64 = 12.0;

/// Height of a line of text.
const TEXT: f64 = 15.0;

/// Width of a text's letter, about.
const LETTER: f64 = 6.2;

/// The calls about one hold.
struct Lane<'a> {
    hold: u32,
    /// The contradiction is about it.
    hit: bool,
    calls: Vec<&'a Call>,
}

/// Draws a contradiction, with a table of the same.
pub(super) fn draw(html: &mut String, history: &History, contradiction: &Contradiction) {
    let lanes = lanes(history, contradiction);
    let Some(axis) = axis(&lanes) else { return };
    let (mut svg, mut top) = (String::new(), 4.0);
    for lane in &lanes {
        top = draw_lane(&mut svg, &axis, history, contradiction, lane, top);
    }
    let mut marks = String::new();
    axis.draw(&mut marks, 4.0, top);
    let height = top + 22.0;
    put!(
        html,
        "<p class=note>A lane for each hold of this seat. A bar is a call, from its question to \
         its answer; one \
         without an answer has no end. A thin line says that the hold has the seat as far as its \
         callers know. \
         Thick borders mark the calls that contradict each other.</p>\n\
         <div class=scroll tabindex=0 role=region aria-label=\"Calls about the seat\">\n\
         <svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=img aria-label=\"Calls about the seat, \
         a lane for each \
         hold; the same is in the table that follows\">\n{marks}{svg}</svg>\n</div>\n"
    );
    table(html, history, contradiction, &lanes);
}

/// The holds of the seat: those that contradict each other, and others that are close to them in time.
fn lanes<'a>(history: &'a History, contradiction: &Contradiction) -> Vec<Lane<'a>> {
    let about = |call: &&Call| {
        contradiction.holds.iter().any(|id| id == history.hold(call.hold))
            || history.trip(call.trip) == contradiction.trip
                && history.seats(call).iter().any(|seat| {
                    contradiction.seat.as_ref().is_some_and(|name| *name == history.seat(*seat))
                })
    };
    let mut calls: Vec<&Call> = history.calls().iter().filter(about).collect();
    calls.sort_by_key(|call| (call.hold, call.invoked_us));
    let mut lanes: Vec<Lane<'_>> = calls
        .chunk_by(|a, b| a.hold == b.hold)
        .map(|calls| Lane {
            hold: calls[0].hold,
            hit: contradiction.holds.iter().any(|id| id == history.hold(calls[0].hold)),
            calls: calls.to_vec(),
        })
        .collect();
    let hit = lanes.iter().filter(|lane| lane.hit).flat_map(|lane| &lane.calls);
    let middle_us = hit.map(|call| call.invoked_us).max().unwrap_or(0);
    let distance =
        |lane: &Lane<'_>| lane.calls.iter().map(|call| call.invoked_us.abs_diff(middle_us)).min();
    lanes.sort_by_key(|lane| (!lane.hit, distance(lane)));
    lanes.truncate(MAX_LANES);
    for lane in &mut lanes {
        // The calls that are named stay.
        let named = |call: &Call| contradiction.lines.contains(&call.line);
        let mut room = MAX_CALLS;
        lane.calls.retain(|call| {
            room = room.saturating_sub(1);
            room > 0 || named(call)
        });
    }
    lanes.sort_by_key(|lane| lane.calls[0].invoked_us);
    lanes
}

/// From before the first call of the holds that contradict each other until after the last.
fn axis(lanes: &[Lane<'_>]) -> Option<Axis> {
    let hit = || lanes.iter().filter(|lane| lane.hit).flat_map(|lane| &lane.calls);
    let from_us = hit().map(|call| call.invoked_us).min()?;
    let to_us = hit().map(|call| call.completed_us).max()?;
    let margin_us = (to_us - from_us) / 6 + 500;
    Some(Axis { from_us: from_us.saturating_sub(margin_us), to_us: to_us + margin_us })
}

fn draw_lane(
    svg: &mut String,
    axis: &Axis,
    history: &History,
    contradiction: &Contradiction,
    lane: &Lane<'_>,
    top: f64,
) -> f64 {
    let seen: Vec<&&Call> = lane
        .calls
        .iter()
        .filter(|call| call.invoked_us <= axis.to_us && call.completed_us >= axis.from_us)
        .collect();
    // Texts take turns on lines of their own, so that none covers another.
    let (mut ends, mut texts) = (Vec::<f64>::new(), String::new());
    for call in &seen {
        let sign = if contradiction.lines.contains(&call.line) { "⚠ " } else { "" };
        let text =
            format!("{sign}{}: {} (line {})", call.kind.name(), call.outcome.name(), call.line);
        let width = LETTER * text.chars().count() as f64;
        let x = axis.x(call.invoked_us).min(WIDTH - width - 4.0).max(LEFT);
        let row = ends.iter().position(|end| *end < x).unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(0.0);
        }
        ends[row] = x + width + 8.0;
        let y = top + TEXT * (row as f64 + 1.0) - 3.0;
        put!(texts, "<text x={x:.1} y={y:.0}>{}</text>", Esc(text));
    }
    let y = top + TEXT * ends.len().max(1) as f64;
    let hit = if lane.hit { " hit" } else { "" };
    if let Some((from_us, to_us)) = owned(lane) {
        let (from, to) = (axis.x(from_us), axis.x(to_us.unwrap_or(axis.to_us)));
        let middle = y + BAR / 2.0;
        put!(
            svg,
            "<line class=\"own{hit}\" x1={from:.1} x2={to:.1} y1={middle:.0} y2={middle:.0} />"
        );
    }
    for call in &seen {
        let x = axis.x(call.invoked_us);
        let hit = if contradiction.lines.contains(&call.line) { " hit" } else { "" };
        let (fill, end) = match call.outcome {
            Outcome::Ok => ("s0", axis.x(call.completed_us)),
            Outcome::Refused => ("s1", axis.x(call.completed_us)),
            Outcome::Unknown => ("s2", axis.x(axis.to_us)),
            Outcome::Failed | Outcome::Defect => ("s3", axis.x(call.completed_us)),
        };
        let dash = if call.outcome == Outcome::Unknown { " stroke-dasharray=\"4 3\"" } else { "" };
        let opacity = if call.outcome == Outcome::Unknown { " fill-opacity=.35" } else { "" };
        put!(
            svg,
            "<rect class=\"call {fill}{hit}\"{dash}{opacity} x={x:.1} y={y:.0} width={:.1} \
             height={BAR:.0} />",
            (end - x).max(4.0)
        );
    }
    svg.push_str(&texts);
    let id = history.hold(lane.hold);
    let short: String = id.chars().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect();
    let dots = if short.len() < id.len() { "…" } else { "" };
    put!(
        svg,
        "<text x={:.0} y={:.0} text-anchor=end>hold {dots}{}</text>",
        LEFT - 8.0,
        y + BAR - 2.0,
        Esc(short)
    );
    y + BAR + 12.0
}

/// When the callers know that the hold has its seats: from its answer until the end is asked for.
fn owned(lane: &Lane<'_>) -> Option<(u64, Option<u64>)> {
    let acknowledged = |call: &&&Call| call.outcome == Outcome::Ok && call.kind == Kind::Hold;
    let from_us = lane.calls.iter().find(acknowledged)?.completed_us;
    let mut ends = lane.calls.iter().filter(|call| {
        matches!(call.kind, Kind::Release | Kind::Cancel | Kind::Other) && call.may_have_happened()
    });
    Some((from_us, ends.next().map(|call| call.invoked_us)))
}

fn table(html: &mut String, history: &History, contradiction: &Contradiction, lanes: &[Lane<'_>]) {
    html.push_str(
        "<details>\n<summary>These calls as a table</summary>\n<div class=scroll>\n<table>\n<tr>",
    );
    for name in ["line", "hold", "asked", "answered"] {
        put!(html, "<th scope=col>{name}");
    }
    for name in ["from", "until", "position", "fence"] {
        put!(html, "<th scope=col class=r>{name}");
    }
    html.push_str("</tr>\n");
    let mut calls: Vec<&&Call> = lanes.iter().flat_map(|lane| &lane.calls).collect();
    calls.sort_by_key(|call| (call.invoked_us, call.line));
    for call in calls {
        let sign = if contradiction.lines.contains(&call.line) { "⚠ " } else { "" };
        let number =
            |value: Option<std::num::NonZeroU64>| value.map_or("–".to_owned(), |n| n.to_string());
        let until = match call.outcome {
            Outcome::Unknown => "–".to_owned(),
            _ => format!("{:.6} s", call.completed_us as f64 / 1e6),
        };
        put!(
            html,
            "<tr><td>{sign}{}<td><code>{}</code><td>{}<td>{}<td class=r>{:.6} s<td \
             class=r>{until}<td class=r>{}<td class=r>{}</tr>",
            call.line,
            Esc(history.hold(call.hold)),
            call.kind.name(),
            call.outcome.name(),
            call.invoked_us as f64 / 1e6,
            number(call.position),
            number(call.fence)
        );
    }
    html.push_str("</table>\n</div>\n</details>\n");
}
