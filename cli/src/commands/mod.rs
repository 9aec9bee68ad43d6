//! The commands: one file for each noun.

pub(crate) mod bench;
pub(crate) mod block;
pub(crate) mod booking;
pub(crate) mod capacity;
pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod dev;
pub(crate) mod fault;
pub(crate) mod hold;
pub(crate) mod import;
pub(crate) mod layout;
pub(crate) mod node;
pub(crate) mod rules;
pub(crate) mod sale;
pub(crate) mod seat;
pub(crate) mod seat_drawing;
pub(crate) mod trip;
pub(crate) mod watch;

use crate::args::{Command, TripCommand};
use crate::context::Context;
use crate::failure::Failure;

/// Runs one command that ends when its work is done.
pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Trip(TripCommand::Open(args)) => trip::open(context, args).await,
        Command::Trip(TripCommand::Import(args)) => import::run(context, args).await,
        Command::Trip(TripCommand::List(args)) => trip::list(context, args).await,
        Command::Trip(TripCommand::Show(args)) => trip::show(context, args).await,
        Command::Trip(TripCommand::Watch(args)) => watch::run(context, args).await,
        Command::Layout(args) => layout::run(context, args),
        Command::Hold(args) => hold::run(context, args).await,
        Command::Extend(args) => booking::extend(context, args).await,
        Command::Pay(args) => booking::pay(context, args).await,
        Command::Confirm(args) => booking::confirm(context, args).await,
        Command::Release(args) => booking::release(context, args).await,
        Command::Cancel(args) => booking::cancel(context, args).await,
        Command::Swap(args) => booking::swap(context, args).await,
        Command::Lookup(args) => booking::lookup(context, args).await,
        Command::Block(args) => block::block(context, args).await,
        Command::Unblock(args) => block::unblock(context, args).await,
        Command::Sale(args) => sale::run(context, args).await,
        Command::Seat(args) => seat::run(context, args).await,
        Command::Cluster(args) => cluster::run(context, args).await,
        Command::Fault(args) => fault::run(context, args).await,
        Command::Bench(args) => bench::run(context, *args).await,
        Command::Capacity(args) => capacity::run(context, args).await,
        Command::BenchNullServer { .. } => unreachable!("it runs without a runtime"),
        Command::Check(args) => crate::check::run(context, args).await,
        Command::Completions(args) => completions::run(args),
        Command::Dev(args) => dev::run(args).await,
        Command::Node(args) => node::run(args).await,
        Command::Load(args) => crate::load::run(context, args).await,
    }
}
