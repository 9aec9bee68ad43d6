//! Numbers as they are written.

use crate::results::Spread;

/// A count with commas between thousands.
pub(super) fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure with three digits that mean something.
pub(super) fn three(value: f64) -> String {
    match value.abs() {
        99.95.. => count(value),
        9.995.. => format!("{value:.1}"),
        0.9995.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Microseconds, in milliseconds.
pub(super) fn ms(us: f64) -> String {
    three(us / 1e3)
}

/// Bytes, in MiB.
pub(super) fn mib(bytes: f64) -> String {
    count(bytes / f64::from(1 << 20))
}

/// How many times as much.
pub(super) fn times(ratio: f64) -> String {
    match ratio {
        99.5.. => format!("{}×", count(ratio)),
        9.95.. => format!("{ratio:.1}×"),
        _ => format!("{ratio:.2}×"),
    }
}

/// A share with its sign, in percent.
pub(super) fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

/// From the least to the most.
pub(super) fn ends(spread: &Spread, write: impl Fn(f64) -> String) -> String {
    format!("{}–{}", write(spread.least), write(spread.most))
}

/// A count that fits an axis.
pub(super) fn short(value: f64) -> String {
    let trim = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    match value {
        1e6.. => format!("{} M", trim(format!("{:.2}", value / 1e6))),
        1e3.. => format!("{} k", trim(format!("{:.1}", value / 1e3))),
        _ => trim(format!("{value:.1}")),
    }
}

/// A latency in the unit that suits it, from milliseconds.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        1e3.. => format!("{:.0} s", ms / 1e3),
        1.0.. => format!("{ms:.0} ms"),
        _ => format!("{:.0} µs", ms * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        assert_eq!((count(1_234_567.4), count(12.0)), ("1,234,567".to_owned(), "12".to_owned()));
        let shown = [0.0123, 1.234, 12.34, 123.4, 1_234.5].map(three);
        assert_eq!(shown, ["0.012", "1.23", "12.3", "123", "1,234"]);
        assert_eq!([0.987, 14.21, 142.0].map(times), ["0.99×", "14.2×", "142×"]);
        let shown = [0.0, 500.0, 20_000.0, 2_500.0, 1_250_000.0].map(short);
        assert_eq!(shown, ["0", "500", "20 k", "2.5 k", "1.25 M"]);
        assert_eq!([0.01, 10.0, 2_000.0].map(duration), ["10 µs", "10 ms", "2 s"]);
    }
}
