//! The states of a hold follow each other: confirmed or released only after it was held, before its end,
//! and only one of both; and no refusal speaks of what nobody asked for.

use std::num::NonZeroU64;

use crate::verify::Facts;
use crate::verify::call::{Call, Kind, Outcome, Reason};
use crate::verify::life::Life;
use crate::verify::verdict::Findings;

const RULE: &str = "lifecycle";
const DEMANDS: &str =
    "a hold is confirmed or released after it was granted and before its end, and not both";

pub(super) fn check(facts: &Facts<'_>) -> Findings {
    let mut findings = Findings::new(RULE, DEMANDS, "confirms, releases and refusals of both");
    for call in facts.history.calls() {
        if call.kind == Kind::Hold || call.kind == Kind::Other {
            continue;
        }
        let life = &facts.lives[call.hold as usize];
        let wrong = match call.outcome {
            Outcome::Ok => wrong_yes(facts, life, call),
            Outcome::Refused => wrong_no(facts, life, call),
            _ => continue,
        };
        findings.report.checked += 1;
        if let Some((why, other)) = wrong {
            let (trip, id) = (facts.history.trip(call.trip), facts.history.hold(call.hold));
            let (kind, line) = (call.kind.name(), call.line);
            let answer = match call.outcome {
                Outcome::Ok => "was acknowledged",
                _ => "was refused",
            };
            let text =
                format!("trip {trip}: the {kind} of hold {id} (line {line}) {answer}, {why}");
            let calls: Vec<&Call> = other.into_iter().chain([call]).collect();
            findings.add(facts.contradiction(RULE, &calls, text));
        }
    }
    findings
}

/// Why something is wrong, and the call that contradicts it.
type Wrong<'a> = Option<(String, Option<&'a Call>)>;

/// What contradicts a confirm, release, extension or cancellation that was acknowledged.
fn wrong_yes<'a>(facts: &Facts<'a>, life: &Life, call: &Call) -> Wrong<'a> {
    let history = facts.history;
    match life.hold.maybe_us {
        None if life.hold.asked_us.is_some() => {
            return Some(("but no call to hold it may have happened".to_owned(), None));
        }
        None if facts.history.complete => {
            return Some(("but nobody had asked to hold it".to_owned(), None));
        }
        Some(asked_us) if asked_us > call.completed_us => {
            return Some(("before anybody asked to hold it".to_owned(), None));
        }
        _ => {}
    }
    let (released, confirmed) =
        (life.release.acknowledged(history), life.confirm.acknowledged(history));
    if call.kind == Kind::Confirm
        && let Some(released) = released
    {
        let why = format!("and so was its release (line {})", released.line);
        return Some((why, Some(released)));
    }
    if call.kind == Kind::Cancel && confirmed.is_none() && life.confirm.maybe_us.is_none() {
        let complete = history.complete;
        return complete.then(|| ("but nobody had asked to confirm it".to_owned(), None));
    }
    if call.kind == Kind::Cancel || call.reacquired {
        return None;
    }
    late(facts, life, call)
}

/// A hold that was over when it was confirmed, released or extended.
fn late<'a>(facts: &Facts<'a>, life: &Life, call: &Call) -> Wrong<'a> {
    let held = life.hold.acknowledged(facts.history)?;
    let ends_ms = life.ends_at_most_ms(facts.history)?;
    let told = call.at_ms.filter(|_| !call.again).map(NonZeroU64::get);
    let request = match call.kind {
        Kind::Confirm => life.confirm,
        Kind::Release => life.release,
        // Which extension came when is not told where there are several.
        _ => return None,
    };
    let since = || {
        let floor = facts.floors.of_shard(call.shard, request.maybe_us?)?;
        facts.clock.at_least_ms(call.shard, floor.position)
    };
    let at_ms = told.or_else(since)?;
    (at_ms >= ends_ms).then(|| {
        let late_ms = at_ms - ends_ms;
        let line = held.line;
        (format!("and the hold (line {line}) was over for {late_ms} ms of log time"), Some(held))
    })
}

/// What contradicts a refusal.
fn wrong_no<'a>(facts: &Facts<'a>, life: &Life, call: &Call) -> Wrong<'a> {
    let history = facts.history;
    let code = call.reason.code();
    let asked = |asked_us: Option<u64>| asked_us.is_some_and(|us| us <= call.completed_us);
    let nobody = |what: &str| {
        let why = format!("with {code}, but nobody had asked to {what} it");
        history.complete.then_some((why, None))
    };
    match call.reason {
        Reason::HoldReleased if !asked(life.release.maybe_us) => nobody("release"),
        Reason::HoldConfirmed if !asked(life.confirm.maybe_us) => nobody("confirm"),
        Reason::HoldCancelled if !asked(life.cancel.maybe_us) => nobody("cancel"),
        Reason::UnknownHold => {
            let held = life.hold.acknowledged(history)?;
            let why = format!("with {code}, but it had been granted (line {})", held.line);
            (held.completed_us < call.invoked_us).then_some((why, Some(held)))
        }
        Reason::HoldExpired => {
            let held = life.hold.acknowledged(history)?;
            let (at_ms, ends_ms) =
                (call.at_ms?.get(), life.ends_at_least_ms(history, call.position?.get())?);
            let why = format!(
                "with {code}, {} ms before its end (line {})",
                ends_ms.saturating_sub(at_ms),
                held.line
            );
            (at_ms < ends_ms).then_some((why, Some(held)))
        }
        _ => None,
    }
}
