//! What the numbers mean, in sentences that the text and the page share.

use super::figures::{count, times};
use super::sections::{PEAK_P99_US, Role, Section, ratio, throughput};
use crate::results::Spread;

/// The title of a report.
pub(super) const TITLE: &str = "Seatgrid beside other systems";

/// How to read the figures: a term, and what it means.
pub(super) fn terms() -> Vec<(&'static str, String)> {
    let limit = count(PEAK_P99_US / 1e3);
    vec![
        (
            "answers",
            "a yes (every seat is held) or a no (some seat was taken). What a system could not \
             answer is counted as failed, never as an answer."
                .to_owned(),
        ),
        (
            "closed loop",
            "each caller asks again as soon as it has an answer: lanes are connections, depth is \
             how many requests are in flight on each. It shows what a system can do at most; \
             a slow system is asked less."
                .to_owned(),
        ),
        (
            "open loop",
            "requests arrive at a rate, whether earlier ones were answered or not, and a latency \
             counts from the arrival. It shows what buyers feel."
                .to_owned(),
        ),
        (
            "peak",
            format!(
                "the highest median throughput in a closed loop among the loads whose median p99 \
                 is at most {limit} ms."
            ),
        ),
        (
            "figures",
            "each system has a turn in every round. A figure is the median of its turns; from–to \
             are the least and the most of them."
                .to_owned(),
        ),
        (
            "Seatgrid ÷ it",
            "Seatgrid's median throughput divided by the other's: above 1 Seatgrid is faster. Its \
             from–to goes from Seatgrid's least beside the other's most to the other way round; \
             where 1 lies within, the two cannot be told apart. It is Seatgrid as it is asked \
             best; “same caller” is Seatgrid asked in the other’s way."
                .to_owned(),
        ),
        (
            "server µs, client µs",
            "processor time of all servers, and of the caller, for each answer.".to_owned(),
        ),
        ("MiB", "memory of all servers at the end of a turn.".to_owned()),
    ]
}

/// How a ratio is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Ours is faster in every turn.
    Faster,
    /// The turns overlap.
    Same,
    /// Ours is slower in every turn.
    Slower,
}

impl Side {
    pub(super) fn of(ratio: &Spread) -> Self {
        match ratio {
            Spread { least, .. } if *least > 1.0 => Self::Faster,
            Spread { most, .. } if *most < 1.0 => Self::Slower,
            _ => Self::Same,
        }
    }
}

/// What is asked for, in a few words.
pub(super) fn title(section: &Section<'_>) -> String {
    let seats = if section.per_hold == 1 { "seat" } else { "seats" };
    let legs = match section.legs {
        0 | 1 => String::new(),
        legs => format!(", {legs} legs a trip"),
    };
    format!("{}: {} {seats} a hold{legs}", section.workload, section.per_hold)
}

/// What is asked for, in a sentence or two.
pub(super) fn about(section: &Section<'_>) -> String {
    let what = match section.workload {
        "spread" => "Everybody wants something else: nearly every answer is a yes. ",
        "hot" => "Everybody wants one trip: once it is sold out, nearly every answer is a no. ",
        "turnover" => "Every hold is given back at once, without end. ",
        "life" => "Holds are asked for, and then end: the whole life of a hold. ",
        _ => "",
    };
    let legs = match section.legs {
        0 | 1 => "",
        _ => "A trip has several legs, and a hold takes its seats on some of them. ",
    };
    let turns = || section.closed.iter().chain(&section.open).map(|row| row.turns.len());
    let (least, most) = (turns().min().unwrap_or(0), turns().max().unwrap_or(0));
    let turns = match (least, most) {
        (1, 1) => "One turn at each load.".to_owned(),
        _ if least == most => format!("{least} turns at each load."),
        _ => format!("{least} to {most} turns at each load."),
    };
    format!("{what}{legs}{turns}")
}

/// What a server that decides nothing comes to, where it was measured: nothing can be faster.
pub(super) fn ceiling(section: &Section<'_>) -> Option<String> {
    let row = section.best(Role::Ceiling)?;
    let peak = count(throughput(row).median);
    Some(format!(
        "A server that decides nothing and says yes at once ({}) gives {peak} answers a second \
         over the same kind of connection: as much as the caller and the kernel allow.",
        row.system
    ))
}

