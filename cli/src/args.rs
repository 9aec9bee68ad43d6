//! The command line as a tree.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    bench, block, booking, capacity, cluster, completions, dev, fault, hold, import, layout, node,
    sale, seat, trip, watch,
};
use crate::output::Output;
use crate::{check, load, value};

/// Seats that are never sold twice: start, inspect and use a Seatgrid cluster.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused, 5 unavailable or timed out, 130
/// interrupted.
#[derive(Debug, Parser)]
#[command(name = "seatgrid", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Addresses of one or more nodes; the others are learned from them.
    #[arg(
        long,
        global = true,
        env = "SEATGRID_ENDPOINTS",
        value_delimiter = ',',
        value_parser = value::endpoint,
        default_value = "http://127.0.0.1:7001,http://127.0.0.1:7002,http://127.0.0.1:7003",
        value_name = "URL,…"
    )]
    pub(crate) endpoints: Vec<String>,
    /// How results and errors are written.
    #[arg(long, short = 'o', global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    /// How long one call may take, retries included.
    #[arg(long, global = true, value_parser = value::positive_duration, default_value = "5s")]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open trips, list them, look at them, watch them.
    #[command(subcommand)]
    Trip(TripCommand),
    /// Draw or check a layout file.
    #[command(subcommand)]
    Layout(layout::LayoutCommand),
    /// Hold seats of a trip.
    Hold(hold::Args),
    /// Give a hold more time.
    Extend(booking::ExtendArgs),
    /// Pin a hold while its buyer pays.
    Pay(booking::PayArgs),
    /// Turn a hold into a booking.
    Confirm(booking::ConfirmArgs),
    /// Give a hold back.
    Release(booking::ReleaseArgs),
    /// Give seats of a booking back.
    Cancel(booking::CancelArgs),
    /// Exchange seats of a hold or booking.
    Swap(booking::SwapArgs),
    /// Look a hold or booking up.
    Lookup(booking::LookupArgs),
    /// Take free seats out of sale.
    Block(block::BlockArgs),
    /// Put blocked seats back on sale.
    Unblock(block::UnblockArgs),
    /// Freeze, thaw or close the sale of a trip.
    #[command(subcommand)]
    Sale(sale::SaleCommand),
    /// Ask about one seat.
    #[command(subcommand)]
    Seat(seat::SeatCommand),
    /// Look at the cluster and operate it.
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Make a staging cluster fail on order.
    Fault(fault::Args),
    /// Put a cluster under load and measure it.
    Load(load::args::Args),
    /// Measure Seatgrid beside Redis, PostgreSQL and etcd.
    Bench(Box<bench::Args>),
    /// Say how many nodes a goal needs.
    Capacity(capacity::Args),
    /// Answer requests without doing anything: `bench` measures what its clients can ask for at most.
    #[command(hide = true)]
    BenchNullServer {
        /// On this port of the machine
        #[arg(long)]
        port: u16,
    },
    /// Audit a cluster: replicas agree, seats add up, nothing acknowledged is lost.
    Check(check::Args),
    /// Start a cluster for trying things out.
    Dev(dev::Args),
    /// Run one node of a cluster.
    Node(node::Args),
    /// Write a completion script for a shell.
    Completions(completions::Args),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TripCommand {
    /// Open a trip for sale.
    Open(trip::OpenArgs),
    /// Open the trips of a timetable.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// List trips.
    List(trip::ListArgs),
    /// Show a trip and, on request, its seats.
    Show(trip::ShowArgs),
    /// Follow the changes of a trip.
    Watch(watch::Args),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lines_that_people_type_are_understood() {
        for line in [
            "trip open t1 --layout coach.json --stops A,B,C --max-per-buyer 4 --late reacquire",
            "trip import gtfs feed.zip --layout coach.json --from 2026-01-01 --days 7",
            "trip list --prefix ice- -o json",
            "trip show t1 --seats --legs 0..2",
            "hold t1 1A 1B --buyer ann --ttl 10m --legs 1..3",
            "hold t1 --best 3 --zone First --adjacent",
            "hold t1 --zone Standing --quantity 4",
            "confirm t1 0190f3a2-7b1c-7def-8123-456789abcdef --fence 7",
            "cancel t1 0190f3a27b1c7def8123456789abcdef 1A",
            "swap t1 0190f3a27b1c7def8123456789abcdef --give 1A --take 2A",
            "sale freeze t1",
            "seat explain t1 14A --leg 2",
            "cluster transfer-leader 3 --to 2",
            "load --buyers 1000 --mode open --rate 20k --workload life --ledger run.jsonl",
            "check --ledger run.jsonl",
            "completions bash",
        ] {
            let words = std::iter::once("seatgrid").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn lines_that_make_no_sense_are_refused() {
        for line in [
            "hold t1",
            "hold t1 1A --best 2",
            "hold t1 --quantity 2",
            "hold t1 --best 2 --quantity 2 --zone Z",
            "trip open t1",
            "trip show t1 --legs 2..2",
            "confirm t1 not-an-id",
            "load --mode open",
            "block t1",
        ] {
            let words = std::iter::once("seatgrid").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
