//! Scales of a diagram.

/// Marks of a linear scale, about.
const MARKS: f64 = 4.0;

/// The shortest latency that is drawn, in milliseconds.
const SHORTEST_MS: f64 = 0.001;

/// The largest value of a linear scale.
const LARGEST: f64 = 1e15;

/// From nothing to a round number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Linear {
    to: f64,
    step: f64,
}

impl Linear {
    /// One on which the largest value has its place.
    pub(super) fn up_to(largest: f64) -> Self {
        let largest = if largest.is_finite() { largest.clamp(1.0, LARGEST) } else { LARGEST };
        let least = largest / MARKS;
        let unit = 10_f64.powf(least.log10().floor());
        let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|times| times * unit);
        let step = round.into_iter().find(|step| *step >= least).unwrap_or(unit);
        Self { to: (largest / step).ceil() * step, step }
    }

    /// Where a value is, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        (value.max(0.0) / self.to).clamp(0.0, 1.0)
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = f64> {
        let (step, count) = (self.step, (self.to / self.step).round() as u32);
        (0..=count).map(move |mark| f64::from(mark) * step)
    }
}

/// From a power of ten to another: ten times as long is one step up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    /// One on which all values have their place.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let bounded = values.map(|value| value.clamp(SHORTEST_MS, 1e9));
        let least = bounded.clone().fold(f64::INFINITY, f64::min).min(1e9);
        let most = bounded.fold(SHORTEST_MS, f64::max);
        let low = least.log10().floor() as i32;
        Self { low, high: (most.log10().ceil() as i32).max(low + 1) }
    }

    /// Where a value is, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        let steps = value.max(SHORTEST_MS).log10() - f64::from(self.low);
        (steps / f64::from(self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Powers of ten.
    pub(super) fn marks(&self) -> impl Iterator<Item = f64> + use<> {
        (self.low..=self.high).map(|exponent| 10_f64.powi(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_scale_ends_at_a_round_number() {
        let scale = Linear::up_to(310_000.0);
        let marks: Vec<f64> = scale.marks().collect();
        assert_eq!(marks, [0.0, 100_000.0, 200_000.0, 300_000.0, 400_000.0]);
        assert_eq!((scale.share(200_000.0), scale.share(9e9)), (0.5, 1.0));
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let marks = Linear::up_to(odd).marks().take(100).count();
            assert!((2..=9).contains(&marks), "{odd}");
        }
    }

    #[test]
    fn decades_hold_their_values() {
        let scale = Decades::of([0.3, 42.0].into_iter());
        assert_eq!(scale.marks().collect::<Vec<_>>(), [0.1, 1.0, 10.0, 100.0]);
        assert!((scale.share(1.0) - 1.0 / 3.0).abs() < 1e-9);
        for odd in [vec![], vec![0.0], vec![1.0], vec![f64::NAN], vec![f64::INFINITY]] {
            assert!(Decades::of(odd.iter().copied()).marks().count() >= 2, "{odd:?}");
        }
    }
}