/// What came of everything, in a sentence.
pub(super) fn verdict(sections: &[Section<'_>]) -> String {
    let compared: Vec<Spread> = sections
        .iter()
        .filter_map(|section| ratio(section.ours()?, section.best(Role::Other)?))
        .collect();
    let medians = || compared.iter().map(|ratio| ratio.median);
    let (least, most) = (medians().reduce(f64::min), medians().reduce(f64::max));
    let (Some(least), Some(most)) = (least, most) else {
        return nothing_to_compare(sections).to_owned();
    };
    let measured = |side: Side| compared.iter().filter(|ratio| Side::of(ratio) == side).count();
    let range = match (times(least), times(most)) {
        (least, most) if least == most => least,
        (least, most) => format!("{least} to {most}"),
    };
    let of = compared.len();
    let outcome = match (measured(Side::Faster), measured(Side::Slower)) {
        _ if of == 1 => String::new(),
        (faster, _) if faster == of => format!(", and more in each of {of} workloads"),
        (_, slower) if slower == of => format!(", and fewer in each of {of} workloads"),
        (faster, slower) => {
            let same = of - faster - slower;
            let parts = [(faster, "more"), (slower, "fewer"), (same, "as many")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<String> =
                parts.map(|(count, what)| format!("{what} in {count}")).collect();
            format!("; of {of} workloads {}", parts.join(", "))
        }
    };
    format!(
        "At its peak Seatgrid gives {range} as many answers a second as the fastest other \
         system{outcome}."
    )
}

fn nothing_to_compare(sections: &[Section<'_>]) -> &'static str {
    let closed = || sections.iter().flat_map(|section| &section.closed);
    let has = |role| closed().any(|row| Role::of(&row.system) == role);
    match (has(Role::Ours), has(Role::Other)) {
        _ if sections.is_empty() => "Nothing was measured.",
        (true, true) => "No workload has a peak of Seatgrid and one of another system.",
        (true, false) => "Seatgrid was measured alone: there is nothing to compare it with.",
        (false, true) => "Seatgrid was not measured.",
        (false, false) => "No closed loop was measured: there is no peak to compare.",
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::row;
    use super::super::sections::sections;
    use super::*;
    use crate::results::{Results, Row};

    fn told(rows: &[Row]) -> String {
        let mut results = Results::default();
        rows.iter().for_each(|row| results.note(row.clone()));
        verdict(&sections(&results))
    }

    #[test]
    fn a_verdict_says_how_many_times_as_much() {
        let hot = |row: Row| Row { workload: "hot".to_owned(), ..row };
        let mut rows = vec![row("Seatgrid", 1, &[300.0]), row("Redis", 1, &[150.0])];
        let one = "At its peak Seatgrid gives 2.00× as many answers a second as the fastest other \
                   system.";
        assert_eq!(told(&rows), one);
        rows.push(hot(row("Seatgrid", 1, &[90.0])));
        rows.push(hot(row("Redis", 1, &[100.0])));
        let two = "At its peak Seatgrid gives 0.90× to 2.00× as many answers a second as the \
                   fastest other system; of 2 workloads more in 1, fewer in 1.";
        assert_eq!(told(&rows), two);
    }

    #[test]
    fn a_verdict_without_a_comparison_says_why() {
        assert_eq!(told(&[]), "Nothing was measured.");
        assert_eq!(told(&[row("Redis", 1, &[1.0])]), "Seatgrid was not measured.");
        assert!(told(&[row("Seatgrid", 1, &[1.0])]).contains("alone"));
        let open = Row { rate: Some(1.0), ..row("Seatgrid", 1, &[1.0]) };
        assert!(told(&[open]).contains("no peak"));
    }

    #[test]
    fn turns_that_overlap_are_not_told_apart() {
        let of = |least, most| Side::of(&Spread { least, median: 1.1, most });
        assert_eq!(of(1.05, 1.2), Side::Faster);
        assert_eq!(of(0.95, 1.2), Side::Same);
        assert_eq!(of(0.7, 0.9), Side::Slower);
    }
}
