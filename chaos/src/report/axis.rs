//! The time axis that all parts of a picture share.

/// Width of a picture, in its own units.
pub(super) const WIDTH: f64 = 1000.0;

/// Where the axis begins: names stand to the left.
pub(super) const LEFT: f64 = 150.0;

/// Where it ends.
const RIGHT: f64 = 985.0;

/// Marks on an axis, about.
const MARKS: f64 = 8.0;

/// From a moment to a moment, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) from_us: u64,
    pub(super) to_us: u64,
}

impl Axis {
    /// Where a moment is.
    pub(super) fn x(&self, us: u64) -> f64 {
        let share = us.saturating_sub(self.from_us) as f64 / self.length_us();
        LEFT + share.min(1.0) * (RIGHT - LEFT)
    }

    fn length_us(&self) -> f64 {
        (self.to_us.saturating_sub(self.from_us)).max(1) as f64
    }

    /// Draws marks with their times from `top` to `bottom`, and the times below.
    pub(super) fn draw(&self, svg: &mut String, top: f64, bottom: f64) {
        let step_us = step(self.length_us() / MARKS);
        let mut at_us = (self.from_us as f64 / step_us).ceil() * step_us;
        while at_us <= self.to_us as f64 {
            let x = self.x(at_us as u64);
            put!(
                svg,
                "<line class=grid x1={x:.1} x2={x:.1} y1={top:.0} y2={bottom:.0} />\
                 <text class=tick x={x:.1} y={:.0} text-anchor=middle>{}</text>",
                bottom + 15.0,
                moment(at_us, step_us)
            );
            at_us += step_us;
        }
    }
}

/// The next larger of 1, 2 and 5 with its zeros.
fn step(least: f64) -> f64 {
    let unit = 10_f64.powf(least.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * unit)
        .find(|step| *step >= least)
        .unwrap_or(unit)
}

/// A moment in seconds, as exact as the marks are apart.
fn moment(us: f64, step_us: f64) -> String {
    let digits = (6.0 - step_us.log10()).ceil().clamp(0.0, 6.0) as usize;
    format!("{:.digits$} s", us / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_lie_within() {
        assert_eq!((step(3.0), step(0.2e6), step(1.1e6)), (5.0, 200_000.0, 2_000_000.0));
        assert_eq!(moment(2_500_000.0, 500_000.0), "2.5 s");
        assert_eq!(moment(20_000_000.0, 5_000_000.0), "20 s");
    }
}
