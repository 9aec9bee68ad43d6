//! Compiles the protocol without an installed protoc, and keeps its descriptor for reflection.

mod shapes;

use std::{env, fs, path::PathBuf};

use prost::Message as _;
use protox::prost_reflect::DescriptorPool;

const FILES: [&str; 6] = [
    "seatgrid/v1/types.proto",
    "seatgrid/v1/inventory.proto",
    "seatgrid/v1/changes.proto",
    "seatgrid/v1/cluster.proto",
    "seatgrid/v1/faults.proto",
    "seatgrid/v1/peer.proto",
];

/// What is larger than what stands in most places beside it: a list of thousands of commands or replies would
/// have room for it in each.
const LARGE: [&str; 2] =
    [".seatgrid.v1.PipelineCommand.command.open_trip", ".seatgrid.v1.PipelineReply.reply.problem"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("seatgrid_descriptor.bin"), descriptors.encode_to_vec())?;
    let pool = DescriptorPool::from_file_descriptor_set(descriptors.clone())?;
    fs::write(out.join("shapes.rs"), shapes::of_requests(&pool))?;
    let generate = || LARGE.iter().fold(tonic_prost_build::configure(), |all, one| all.boxed(one));
    generate().build_server(false).bytes(".seatgrid.v1").compile_fds(descriptors.clone())?;
    // The servers apart, for they have a codec of their own.
    let servers = out.join("servers");
    fs::create_dir_all(&servers)?;
    generate()
        .build_client(false)
        .extern_path(".seatgrid.v1", "crate::pb")
        .extern_path(".seatgrid.v1.PipelineRequest", "crate::pipeline::Commands")
        .extern_path(".seatgrid.v1.PipelineResponse", "crate::pipeline::Replies")
        .codec_path("crate::codec::ServerCodec")
        .out_dir(servers)
        .compile_fds(descriptors)?;
    Ok(())
}
