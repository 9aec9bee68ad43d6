//! Compiles the protocol without an installed protoc, and keeps its descriptor for reflection.

use std::{env, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 5] = [
    "seatgrid/v1/types.proto",
    "seatgrid/v1/inventory.proto",
    "seatgrid/v1/changes.proto",
    "seatgrid/v1/cluster.proto",
    "seatgrid/v1/peer.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("seatgrid_descriptor.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".seatgrid.v1").compile_fds(descriptors)?;
    Ok(())
}
