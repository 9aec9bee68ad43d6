//! Shorthand: one text that stands for the places of a row, and one that makes seat names of them.

use super::limits::MAX_PLACES_PER_ROW;

/// The word for a gap, in a pattern and in a drawn layout.
pub(super) const GAP: char = '_';

/// What a pattern stands for, left to right: the label of each place, `None` for a gap.
///
/// `AB_CD` is read letter by letter; a pattern with a space or `..` is read word by word, where
/// `1..14` stands for fourteen places (and `14..1` for the same ones from the other side).
pub(super) fn labels(pattern: &str) -> Result<Vec<Option<String>>, String> {
    let mut labels = Vec::new();
    if pattern.contains("..") || pattern.contains(char::is_whitespace) {
        for word in pattern.split_whitespace() {
            push_word(word, &mut labels)?;
        }
    } else {
        for letter in pattern.chars() {
            if letter != GAP && !letter.is_alphanumeric() {
                return Err(format!(
                    "has {letter:?}; a place is a letter or a digit, a gap is `_`"
                ));
            }
            labels.push((letter != GAP).then(|| letter.to_string()));
        }
    }
    if labels.is_empty() {
        return Err("stands for no place at all".into());
    }
    bounded(labels.len())?;
    Ok(labels)
}

fn push_word(word: &str, labels: &mut Vec<Option<String>>) -> Result<(), String> {
    if word.chars().all(|letter| letter == GAP) {
        bounded(labels.len() + word.len())?;
        labels.extend(word.chars().map(|_| None));
        return Ok(());
    }
    let Some((from, to)) = word.split_once("..") else {
        labels.push(Some(word.to_owned()));
        return bounded(labels.len());
    };
    let number = |text: &str| {
        text.parse::<u32>().map_err(|_| format!("has {word:?}; a range is two numbers: 1..14"))
    };
    let (from, to) = (number(from)?, number(to)?);
    bounded(labels.len() + from.abs_diff(to) as usize + 1)?;
    let numbers = from.min(to)..=from.max(to);
    let label = |number: u32| Some(number.to_string());
    if from <= to {
        labels.extend(numbers.map(label));
    } else {
        labels.extend(numbers.rev().map(label));
    }
    Ok(())
}

fn bounded(places: usize) -> Result<(), String> {
    if places > MAX_PLACES_PER_ROW {
        return Err(format!("stands for {places} places; a row has at most {MAX_PLACES_PER_ROW}"));
    }
    Ok(())
}

/// How the seats of a pattern are named, such as `{deck}-{row}{place}`.
#[derive(Clone, Debug)]
pub(super) struct SeatName(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Field { field: Field, width: usize },
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Deck,
    Row,
    Place,
    Number,
}

/// What a seat name can be made of.
pub(super) struct SeatNameInput<'a> {
    pub(super) deck: &'a str,
    pub(super) row: &'a str,
    pub(super) place: &'a str,
    /// The running number of the seat in its deck.
    pub(super) number: u32,
}

impl Default for SeatName {
    /// `{row}{place}`: 1A, 1B, …
    fn default() -> Self {
        let field = |field| Part::Field { field, width: 0 };
        Self(vec![field(Field::Row), field(Field::Place)])
    }
}

impl SeatName {
    /// Reads a template.
    pub(super) fn parse(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            parts.push(Part::Text(text.to_owned()));
            let (inside, after) =
                after.split_once('}').ok_or_else(|| "has a `{` without a `}`".to_owned())?;
            parts.push(Self::field(inside)?);
            rest = after;
        }
        if rest.contains('}') {
            return Err("has a `}` without a `{`".into());
        }
        parts.push(Part::Text(rest.to_owned()));
        let tells_seats_apart =
            |part: &Part| matches!(part, Part::Field { field: Field::Place | Field::Number, .. });
        if !parts.iter().any(tells_seats_apart) {
            return Err("names all seats of a row alike; it needs {place} or {number}".into());
        }
        Ok(Self(parts))
    }

    fn field(inside: &str) -> Result<Part, String> {
        let (name, width) = inside.split_once(':').unwrap_or((inside, "0"));
        let field = match name {
            "deck" | "coach" | "section" => Field::Deck,
            "row" => Field::Row,
            "place" => Field::Place,
            "number" => Field::Number,
            _ => {
                return Err(format!(
                    "has {{{name}}}; allowed are {{deck}}, {{coach}}, {{section}}, \
                     {{row}}, {{place}}, {{number}}"
                ));
            }
        };
        match width.parse() {
            Ok(width) if width <= 9 => Ok(Part::Field { field, width }),
            _ => Err(format!("has the width {width:?}; allowed are 0 to 9 digits, as {{row:02}}")),
        }
    }

    /// The name of one seat; values shorter than their width get zeros in front.
    pub(super) fn of(&self, input: &SeatNameInput<'_>) -> String {
        let mut name = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Field { field, width } => {
                    let width = *width;
                    match field {
                        Field::Deck => name.push_str(&format!("{:0>width$}", input.deck)),
                        Field::Row => name.push_str(&format!("{:0>width$}", input.row)),
                        Field::Place => name.push_str(&format!("{:0>width$}", input.place)),
                        Field::Number => name.push_str(&format!("{:0>width$}", input.number)),
                    }
                }
            }
        }
        name
    }
}
