//! A verdict as a page for people: HTML that needs nothing from elsewhere, and no script.
//!
//! * [`Page`] is what is told; [`render`] tells it.
//! * `axis`, `seconds`, `timeline` and `lanes` are its pictures, `tables` the rest.

#[macro_use]
mod html;
mod axis;
mod lanes;
mod seconds;
mod tables;
mod timeline;

use crate::real::Report;
use crate::real::plan::Plan;
use crate::verify::{Contradiction, History, Verdict};
use html::Esc;

pub use tables::{Check, checks_of};

/// Contradictions that are drawn; all are counted, and those that a verdict keeps are told.
const DRAWN: usize = 6;

/// Contradictions that are told.
const TOLD: usize = 50;

/// How it ended, for a colour, a sign and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Everything holds.
    Good,
    /// It says nothing.
    Open,
    /// Something is wrong.
    Bad,
}

/// What a page tells.
#[derive(Debug)]
pub struct Page<'a> {
    /// How it ended.
    pub tone: Tone,
    /// The verdict in a word.
    pub word: &'a str,
    /// The verdict in a sentence that a stranger understands.
    pub sentence: String,
    /// What a plan shows when it passes.
    pub proves: Option<&'a str>,
    /// The command that does it again.
    pub reproduce: String,
    /// What else there is to know: names and values.
    pub facts: Vec<(&'a str, String)>,
    /// Everything that was checked.
    pub checks: Vec<Check>,
    /// The calls.
    pub history: &'a History,
    /// What they say about each other.
    pub verdict: &'a Verdict,
    /// The run, where there was one.
    pub run: Option<(&'a Plan, &'a Report)>,
    /// All runs of the plan: seed, verdict, and what happened.
    pub runs: Vec<[String; 3]>,
}

/// The page as HTML.
#[must_use]
pub fn render(page: &Page<'_>) -> String {
    let mut html = String::from("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n");
    put!(
        html,
        "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <title>{word}: {title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n",
        word = Esc(page.word),
        title = Esc(page.facts.first().map_or("history", |(_, value)| value)),
        style = include_str!("style.css"),
    );
    head(&mut html, page);
    contradictions(&mut html, page);
    timeline::draw(&mut html, page);
    tables::checks(&mut html, &page.checks);
    if let Some((plan, report)) = page.run {
        tables::failovers(&mut html, plan, report);
        tables::coverage(&mut html, plan, report);
    }
    tables::calls(&mut html, page.history);
    tables::runs(&mut html, &page.runs);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn head(html: &mut String, page: &Page<'_>) {
    let (class, sign) = match page.tone {
        Tone::Good => ("good", "✓"),
        Tone::Open => ("open", "?"),
        Tone::Bad => ("bad", "✗"),
    };
    put!(
        html,
        "<header class={class}>\n<h1><span aria-hidden=true>{sign}</span> {}</h1>\n<p \
         class=lead>{}</p>\n",
        Esc(page.word),
        Esc(&page.sentence)
    );
    if let Some(proves) = page.proves {
        put!(html, "<p><strong>What this plan is to show:</strong> {}</p>", Esc(proves));
    }
    put!(
        html,
        "</header>\n<p class=again><span>REPRODUCE WITH:</span> <code>{}</code></p>\n<dl>\n",
        Esc(&page.reproduce)
    );
    for (name, value) in &page.facts {
        put!(html, "<div><dt>{}</dt><dd>{}</dd></div>", Esc(name), Esc(value));
    }
    html.push_str("</dl>\n");
}

/// What is wrong, told and drawn.
fn contradictions(html: &mut String, page: &Page<'_>) {
    let told: Vec<&str> = match page.run {
        Some((_, report)) => report.violations.iter().map(String::as_str).collect(),
        None => Vec::new(),
    };
    let found = &page.verdict.contradictions;
    let invalid = page.run.map(|(_, report)| report.invalid.as_slice()).unwrap_or_default();
    if !invalid.is_empty() {
        let heading = match page.tone {
            Tone::Bad => "What did not go as planned, besides",
            _ => "Why this run says nothing",
        };
        put!(html, "<section>\n<h2>{heading}</h2>\n<ul>\n");
        for why in invalid.iter() {
            put!(html, "<li>{}</li>", Esc(why));
        }
        html.push_str("</ul>\n</section>\n");
    }
    if told.is_empty() && found.is_empty() {
        return;
    }
    html.push_str("<section>\n<h2>What is wrong</h2>\n");
    for (number, contradiction) in (1_usize..).zip(found.iter().take(TOLD)) {
        put!(
            html,
            "<article>\n<h3>{number}. <code>{}</code></h3>\n<p>{}</p>\n",
            Esc(contradiction.rule),
            Esc(&contradiction.text)
        );
        let same = |other: &Contradiction| other.lines == contradiction.lines;
        if found[..number - 1].iter().any(same) {
            html.push_str("<p class=note>The calls are those of a picture above.</p>\n");
        } else if number <= DRAWN {
            lanes::draw(html, page.history, contradiction);
        }
        html.push_str("</article>\n");
    }
    let others = told.iter().filter(|what| !found.iter().any(|f| what.ends_with(&f.text)));
    let others: Vec<&&str> = others.take(TOLD).collect();
    if !others.is_empty() {
        html.push_str("<h3>Found during the run, or when the cluster was read back</h3>\n<ul>\n");
        for what in others.iter() {
            put!(html, "<li>{}</li>", Esc(what));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</section>\n");
}
