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
    Duration::try_from_secs_f64(number * seconds)
        .map_err(|_| "longer than any clock runs".to_owned())
}

/// A time as [`duration`] reads it, at least a millisecond: for what is not given at all there is a
/// default, which zero must not become by accident.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < Duration::from_millis(1) {
        return Err("must be at least 1ms; leave it out for the default".to_owned());
    }
    Ok(time)
}

/// The address of a node, such as `http://127.0.0.1:7001`; the scheme may be left out.
pub(crate) fn endpoint(text: &str) -> Result<String, String> {
    const TRY: &str = "try http://127.0.0.1:7001";
    let address = text.strip_prefix("http://").unwrap_or(text);
    let address = address.strip_suffix('/').unwrap_or(address);
    if address.contains('/') {
        return Err(format!("only http:// and a host with a port are understood; {TRY}"));
    }
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err(format!("has no port; {TRY}"));
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("has no host; {TRY}"));
    }
    match port.parse::<u16>() {
        Ok(1..) => Ok(text.to_owned()),
        _ => Err(format!("{port:?} is not a port; allowed are 1 to 65535")),
    }
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
    let stop = |text: &str| {
        let number = text.parse::<u16>();
        number.map_err(|_| format!("{text:?} is not a stop number; allowed are 0 to 65535"))
    };
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
    fn zero_is_not_a_time_to_live() {
        assert_eq!(positive_duration("1ms"), Ok(Duration::from_millis(1)));
        for bad in ["0", "0s", "0.1ms", "-1s"] {
            assert!(positive_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn endpoints_have_a_host_and_a_port() {
        for good in ["http://127.0.0.1:7001", "node-1:7001", "http://[::1]:7001/"] {
            assert_eq!(endpoint(good), Ok(good.to_owned()));
        }
        for bad in ["", "nonsense", "http://", "http://:1", "ftp://x:1", "x:0", "x:99999", "x:1/y"]
        {
            assert!(endpoint(bad).is_err(), "{bad}");
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
