//! Histograms in Prometheus' text format. The recorder's own would keep every sample until somebody asks;
//! ours are counted where they arise, in steps of powers of two.

use std::fmt::Write as _;

use actors::measures::Steps;

/// A histogram as it is written: step `n` counts what is at most `2^n` units, the last step the rest.
pub(super) struct Histogram<'a> {
    pub(super) name: &'a str,
    pub(super) help: &'a str,
    pub(super) counts: &'a [u64],
    pub(super) sum: f64,
    /// How many units of the steps make one of the metric's.
    pub(super) per: f64,
}

impl<'a> Histogram<'a> {
    /// A histogram of these steps.
    pub(super) fn of<const N: usize>(
        (name, help): (&'a str, &'a str),
        steps: &'a Steps<N>,
        per: f64,
    ) -> Self {
        Self { name, help, counts: &steps.counts, sum: steps.sum as f64 / per, per }
    }

    /// Appends the histogram.
    pub(super) fn write(&self, text: &mut String) {
        let Self { name, help, counts, sum, per } = self;
        let total: u64 = counts.iter().sum();
        let mut below = 0;
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (step, count) in counts[..counts.len() - 1].iter().enumerate() {
            below += count;
            let bound = (1_u64 << step) as f64 / per;
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {total}");
        let _ = writeln!(text, "{name}_sum {sum}\n{name}_count {total}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_the_last_has_everything() {
        let mut steps = Steps::<4>::default();
        [1, 2, 3, 4, 9].into_iter().for_each(|value| steps.add(value));
        let mut text = String::new();
        Histogram::of(("t_seconds", "Time."), &steps, 2.0).write(&mut text);
        let expected = "# HELP t_seconds Time.\n# TYPE t_seconds histogram\n\
                        t_seconds_bucket{le=\"0.5\"} 1\nt_seconds_bucket{le=\"1\"} 2\n\
                        t_seconds_bucket{le=\"2\"} 4\nt_seconds_bucket{le=\"+Inf\"} 5\n\
                        t_seconds_sum 9.5\nt_seconds_count 5\n\n";
        assert_eq!(text, expected);
    }
}
