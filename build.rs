//! Compiles `proto/` into Rust (clients and servers) and into the descriptor set that reflection serves.
//!
//! protox stands in for protoc, so nothing has to be installed. A new `.proto` file under
//! `proto/lekalo/v1` is found by itself.

use std::{env, error::Error, fs, path::PathBuf};

const PROTO_ROOT: &str = "proto";
const PROTO_PACKAGE: &str = "proto/lekalo/v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    // The migrations are embedded by macros, which cargo does not see.
    println!("cargo:rerun-if-changed=migrations");

    let mut protos =
        fs::read_dir(PROTO_PACKAGE)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    protos.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    protos.sort();

    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(protos)?;

    // Encoded by protox, not by prost, which would drop options it does not know.
    let descriptors = compiler.encode_file_descriptor_set();
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("lekalo.bin"), descriptors)?;

    tonic_prost_build::configure().generate_default_stubs(true).compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
