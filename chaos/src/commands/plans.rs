//! `seatgrid-chaos plans`: what can be run, and what it proves.

use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use seatgrid_chaos::real::fault::Need;
use seatgrid_chaos::real::shipped;

use super::exit;
use crate::args::Output;

/// How to list.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the text of one plan, to begin a plan of your own with.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How to print the list.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(name) = &args.name {
        let Some(text) = shipped::text(name) else {
            eprintln!("error: there is no plan {name:?}\nhint: `seatgrid-chaos plans` lists all");
            return ExitCode::from(exit::USAGE);
        };
        print!("{text}");
        return ExitCode::SUCCESS;
    }
    let plans = match shipped::all() {
        Ok(plans) => plans,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(exit::USAGE);
        }
    };
    if args.output == Output::Json {
        for (name, plan) in plans {
            println!(
                "{}",
                serde_json::json!({"plan": name, "proves": plan.proves, "needs": plan.needs()})
            );
        }
        return ExitCode::SUCCESS;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["PLAN", "PROVES", "NEEDS"]);
    for (name, plan) in &plans {
        let needs = plan.needs().iter().map(Need::to_string).collect::<Vec<_>>().join(", ");
        table.add_row([*name, &plan.proves, &needs]);
    }
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
    ExitCode::SUCCESS
}
