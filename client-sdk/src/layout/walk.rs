//! A walk through JSON that always knows where it is, so that every refusal can say so.

use super::attribute::{Attribute, Attributes};
use super::error::Problem;
use super::json::{Node, Step, locate, path_text};
use super::{LayoutError, Spot};

/// A refusal on its way to the caller: it knows the spot but not yet the file.
#[derive(Debug)]
pub(super) struct Fault {
    at: Place,
    problem: Box<Problem>,
}

/// A spot, in the terms of the format that is being read.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// The file as a whole.
    File,
    /// A JSON path as text, and the line and column that it leads to are found later.
    Path(Vec<OwnedStep>),
    /// A line of a text file, from 1.
    Line(u32),
}

/// A [`Step`] that outlives the walk.
#[derive(Clone, Debug)]
pub(super) enum OwnedStep {
    Key(String),
    Index(usize),
}

impl Fault {
    /// A refusal at a spot.
    pub(super) fn new(at: Place, problem: Problem) -> Self {
        Self { at, problem: Box::new(problem) }
    }

    /// The error for the caller, with the line and column that the spot has in `text`.
    pub(super) fn into_error(self, file: &str, text: &str) -> LayoutError {
        let at = match &self.at {
            Place::File => Spot::default(),
            Place::Line(line) => Spot { line: Some(*line), ..Spot::default() },
            Place::Path(steps) => {
                let steps: Vec<Step<'_>> = steps
                    .iter()
                    .map(|step| match step {
                        OwnedStep::Key(key) => Step::Key(key),
                        OwnedStep::Index(index) => Step::Index(*index),
                    })
                    .collect();
                let (line, column) = locate(text, &steps);
                Spot { line: Some(line), column: Some(column), path: Some(path_text(&steps)) }
            }
        };
        LayoutError { file: file.to_owned(), at, problem: self.problem }
    }
}

/// A value and the path to it.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    node: &'a Node,
    path: Vec<Step<'a>>,
}

impl<'a> Cursor<'a> {
    /// The whole file.
    pub(super) fn root(node: &'a Node) -> Self {
        Self { node, path: Vec::new() }
    }

    /// The value itself.
    pub(super) fn node(&self) -> &'a Node {
        self.node
    }

    /// Where we are.
    pub(super) fn place(&self) -> Place {
        let owned = |step: &Step<'_>| match step {
            Step::Key(key) => OwnedStep::Key((*key).to_owned()),
            Step::Index(index) => OwnedStep::Index(*index),
        };
        Place::Path(self.path.iter().map(owned).collect())
    }

    /// A refusal of this value.
    pub(super) fn fault(&self, problem: Problem) -> Fault {
        Fault::new(self.place(), problem)
    }

    fn wrong_type(&self, allowed: &'static str) -> Fault {
        self.fault(Problem::WrongType { found: self.node.describe(), allowed })
    }

    fn step(&self, node: &'a Node, step: Step<'a>) -> Cursor<'a> {
        let mut path = Vec::with_capacity(self.path.len() + 1);
        path.extend_from_slice(&self.path);
        path.push(step);
        Cursor { node, path }
    }

    /// The members, in the order in which they were written.
    pub(super) fn members(&self) -> Result<Vec<(&'a str, Cursor<'a>)>, Fault> {
        match self.node {
            Node::Object(members) => Ok(members
                .iter()
                .map(|(key, node)| (key.as_str(), self.step(node, Step::Key(key))))
                .collect()),
            _ => Err(self.wrong_type("an object")),
        }
    }

    /// Refuses anything but an object whose keys are all in `allowed`.
    pub(super) fn only(&self, allowed: &[&'static str]) -> Result<(), Fault> {
        for (key, member) in self.members()? {
            if !allowed.contains(&key) {
                let allowed = allowed.to_vec();
                return Err(member.fault(Problem::UnknownKey { key: key.to_owned(), allowed }));
            }
        }
        Ok(())
    }

    /// The member `key`, if there is one.
    pub(super) fn get(&self, key: &'static str) -> Option<Cursor<'a>> {
        self.node.get(key).map(|node| self.step(node, Step::Key(key)))
    }

    /// The member `key`, which must be there.
    pub(super) fn need(&self, key: &'static str) -> Result<Cursor<'a>, Fault> {
        self.get(key).ok_or_else(|| self.fault(Problem::MissingKey(vec![key])))
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Result<impl Iterator<Item = Cursor<'a>> + use<'a>, Fault> {
        let Node::List(items) = self.node else {
            return Err(self.wrong_type("a list"));
        };
        let here = self.clone();
        let step = move |(index, node)| here.step(node, Step::Index(index));
        Ok(items.iter().enumerate().map(step))
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        match self.node {
            Node::Text(text) => Ok(text),
            _ => Err(self.wrong_type("a text")),
        }
    }

    /// A text, or a whole number as one writes it: `"row": 13` is as good as `"row": "13"`.
    pub(super) fn label(&self) -> Result<String, Fault> {
        match self.node {
            Node::Text(text) => Ok(text.clone()),
            Node::Integer(number) => Ok(number.to_string()),
            _ => Err(self.wrong_type("a text or a whole number")),
        }
    }

    /// A whole number between `min` and `max`.
    pub(super) fn integer(&self, what: &'static str, min: i64, max: i64) -> Result<i64, Fault> {
        match *self.node {
            Node::Integer(found) if (min..=max).contains(&found) => Ok(found),
            Node::Integer(found) => Err(self.fault(Problem::OutOfRange { what, found, min, max })),
            _ => Err(self.wrong_type("a whole number")),
        }
    }

    /// Any number.
    pub(super) fn number(&self) -> Result<f64, Fault> {
        match *self.node {
            Node::Integer(number) => Ok(number as f64),
            Node::Real(number) => Ok(number),
            _ => Err(self.wrong_type("a number")),
        }
    }

    /// A list of attribute words.
    pub(super) fn attributes(&self) -> Result<Attributes, Fault> {
        let mut set = Attributes::NONE;
        for item in self.items()? {
            let word = item.text()?;
            let attribute = Attribute::from_name(word)
                .ok_or_else(|| item.fault(Problem::UnknownAttribute { found: word.to_owned() }))?;
            set.insert(attribute);
        }
        Ok(set)
    }
}
