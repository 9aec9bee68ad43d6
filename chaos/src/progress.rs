//! How far a long work has come, on a terminal's standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that goes from nothing to so many. Where standard error is no terminal nothing is shown.
pub(crate) fn bar(many: u64, of_what: &'static str) -> ProgressBar {
    let template = "{elapsed_precise} {bar:32} {pos}/{len} {prefix} {msg}";
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    let target = if many > 1 { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(Some(many), target).with_style(style).with_prefix(of_what)
}
