//! What each rule says, in small stories: a line for each call, and the contradictions that are found.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use seatgrid_chaos::verify::{read, verify};

/// A story: `WHAT HOLD FROM-UNTIL` and more fields, a line each; seat 4 of legs 0 to 2, unless told otherwise.
/// Holds live for a second, and log time is the time of the story.
fn story(text: &str) -> Vec<String> {
    let mut lines = String::from("{\"history\":1,\"complete\":true}\n");
    for call in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        lines += &line(call);
    }
    let history = read::read(Path::new("story"), lines.as_bytes()).unwrap();
    let verdict = verify(&history);
    verdict.contradictions.iter().map(|found| format!("{}: {}", found.rule, found.text)).collect()
}

fn line(call: &str) -> String {
    let mut words = call.split_whitespace();
    let mut word = || words.next().unwrap();
    let (what, hold, time) = (word(), word(), word());
    let (kind, outcome, code) = match what.split('!').collect::<Vec<_>>()[..] {
        [what, code] => (what.trim_end_matches('?'), "refused", code),
        _ if what.ends_with('?') => (what.trim_end_matches('?'), "unknown", ""),
        _ => (what, "ok", ""),
    };
    let (from, until) = time.split_once('-').unwrap();
    let more: String = words.map(|field| format!(",{field}")).collect();
    let seats = if more.contains("\"seats\"") { "" } else { ",\"seats\":[4]" };
    let legs = if more.contains("\"legs\"") { "" } else { ",\"legs\":[0,2]" };
    format!(
        "{{\"kind\":\"{kind}\",\"outcome\":\"{outcome}\",\"code\":\"{code}\",\"trip\":\"t\",\"hold\":\"{hold}\",\
         \"invoked_us\":{from},\"completed_us\":{until}{seats}{legs}{more}}}\n"
    )
}

/// A hold that was granted at a position and a log time.
fn granted(hold: &str, time: &str, position: u64, at_ms: u64) -> String {
    let ends_ms = at_ms + 1_000;
    format!(
        "hold {hold} {time} \"position\":{position} \"fence\":{position} \"ttl_ms\":1000 \
         \"expires_at_ms\":{ends_ms}\n"
    )
}

#[track_caller]
fn fine(text: &str) {
    assert_eq!(story(text), Vec::<String>::new());
}

#[track_caller]
fn wrong(text: &str, expected: &[&str]) {
    let found = story(text);
    for expected in expected {
        assert!(found.iter().any(|found| found.contains(expected)), "{expected}\n{found:#?}");
    }
}

#[test]
fn a_seat_that_comes_back_may_be_sold_again() {
    fine(
        &(granted("a", "10-20", 10, 5_000)
            + "release a 30-40 \"position\":11\n"
            + &granted("b", "50-60", 12, 5_100)
            // Over by log time.
            + &granted("c", "70-80", 13, 6_100)
            + "confirm c 90-95 \"position\":14 \"fence\":13\n"),
    );
}

#[test]
fn a_seat_has_one_owner_at_a_time() {
    let a = granted("a", "10-20", 10, 5_000);
    let b = granted("b", "50-60", 12, 5_999);
    wrong(
        &(a.clone() + &b),
        &[
            "one_owner: trip t, seat 4, leg 0: hold a (line 2",
            "neither released nor expired",
            "linearizable",
        ],
    );
    let late = granted("b", "50-60", 12, 9_000);
    let confirmed = a + "confirm a 30-40 \"position\":11 \"fence\":10\n" + &late;
    wrong(
        &confirmed,
        &["confirmed before it expired", "hold a (line 2, granted at position 10, fence 10) has"],
    );
    let elsewhere = late.replace("\"position\":12", "\"legs\":[2,3] \"position\":12");
    fine(&confirmed.replace(&late, &elsewhere));
}

#[test]
fn an_end_whose_answer_was_lost_may_have_come() {
    let a = granted("a", "10-20", 10, 5_000);
    let b = granted("b", "50-60", 12, 5_500);
    fine(&(a.clone() + "release? a 30-40\n" + &b));
    // Also long after it was asked, but not before.
    let asked_later = a.clone() + &b + "release? a 70-80\n";
    wrong(&asked_later, &["one_owner", "linearizable"]);
    // Extensions of unknown length and what is not followed explain as much.
    fine(&(a.clone() + "other? a 30-40\n" + &b));
    // An unknown release does not end a booking.
    wrong(
        &(a + "confirm a 22-25 \"position\":11 \"fence\":10\nrelease? a 30-40\n" + &b),
        &["one_owner", "linearizable"],
    );
}

