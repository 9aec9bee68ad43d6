//! `seatgrid-chaos verify`: recorded histories, from the command line to the verdict.

use std::fmt;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use seatgrid_chaos::verify::{self, History, Judgement, Verdict};
use serde::Serialize;

use super::exit;
use super::page;
use super::rules_table::rules_table;
use crate::args::Output;

/// Contradictions that are printed of one file; all are counted.
const PRINTED: usize = 10;

/// What to verify.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Histories: JSON Lines as `run` and `seatgrid load --history` write them, or of your own making. Each is
    /// verified by itself.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Nobody else touched the trips of these histories, even if they do not say so: then refusals are
    /// checked, too.
    #[arg(long)]
    complete: bool,
    /// Write the verdict as a page, too: HTML that needs nothing else. Of several files that of the worst.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to print the verdict.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// The verdict over all files.
#[derive(Debug, Serialize)]
struct Outcome {
    judgement: Judgement,
    files: Vec<Verified>,
}

/// One file.
#[derive(Debug, Serialize)]
struct Verified {
    file: PathBuf,
    #[serde(flatten)]
    verdict: Verdict,
    /// How long reading took, in seconds.
    read_s: f64,
    /// How long verifying took, in seconds.
    verified_s: f64,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let (mut files, mut bad, mut shown) = (Vec::<Verified>::new(), false, None);
    for file in &args.files {
        say(&format!("{}: reading", file.display()));
        let began = now();
        match verify::read_file(file) {
            Ok(mut history) => {
                history.complete |= args.complete;
                let verified = verified(file.clone(), &history, began.elapsed().as_secs_f64());
                let judgement = verified.verdict.judgement;
                if let Some(path) = &args.report
                    && shown.is_none_or(|shown| shown < judgement)
                {
                    shown = Some(judgement);
                    if let Err(why) = page::write_history(path, file, &history, &verified.verdict) {
                        eprintln!("error: {why}");
                        return ExitCode::from(exit::USAGE);
                    }
                }
                files.push(verified);
            }
            Err(lines) => {
                bad = true;
                lines.iter().for_each(|line| eprintln!("error: {line}"));
            }
        }
    }
    if bad {
        eprintln!("hint: chaos/HISTORY.md describes every field");
        return ExitCode::from(exit::USAGE);
    }
    let worst = files.iter().map(|file| file.verdict.judgement).max();
    let judgement = worst.unwrap_or(Judgement::Undecided);
    let outcome = Outcome { judgement, files };
    match args.output {
        Output::Text => print!("{outcome}"),
        Output::Json => match serde_json::to_string_pretty(&outcome) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("error: the verdict cannot be written: {error}"),
        },
    }
    match judgement {
        Judgement::Consistent => ExitCode::SUCCESS,
        Judgement::Contradiction => ExitCode::from(exit::VIOLATED),
        Judgement::Undecided => ExitCode::from(exit::INVALID),
    }
}

fn verified(file: PathBuf, history: &History, read_s: f64) -> Verified {
    say(&format!("{}: verifying {} calls", file.display(), history.calls().len()));
    let began = now();
    let verdict = verify::verify(history);
    Verified { file, verdict, read_s, verified_s: began.elapsed().as_secs_f64() }
}

#[expect(clippy::disallowed_methods, reason = "how long all of it takes is real time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Progress, where somebody watches.
fn say(what: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("{what}");
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.iter().try_for_each(|file| write!(f, "{file}"))
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let Verdict { calls, holds, trips, .. } = verdict;
        writeln!(f, "{}: {calls} calls about {holds} holds of {trips} trips", self.file.display())?;
        writeln!(f, "{}", rules_table(&verdict.rules))?;
        for contradiction in verdict.contradictions.iter().take(PRINTED) {
            writeln!(f, "contradiction: {}: {}", contradiction.rule, contradiction.text)?;
        }
        let all: u64 = verdict.rules.iter().map(|rule| rule.contradictions).sum();
        if all > PRINTED as u64 {
            writeln!(f, "contradictions: {all} in all")?;
        }
        let speed = *calls as f64 / (self.read_s + self.verified_s).max(f64::EPSILON);
        let seconds = self.read_s + self.verified_s;
        writeln!(f, "took           {seconds:.2} s: {speed:.0} calls a second")?;
        match verdict.judgement {
            Judgement::Consistent => {
                writeln!(f, "CONSISTENT     nothing in it contradicts a rule that could be checked")
            }
            Judgement::Undecided if verdict.checked() == 0 => {
                writeln!(f, "UNDECIDED      it has nothing that a rule could be checked on")
            }
            Judgement::Undecided => writeln!(
                f,
                "UNDECIDED      nothing contradicts a rule, but the search for an order was not finished"
            ),
            Judgement::Contradiction => {
                writeln!(f, "CONTRADICTION  {all} times; the lines that are named say how")
            }
        }
    }
}
