//! Ids of a feed as small numbers.

use std::collections::HashMap;

/// Numbers given to ids in the order in which they were first met. Only ever asked, never walked.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<Box<str>, u32>);

impl Ids {
    /// The number of `id`; a new one if it was not met before.
    pub(super) fn index(&mut self, id: &str) -> u32 {
        if let Some(index) = self.0.get(id) {
            return *index;
        }
        // The limit on rows keeps this far below the largest number.
        let index = self.0.len() as u32;
        self.0.insert(id.into(), index);
        index
    }

    /// A number for an id that was not met before; `None` if it was.
    pub(super) fn insert(&mut self, id: &str) -> Option<u32> {
        let next = self.0.len() as u32;
        (self.index(id) == next).then_some(next)
    }

    /// The number of `id`, if it was met.
    pub(super) fn get(&self, id: &str) -> Option<u32> {
        self.0.get(id).copied()
    }
}