#[test]
fn a_late_confirm_takes_the_seats_again_or_loses_them() {
    let a = granted("a", "10-20", 10, 5_000);
    let b = granted("b", "50-60", 12, 6_500);
    let again = "confirm a 70-80 \"position\":14 \"fence\":14 \"reacquired\":true\n";
    fine(&(a.clone() + &b + "release b 62-65 \"position\":13\n" + again));
    // Hold b may be over as well, unless what stands later in the log is granted before its end.
    fine(&(a.clone() + &b + again));
    let soon =
        granted("z", "85-90", 15, 7_000).replace("\"position\"", "\"seats\":[5] \"position\"");
    wrong(&(a.clone() + &b + again + &soon), &["one_owner"]);
    // In time cannot be true: somebody else had been granted the seat later than its end.
    let in_time = "confirm a 70-80 \"position\":14 \"fence\":10\n";
    wrong(&(a + &b + in_time), &["lifecycle", "500 ms of log time", "linearizable"]);
}

#[test]
fn an_extension_moves_the_end() {
    let a = granted("a", "10-20", 10, 5_000);
    let extended = "extend a 30-40 \"position\":11 \"expires_at_ms\":8000\n";
    wrong(
        &(a.clone() + extended + &granted("b", "50-60", 12, 6_500)),
        &["one_owner", "linearizable"],
    );
    fine(&(a + extended + &granted("b", "50-60", 12, 8_000)));
}

#[test]
fn a_cancelled_booking_is_free() {
    let sold = granted("a", "10-20", 10, 5_000) + "confirm a 30-40 \"position\":11 \"fence\":10\n";
    let b = granted("b", "70-80", 13, 5_500) + "confirm b 90-95 \"position\":14 \"fence\":13\n";
    fine(&(sold.clone() + "cancel a 50-60 \"position\":12\n" + &b));
    wrong(&(sold + &b), &["sold_once: trip t, seat 4, leg 0: sold to hold a (line 3", "one_owner"]);
}

#[test]
fn later_calls_stand_behind_earlier_answers() {
    let (a, b) = (granted("a", "10-20", 10, 5_000), granted("b", "30-40", 9, 5_000));
    let elsewhere = b.replace("\"position\"", "\"seats\":[5] \"position\"");
    wrong(
        &(a.clone() + &elsewhere),
        &["real_time: trip t, shard 0: line 3 was asked after line 2"],
    );
    // At the same time either may come first.
    fine(&(a + &elsewhere.replace("30-40", "15-40")));
}

#[test]
fn fences_differ_and_log_time_does_not_run_back() {
    let a = granted("a", "10-20", 10, 5_000);
    let same =
        granted("b", "15-30", 10, 5_000).replace("\"position\"", "\"seats\":[5] \"position\"");
    wrong(
        &(a.clone() + &same),
        &["fences: holds a (line 2) and b (line 3) of shard 0 both have fence 10"],
    );
    let back =
        granted("b", "30-40", 11, 4_000).replace("\"position\"", "\"seats\":[5] \"position\"");
    wrong(
        &(a.clone() + &back),
        &["log_time: shard 0: the grant at position 10 (line 2)", "1000 ms less"],
    );
    wrong(
        &(a + "confirm a 30-40 \"position\":11 \"fence\":9\n"),
        &["fences: hold a was granted with fence 10"],
    );
}

#[test]
fn the_same_request_has_the_same_answer() {
    let a = granted("a", "10-20", 10, 5_000);
    let again = |fields: &str| a.clone() + &format!("hold a 30-40 \"again\":true {fields}\n");
    fine(&again("\"position\":10 \"fence\":10 \"ttl_ms\":1000 \"expires_at_ms\":6000"));
    wrong(
        &again("\"position\":11 \"fence\":11 \"ttl_ms\":1000"),
        &["same_answer", "with fence 11 instead of 10"],
    );
    wrong(
        &(a.clone() + "hold!SEAT_TAKEN a 30-40 \"position\":10\n"),
        &["same_answer", "refused with SEAT_TAKEN"],
    );
    let released = a + "release a 50-60 \"position\":11\n";
    wrong(
        &(released.clone() + "release!UNKNOWN_HOLD a 70-80 \"again\":true \"position\":11\n"),
        &[
            "same_answer",
            "lifecycle: trip t: the release of hold a (line 4) was refused, with UNKNOWN_HOLD",
        ],
    );
    // Another request about the same hold may be told so.
    fine(&(released + "release!HOLD_RELEASED a 70-80 \"position\":11\n"));
}

