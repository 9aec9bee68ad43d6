//! JSON as it was written: keys in order, none twice, and the line of every value.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// One JSON value.
#[derive(Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// What it is, in words for an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => format!("the number {value}"),
            Self::Real(value) => format!("the number {value}"),
            Self::Text(value) if value.chars().count() > 40 => {
                format!("the text {:?}…", value.chars().take(40).collect::<String>())
            }
            Self::Text(value) => format!("the text {value:?}"),
            Self::List(_) => "a list".into(),
            Self::Object(_) => "an object".into(),
        }
    }

    /// The value of `key`, if this is an object that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Self::Object(members) => members.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Node::Real(value as f64), Node::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Real(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut members: Vec<(String, Node)> = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        let mut keys: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(A::Error::custom(format!("`{}` stands twice in this object", pair[0])))
            }
            None => Ok(Node::Object(members)),
        }
    }
}

/// One step into a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Into the member of an object.
    Key(&'a str),
    /// Into the item of a list.
    Index(usize),
}

/// A path as people write it: `coaches[1].rows[0].pattern`.
pub(super) fn path_text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
        }
    }
    text
}

/// Line and column, both from 1, of what `path` leads to in `text`, which is known to be valid JSON.
///
/// Only a refusal asks for this, so a second scan costs nothing that matters, and values need not
/// carry positions.
pub(super) fn locate(text: &str, path: &[Step<'_>]) -> (u32, u32) {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    for step in path {
        scan.blank();
        let found = match step {
            Step::Key(key) => scan.enter_key(key),
            Step::Index(index) => scan.enter_index(*index),
        };
        if !found {
            break;
        }
    }
    scan.blank();
    let before = text.get(..scan.at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b'}')
    }

    fn blank(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| b" \t\r\n,:".contains(byte)) {
            self.at += 1;
        }
    }

    fn enter_key(&mut self, wanted: &str) -> bool {
        self.at += 1;
        loop {
            self.blank();
            if self.peek() == b'}' {
                return false;
            }
            let start = self.at;
            self.skip_text();
            let key = serde_json::from_slice::<String>(&self.bytes[start..self.at]);
            self.blank();
            if key.is_ok_and(|key| key == wanted) {
                return true;
            }
            self.skip_value();
        }
    }

    fn enter_index(&mut self, index: usize) -> bool {
        self.at += 1;
        for _ in 0..index {
            self.blank();
            self.skip_value();
        }
        self.blank();
        self.at < self.bytes.len()
    }

    fn skip_text(&mut self) {
        self.at += 1;
        while self.at < self.bytes.len() && self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(self.bytes.len());
    }

    fn skip_value(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match self.peek() {
                b'"' => self.skip_text(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' if depth == 0 => return,
                _ => self.at += 1,
            }
            if depth == 0 && b",}]".contains(&self.peek()) {
                return;
            }
        }
    }
}
