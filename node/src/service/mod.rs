//! The gRPC services: decode, route, ask, encode. No rule about seats.

mod answers;
mod changes;
mod cluster;
mod faults;
mod inventory;
mod line;
mod pipeline;

pub(crate) use changes::ChangesService;
pub(crate) use cluster::ClusterService;
pub(crate) use faults::FaultsService;
pub(crate) use inventory::server as inventory_server;
