//! The `seatgrid` command.

mod args;
mod check;
mod commands;
mod context;
mod failure;
mod gtfs;
mod load;
mod memory;
mod output;
mod value;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&words, error),
    };
    let output = cli.global.output;
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(output);
            failure.exit_code()
        }
    }
}

/// Answers a command line that is wrong, or asks for help.
fn not_understood(words: &[OsString], error: clap::Error) -> ExitCode {
    let output = if asks_for_json(words) { Output::Json } else { Output::Table };
    let failure = match words.iter().skip(1).find(|word| word.to_str().is_none()) {
        // clap does not say which word it is.
        Some(word) if error.kind() == ErrorKind::InvalidUtf8 => {
            let message = format!("the argument {word:?} is not UTF-8");
            Failure::usage(message)
                .hint("ids and names are UTF-8 text; only paths may be any bytes")
        }
        _ if !error.use_stderr() || output == Output::Table => error.exit(),
        _ => Failure::from(error),
    };
    failure.report(output);
    failure.exit_code()
}

/// Whether a command line that cannot be read asks for JSON all the same.
fn asks_for_json(words: &[OsString]) -> bool {
    let is = |word: &OsString, texts: &[&str]| texts.iter().any(|text| word == OsStr::new(text));
    let joined = ["-ojson", "-o=json", "--output=json"];
    words.iter().any(|word| is(word, &joined))
        || words.windows(2).any(|pair| is(&pair[0], &["-o", "--output"]) && is(&pair[1], &["json"]))
}

fn start(cli: Cli) -> Result<(), Failure> {
    if let Command::BenchNullServer { port } = cli.command {
        return Ok(benches::systems::null::serve_forever(port)?);
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Command::Node(args) = &cli.command
        && let Some(workers) = args.workers()
    {
        builder.worker_threads(workers.get());
    }
    let runtime = builder.enable_all().build()?;
    let context = Context::from(cli.global);
    let finished = runtime.block_on(async {
        match cli.command {
            // These end in their own way when they are interrupted.
            Command::Dev(args) => commands::dev::run(args).await,
            Command::Node(args) => commands::node::run(args).await,
            Command::Load(args) => load::run(&context, args).await,
            command => tokio::select! {
                finished = commands::run(&context, command) => finished,
                _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
            },
        }
    });
    // What still runs in the background, such as a reconnect, must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    finished
}
