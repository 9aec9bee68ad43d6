//! The names of a disk in memory, and the changes that a power cut may undo.

use super::pages::Pages;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files by name.
pub(super) type Names = BTreeMap<PathBuf, Arc<Mutex<Pages>>>;

/// A change of a name.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Link(PathBuf, Arc<Mutex<Pages>>),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut Names) {
        match self {
            Self::Link(path, pages) => {
                names.insert(path.clone(), pages.clone());
            }
            Self::Rename(from, to) => {
                if let Some(pages) = names.remove(from) {
                    names.insert(to.clone(), pages);
                }
            }
            Self::Unlink(path) => {
                names.remove(path);
            }
        }
    }

    /// The directory that it is a change of.
    pub(super) fn dir(&self) -> Option<&Path> {
        match self {
            Self::Link(path, _) | Self::Rename(path, _) | Self::Unlink(path) => path.parent(),
        }
    }
}

/// Copies names with their files; names of one file become names of one copy.
pub(super) struct Copies<F> {
    copy: F,
    made: BTreeMap<usize, Arc<Mutex<Pages>>>,
}

impl<F: FnMut(&Pages) -> Pages> Copies<F> {
    pub(super) fn new(copy: F) -> Self {
        Self { copy, made: BTreeMap::new() }
    }

    fn file(&mut self, pages: &Arc<Mutex<Pages>>) -> Arc<Mutex<Pages>> {
        let copy = &mut self.copy;
        let made = self.made.entry(Arc::as_ptr(pages) as usize);
        made.or_insert_with(|| Arc::new(Mutex::new(copy(&pages.lock())))).clone()
    }

    pub(super) fn names(&mut self, names: &Names) -> Names {
        names.iter().map(|(path, pages)| (path.clone(), self.file(pages))).collect()
    }

    pub(super) fn change(&mut self, change: &NameChange) -> NameChange {
        match change {
            NameChange::Link(path, pages) => NameChange::Link(path.clone(), self.file(pages)),
            other => other.clone(),
        }
    }
}
