//! Compiles `proto/` into Rust (clients and servers) and into the descriptor set that reflection serves.
//!
//! protox stands in for protoc, so nothing has to be installed. A new `.proto` file under
//! `proto/lekalo/v1` is found by itself.

use std::{env, error::Error, fs, path::PathBuf};

use prost_types::FileDescriptorSet;

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

    let contract = compiler.file_descriptor_set();
    fs::write(out_dir.join("retried.rs"), retried(&contract))?;
    tonic_prost_build::configure()
        .generate_default_stubs(true)
        .codec_path("crate::proto::codec::BoundedCodec")
        .compile_fds(contract)?;
    Ok(())
}

/// `Retried` for the request of every method that takes a `request_id`.
fn retried(contract: &FileDescriptorSet) -> String {
    let mut code = String::new();
    for file in &contract.file {
        let takes_id = |request: &&str| {
            let message = file.message_type.iter().find(|message| message.name() == *request);
            message.is_some_and(|message| message.field.iter().any(|field| field.name() == "request_id"))
        };
        for service in &file.service {
            for method in &service.method {
                let request = method.input_type().rsplit('.').next().filter(takes_id);
                if let Some(request) = request {
                    code += &format!(
                        "impl Retried for lekalo::v1::{request} {{
                             const METHOD: &'static str = \"{}/{}\";
                             fn request_id(&mut self) -> &mut String {{ &mut self.request_id }}
                         }}\n",
                        service.name(),
                        method.name()
                    );
                }
            }
        }
    }
    code
}
