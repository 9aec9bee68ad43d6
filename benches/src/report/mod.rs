//! Results for people: a text for the repository, and a page that needs nothing from elsewhere.
//!
//! * [`markdown()`] is the text, [`page()`] is HTML without a script. Both tell the same, and are pure.
//! * `sections` sorts what was measured and finds the peaks; `tables` has every number; `words` says what
//!   they mean.
//! * `curves`, `bars` and `glance` are the page's pictures; `series` gives each line its colour and shape.

#[macro_use]
mod html;
mod bars;
mod curves;
mod figures;
mod glance;
mod growth;
mod markdown;
mod page;
mod scale;
mod sections;
mod series;
mod tables;
mod words;

#[cfg(test)]
mod made_up;

pub use markdown::markdown;
pub use page::page;
