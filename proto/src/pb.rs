//! Messages and services generated from the `.proto` files, which carry their documentation.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::disallowed_methods)]

tonic::include_proto!("seatgrid.v1");
include!(concat!(env!("OUT_DIR"), "/servers/seatgrid.v1.rs"));

/// The compiled descriptors of every file, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/seatgrid_descriptor.bin"));
