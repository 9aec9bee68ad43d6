//! One order of all calls explains every answer that a caller got, each call between its question and its
//! answer. It knows neither the log nor its positions: see `crate::verify`.

use super::{Event, Invariant};

pub(super) struct Linearizable;

impl Invariant for Linearizable {
    fn name(&self) -> &'static str {
        "linearizable"
    }

    fn look(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Explained(verdict) => match &verdict.contradictions[..] {
                [] => Ok(()),
                [first, ..] => Err(format!("{}: {}", first.rule, first.text)),
            },
            _ => Ok(()),
        }
    }
}