#[test]
fn the_states_of_a_hold_follow_each_other() {
    let a = granted("a", "10-20", 10, 5_000);
    let confirm = "confirm a 30-40 \"position\":11 \"fence\":10\n";
    wrong(
        &(a.clone() + confirm + "release a 50-60 \"position\":12\n"),
        &[
            "lifecycle: trip t: the confirm of hold a (line 3) was acknowledged, and so was its release (line 4)",
        ],
    );
    wrong("confirm x 30-40\n", &["but nobody had asked to hold it"]);
    wrong(
        &(a.clone() + "confirm!HOLD_RELEASED a 30-40 \"position\":10\n"),
        &["with HOLD_RELEASED, but nobody had asked to release it"],
    );
    fine(&(a.clone() + "release? a 22-25\nconfirm!HOLD_RELEASED a 30-40 \"position\":11\n"));
    wrong(
        &(a + "confirm!HOLD_EXPIRED a 30-40 \"position\":10 \"at_ms\":5900\n"),
        &["with HOLD_EXPIRED, 100 ms before its end"],
    );
}

#[test]
fn whoever_is_refused_is_refused_by_somebody() {
    let refused = "hold!SEAT_TAKEN b 50-60 \"position\":11\n";
    wrong(refused, &["refusals: trip t: hold b (line 2) was refused at position 11"]);
    let a = granted("a", "10-20", 10, 5_000);
    fine(&(a.clone() + refused));
    let released = a.clone() + "release a 30-40 \"position\":11\n" + refused;
    wrong(&released, &["refusals", "linearizable"]);
    // Somebody whose answer was lost may have it.
    fine(&(released + "hold? c 42-45\n"));
    // So may a hold that got other seats in a way that is not followed.
    let x = granted("x", "1-5", 9, 4_900).replace("\"position\"", "\"seats\":[5] \"position\"");
    fine(&(x + "other x 6-9 \"seats\":[5]\n" + refused));
    // Log time has passed its end, as somebody else's grant shows.
    let later =
        granted("z", "30-40", 11, 6_000).replace("\"position\"", "\"seats\":[5] \"position\"");
    wrong(&(a.clone() + &later + refused), &["refusals"]);
    // Unless it may have been confirmed.
    fine(&(a + "confirm? a 22-25\n" + &later + refused));
}

#[test]
fn seats_are_granted_together_or_not_at_all() {
    // Each seat by itself is fine: seat 4 of x goes before y, seat 5 after it.
    let text = "hold x 10-90 \"seats\":[4,5]\nhold y 20-30 \"seats\":[5]\nrelease y 40-50 \"seats\":[5]\n\
                hold w 60-70 \"seats\":[4] \"ttl_ms\":1000 \"expires_at_ms\":9000\n\
                confirm w 72-75 \"seats\":[4]\nconfirm x 92-95 \"seats\":[4,5]\n";
    wrong(text, &["sold_once", "linearizable"]);
}

/// An exchanged hold has other seats than it asked for; whoever has the old ones does not end it.
#[test]
fn of_a_hold_that_was_exchanged_nothing_is_concluded() {
    let exchanged = granted("x", "1-5", 10, 100) + "other x 6-9 \"seats\":[5]\n";
    let others = granted("y", "12-14", 30, 300);
    for then in ["confirm x 20-24", "release x 20-24", "extend x 20-24 \"expires_at_ms\":1500"] {
        fine(&(exchanged.clone() + &others + then));
    }
    let booked = "confirm x 20-24\n".to_owned();
    fine(&(exchanged.clone() + &others + &booked + "cancel x 26-30"));
    fine(&(exchanged + &others + "confirm x 20-24 \"reacquired\":true"));
}
