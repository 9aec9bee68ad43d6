//! `seatgrid-chaos run`: a plan on real processes, once or several times.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use seatgrid_chaos::real::{self, Plan, PlanError, Site, shipped};

use super::exit;
use super::outcome::Outcome;
use crate::args::Output;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plan: a file, or the name of a plan that comes with the program.
    #[arg(long, value_name = "FILE|NAME")]
    pub(super) plan: PathBuf,
    /// The seed of buyers' choices and of faults by chance, or the first of several.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often to run it, each time with the next seed.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    times: u64,
    /// The program whose `node` runs a node; this one unless given.
    #[arg(long, value_name = "FILE")]
    pub(super) binary: Option<PathBuf>,
    /// Addresses of a staging cluster, instead of nodes that the run starts itself. Its nodes take orders of faults.
    #[arg(
        long,
        value_name = "URL,…",
        value_delimiter = ',',
        conflicts_with = "binary",
        requires = "token_file"
    )]
    pub(super) attach: Vec<String>,
    /// The file of the token of those who may order faults there.
    #[arg(long, value_name = "FILE", requires = "attach")]
    pub(super) token_file: Option<PathBuf>,
    /// Keep the nodes' files, logs and the history of every run here; of runs that did not pass they are
    /// kept in any case.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Write the result as a page, too: HTML that needs nothing else.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let plan = match read(&args.plan) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("error: {error}\nhint: `seatgrid-chaos plans NAME` shows a plan that works");
            return ExitCode::from(exit::USAGE);
        }
    };
    let (outcome, mut failed) = tried(args, &plan);
    if let Some(path) = &args.report
        && let Err(why) = outcome.write_page(path, &plan)
    {
        failed.get_or_insert(io::Error::other(why));
    }
    match args.output {
        Output::Text => print!("{outcome}"),
        Output::Json => match serde_json::to_string_pretty(&outcome) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("error: the result cannot be written: {error}"),
        },
    }
    if let Some(error) = failed {
        eprintln!("error: {error}");
        return ExitCode::from(exit::USAGE);
    }
    match outcome.verdict() {
        real::Verdict::Passed => ExitCode::SUCCESS,
        real::Verdict::Violated => ExitCode::from(exit::VIOLATED),
        real::Verdict::Invalid => ExitCode::from(exit::INVALID),
    }
}

/// A file, or else a plan that comes with the program.
fn read(plan: &Path) -> Result<Plan, PlanError> {
    let shipped = plan.to_str().and_then(shipped::text).filter(|_| !plan.exists());
    match shipped {
        Some(text) => Plan::parse(plan, text),
        None => Plan::read(plan),
    }
}

/// All runs, up to one that cannot be started.
fn tried(args: &Args, plan: &Plan) -> (Outcome, Option<io::Error>) {
    let mut outcome = Outcome::of(args, plan);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return (outcome, Some(error)),
    };
    for seed in (0..args.times).map(|nth| args.seed.wrapping_add(nth)) {
        if let Err(error) = runtime.block_on(once(args, plan, seed, &mut outcome)) {
            return (outcome, Some(error));
        }
    }
    (outcome, None)
}

/// Where the nodes are.
fn site(args: &Args) -> io::Result<Site> {
    if let Some(path) = &args.token_file {
        let unread =
            |e| io::Error::other(format!("the token cannot be read: {}: {e}", path.display()));
        let token = std::fs::read_to_string(path).map_err(unread)?;
        return Ok(Site::Staging { endpoints: args.attach.clone(), token });
    }
    // A path and not a name: the nodes are not started where this program was.
    args.binary.as_ref().map_or_else(std::env::current_exe, std::path::absolute).map(Site::Own)
}

async fn once(args: &Args, plan: &Plan, seed: u64, outcome: &mut Outcome) -> io::Result<()> {
    let site = site(args)?;
    let folder = match &args.keep {
        Some(keep) => {
            std::fs::create_dir_all(keep)?;
            tempfile::Builder::new().prefix(&format!("seed-{seed}-")).tempdir_in(keep)?
        }
        None => tempfile::Builder::new().prefix("seatgrid-chaos-").tempdir()?,
    };
    // Progress, where somebody watches.
    let watched = std::io::stderr().is_terminal();
    let say = |what: &str| {
        if watched {
            eprintln!("seed {seed}: {what}");
        }
    };
    let report = real::run(plan, seed, &site, folder.path(), say).await?;
    let kept =
        (args.keep.is_some() || report.verdict != real::Verdict::Passed).then(|| folder.keep());
    if args.output == Output::Text {
        eprintln!("seed {seed}: {}", Outcome::line(&report));
    }
    outcome.add(report, kept);
    Ok(())
}
