//! Values as people type them.

use std::time::Duration;

use client_sdk::ids::Legs;
use client_sdk::pb;

/// A time such as `500ms`, `30s`, `10m`, `2h` or `1d`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(format!("{unit} is not a unit; allowed are ms, s, m, h and d")),
    };
    let number: f64 = number.parse().map_err(|_| "not a time; try 30s or 10m".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// A rate or count such as `500`, `20k` or `1.5M`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1e3),
        None => text.strip_suffix('M').map_or((text, 1.0), |number| (number, 1e6)),
    };
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok((number * factor).round() as u64),
        _ => Err("not a number; try 500, 20k or 1M".to_owned()),
    }
}

/// Legs such as `0..2`: from stop 0 to stop 2.
pub(crate) fn legs(text: &str) -> Result<Legs, String> {
    let (from, to) = text.split_once("..").ok_or("not legs; try 0..2, from stop 0 to stop 2")?;
    let stop = |text: &str| text.parse::<u16>().map_err(|_| format!("{text} is not a stop number"));
    Legs::new(stop(from)?, stop(to)?).map_err(|error| error.to_string())
}

/// Legs as [`legs`] reads them.
pub(crate) fn legs_text(legs: pb::Legs) -> String {
    format!("{}..{}", legs.from, legs.to)
}

/// Sixteen bytes of an id as text; empty when there is none.
pub(crate) fn id_text(bytes: &[u8]) -> String {
    client_sdk::ids::HoldId::from_slice(bytes).map(|id| id.to_string()).unwrap_or_default()
}

/// The last part of an enum's name on the wire, in lower case: `SEAT_STATE_FREE` becomes `free`.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |text: &str| duration(text).map(|time| time.as_millis());
        assert_eq!(read("500ms"), Ok(500));
        assert_eq!(read("30"), Ok(30_000));
        assert_eq!(read("1.5m"), Ok(90_000));
        assert_eq!(read("2h"), Ok(7_200_000));
        for bad in ["", "m", "-5s", "5 s", "5 parsecs", "1e400s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_may_be_short() {
        assert_eq!(count("20k"), Ok(20_000));
        assert_eq!(count("1.5M"), Ok(1_500_000));
        assert_eq!(count("7"), Ok(7));
        assert!(count("-1").is_err() && count("many").is_err() && count("inf").is_err());
    }

    #[test]
    fn legs_go_forward() {
        assert_eq!(legs("0..2"), Ok(Legs::new(0, 2).unwrap()));
        assert!(legs("2..2").is_err() && legs("2").is_err() && legs("a..b").is_err());
    }

    #[test]
    fn words_of_the_wire_become_words_of_people() {
        assert_eq!(word("SEAT_STATE_FREE", "SEAT_STATE_"), "free");
        assert_eq!(word("CHANGE_KIND_PAYMENT_BEGUN", "CHANGE_KIND_"), "payment-begun");
    }
}
