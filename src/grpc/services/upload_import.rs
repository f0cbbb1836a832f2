//! UploadImport: a price list comes in, chunk by chunk, and its import begins.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::{Status, Streaming};

use crate::db::audit;
use crate::domain::Error;
use crate::domain::import::NewImport;
use crate::grpc::call;
use crate::grpc::convert;
use crate::grpc::validation::Validator;
use crate::grpc::{Patience, Services};
use crate::import::upload::{STEP, Upload};
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::upload_import_request::Payload;

/// The largest chunk taken.
const MAX_CHUNK_BYTES: usize = 3 << 20;
const MAX_FILE_NAME: usize = 255;

pub async fn upload_import(
    services: &Services,
    stream: Streaming<pb::UploadImportRequest>,
) -> Result<pb::UploadImportResponse, Status> {
    let Patience { chunk, step, .. } = services.patience;
    let mut messages = Messages { stream, chunk, step, moved: Instant::now(), at: 0 };
    let Some(Payload::Header(header)) = messages.next(None).await? else {
        return Err(out_of_order("the first message must be the header").into());
    };
    let mut check = Validator::default();
    let tenant = check.name("header.tenant", header.tenant);
    let category = check.name("header.category", header.category);
    let file_name = check.required_text("header.file_name", base_name(&header.file_name), MAX_FILE_NAME);
    let mode: pb::ImportMode = check.enumeration("header.mode", header.mode);
    let request_id = check.uuid("header.request_id", &header.request_id);

    // Refuse what can be refused before the file travels.
    let scope = services.scope(check, &tenant).await?;
    let category = scope.sold_category(&category).await?;

    let mut file = services.uploads.begin(scope.tenant.id)?;
    messages.moved = Instant::now();
    let displaced = file.displaced();
    let received = async {
        tokio::select! {
            received = receive_file(&mut messages, &mut file) => received,
            error = displaced => Err(error.into()),
        }
    };
    let received = tokio::time::timeout(services.patience.upload, received);
    received.await.map_err(|_| Error::DeadlineExceeded)??;
    file.arrived();
    let new = NewImport {
        category_id: category.id,
        file_name,
        sha256: file.sha256(),
        mode: convert::mode(mode),
        validate_only: header.validate_only,
        allow_large_withdrawal: header.allow_large_withdrawal,
        request_id,
    };
    let pieces = file.pieces().map_err(Error::internal)?;
    // What is recorded has to begin, whether or not anybody still waits for the answer.
    let (db, imports, tenant) = (services.db.clone(), services.imports.clone(), scope.tenant.id);
    let recorded = tokio::spawn(call::in_task(async move {
        let (import, is_new) = db.tenant(tenant).create_import_of_file(&new, pieces).await?;
        if is_new {
            imports.spawn(tenant, import.clone(), category.id, Some(file), (*audit::origin()).clone());
        }
        Ok::<_, Error>(import)
    }));
    let import = recorded.await.map_err(Error::internal)??;
    Ok(pb::UploadImportResponse { import: Some(convert::import(&scope.tenant.slug, import)) })
}

/// An upload's messages.
struct Messages {
    stream: Streaming<pb::UploadImportRequest>,
    /// How long the client may take between two.
    chunk: Duration,
    /// And for each step.
    step: Duration,
    /// When it came how far last.
    moved: Instant,
    at: u64,
}

/// How often it is looked how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Messages {
    /// The next message's payload, of this file if it has begun; none at the end of the upload.
    async fn next(&mut self, file: Option<&Upload>) -> Result<Option<Payload>, Status> {
        let Self { stream, chunk, step, moved, at } = self;
        let (mut message, began) = (pin!(stream.message()), Instant::now());
        let mut look = || {
            let received = call::received();
            if received - *at >= STEP {
                (*moved, *at) = (Instant::now(), received);
                if let Some(file) = file {
                    file.moved();
                }
            }
            moved.elapsed()
        };
        let late = |description: String| Status::from(Error::invalid("chunk", "FIELD_INVALID", description));
        let message = loop {
            tokio::select! {
                message = &mut message => {
                    look();
                    break message?;
                }
                () = sleep(LOOK_EVERY.min(*chunk / 2)) => {}
            }
            let stands = look();
            if began.elapsed() >= *chunk {
                return Err(late(format!("no message came for {chunk:?}; upload again")));
            }
            if stands >= *step {
                return Err(late(format!("not even {} KiB came in {step:?}; upload again", STEP >> 10)));
            }
        };
        match message {
            None => Ok(None),
            Some(message) => match message.payload {
                Some(payload) => Ok(Some(payload)),
                None => Err(out_of_order("a message must have a header or a chunk").into()),
            },
        }
    }
}

/// Writes the chunks to the file.
async fn receive_file(messages: &mut Messages, file: &mut Upload) -> Result<(), Status> {
    while let Some(payload) = messages.next(Some(&*file)).await? {
        let Payload::Chunk(chunk) = payload else {
            return Err(out_of_order("only the first message may be the header").into());
        };
        if chunk.len() > MAX_CHUNK_BYTES {
            let mut check = Validator::default();
            check.too_long("chunk", MAX_CHUNK_BYTES, "bytes");
            check.done()?;
        }
        file.append(&chunk)?;
    }
    if file.bytes() == 0 {
        return Err(Error::invalid("chunk", "FIELD_REQUIRED", "the file is empty; send its bytes in chunks").into());
    }
    Ok(())
}

fn out_of_order(description: &str) -> Error {
    Error::invalid("payload", "UPLOAD_OUT_OF_ORDER", description)
}

/// A file's name without the path some clients put before it.
fn base_name(name: &str) -> String {
    name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
