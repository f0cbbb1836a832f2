//! ImportService: price lists in, and what became of every row.

use std::time::Duration;

use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::Services;
use super::convert::{self, count};
use super::streams::{Sender, stream};
use super::validation::Validator;
use crate::db::Db;
use crate::domain::Error;
use crate::domain::error::Kind;
use crate::domain::import::{Import, NewImport};
use crate::domain::tenant::Tenant;
use crate::import::upload::Upload;
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::import_service_server::ImportService;
use crate::proto::lekalo::v1::upload_import_request::Payload;

/// The largest chunk taken.
const MAX_CHUNK_BYTES: usize = 3 << 20;
/// How often a watched import is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(250);
const MAX_FILE_NAME: usize = 255;

#[tonic::async_trait]
impl ImportService for Services {
    async fn upload_import(
        &self,
        request: Request<Streaming<pb::UploadImportRequest>>,
    ) -> Result<Response<pb::UploadImportResponse>, Status> {
        let mut messages = Messages { stream: request.into_inner(), patience: self.patience.chunk };
        let Some(Payload::Header(header)) = messages.next().await? else {
            return Err(out_of_order("the first message must be the header").into());
        };
        let mut check = Validator::default();
        let tenant = check.name("header.tenant", header.tenant);
        let category = check.name("header.category", header.category);
        let file_name = check.required_text("header.file_name", base_name(&header.file_name), MAX_FILE_NAME);
        let mode: pb::ImportMode = check.enumeration("header.mode", header.mode);
        let request_id = check.uuid("header.request_id", &header.request_id);
        check.done()?;
        // Refuse what can be refused before the file travels.
        let (tenant, category) = self.sold_category(&tenant, &category).await?;

        let mut file = self.uploads.begin(tenant.id)?;
        let received = tokio::time::timeout(self.patience.upload, receive_file(&mut messages, &mut file));
        received.await.map_err(|_| Error::DeadlineExceeded)??;
        let new = NewImport {
            category_id: category.id,
            file_name,
            sha256: file.sha256(),
            mode: convert::mode(mode),
            validate_only: header.validate_only,
            allow_large_withdrawal: header.allow_large_withdrawal,
            request_id,
        };
        let (import, is_new) = self.db.tenant(tenant.id).create_import(&new).await?;
        if is_new {
            self.imports.spawn(tenant.id, import.clone(), category.id, file);
        }
        Ok(Response::new(pb::UploadImportResponse { import: Some(convert::import(&tenant.slug, import)) }))
    }

    async fn get_import(
        &self,
        request: Request<pb::GetImportRequest>,
    ) -> Result<Response<pb::GetImportResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let id = check.name("id", request.id);
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let import = self.db.tenant(tenant.id).get_import(import_id(&id)?).await?;
        Ok(Response::new(pb::GetImportResponse { import: Some(convert::import(&tenant.slug, import)) }))
    }

    async fn list_imports(
        &self,
        request: Request<pb::ListImportsRequest>,
    ) -> Result<Response<pb::ListImportsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let bound_to = ["list_imports", &request.tenant];
        let page = check.page(request.page_size, &request.page_token, request.skip, &bound_to);
        let tenant = check.name("tenant", request.tenant);
        let page = check.done_with(page)?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let found = self.db.tenant(tenant.id).list_imports(&page).await?;
        Ok(Response::new(pb::ListImportsResponse {
            imports: found.items.into_iter().map(|import| convert::import(&tenant.slug, import)).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn watch_import(
        &self,
        request: Request<pb::WatchImportRequest>,
    ) -> Result<Response<BoxStream<pb::WatchImportResponse>>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let tenant = check.name("tenant", request.tenant);
        let id = check.name("id", request.id);
        check.done()?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let id = import_id(&id)?;
        let first = self.db.tenant(tenant.id).get_import(id).await?;
        let db = self.db.clone();
        Ok(Response::new(stream(&self.stopping, |sender| follow(db, tenant, first, sender))))
    }

    async fn list_import_rows(
        &self,
        request: Request<pb::ListImportRowsRequest>,
    ) -> Result<Response<pb::ListImportRowsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let outcome: pb::RowOutcome = check.enumeration("outcome", request.outcome);
        let bound_to = ["list_import_rows", &request.tenant, &request.id, outcome.as_str_name()];
        let page = check.page(request.page_size, &request.page_token, request.skip, &bound_to);
        let tenant = check.name("tenant", request.tenant);
        let id = check.name("id", request.id);
        let page = check.done_with(page)?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let own = self.db.tenant(tenant.id);
        let found = own.list_import_rows(import_id(&id)?, convert::outcome(outcome), &page).await?;
        Ok(Response::new(pb::ListImportRowsResponse {
            rows: found.items.into_iter().map(Into::into).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn list_withdrawn_patterns(
        &self,
        request: Request<pb::ListWithdrawnPatternsRequest>,
    ) -> Result<Response<pb::ListWithdrawnPatternsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let bound_to = ["list_withdrawn_patterns", &request.tenant, &request.id];
        let page = check.page(request.page_size, &request.page_token, request.skip, &bound_to);
        let tenant = check.name("tenant", request.tenant);
        let id = check.name("id", request.id);
        let page = check.done_with(page)?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let found = self.db.tenant(tenant.id).list_withdrawn_patterns(import_id(&id)?, &page).await?;
        Ok(Response::new(pb::ListWithdrawnPatternsResponse {
            patterns: found.items.into_iter().map(Into::into).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn list_pattern_rows(
        &self,
        request: Request<pb::ListPatternRowsRequest>,
    ) -> Result<Response<pb::ListPatternRowsResponse>, Status> {
        let request = request.into_inner();
        let mut check = Validator::default();
        let bound_to = ["list_pattern_rows", &request.tenant, &request.pattern_id];
        let page = check.page(request.page_size, &request.page_token, request.skip, &bound_to);
        let tenant = check.name("tenant", request.tenant);
        let pattern_id = check.name("pattern_id", request.pattern_id);
        let page = check.done_with(page)?;

        let tenant = self.db.find_tenant(&tenant).await?;
        let id = pattern_id.parse().map_err(|_| Error::not_found(Kind::Pattern, &pattern_id))?;
        let found = self.db.tenant(tenant.id).list_pattern_rows(id, &page).await?;
        Ok(Response::new(pb::ListPatternRowsResponse {
            rows: found.items.into_iter().map(Into::into).collect(),
            next_page_token: page.next_token(found.next),
            total_size: count(found.total),
        }))
    }

    async fn apply_import(
        &self,
        request: Request<pb::ApplyImportRequest>,
    ) -> Result<Response<pb::ApplyImportResponse>, Status> {
        self.apply_import(request.into_inner()).await.map(Response::new)
    }

    async fn revert_import(
        &self,
        request: Request<pb::RevertImportRequest>,
    ) -> Result<Response<pb::RevertImportResponse>, Status> {
        self.revert_import(request.into_inner()).await.map(Response::new)
    }

    async fn cancel_import(
        &self,
        request: Request<pb::CancelImportRequest>,
    ) -> Result<Response<pb::CancelImportResponse>, Status> {
        self.cancel_import(request.into_inner()).await.map(Response::new)
    }
}

/// Sends the import as it is, then at each change, until it ends.
async fn follow(
    db: Db,
    tenant: Tenant,
    mut import: Import,
    sender: Sender<pb::WatchImportResponse>,
) -> Result<(), Status> {
    let own = db.tenant(tenant.id);
    loop {
        let (id, seen, last) = (import.id, (import.revision, import.progress), import.state.is_final());
        sender.send(pb::WatchImportResponse { import: Some(convert::import(&tenant.slug, import)) }).await;
        if last {
            return Ok(());
        }
        import = loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let next = own.get_import(id).await?;
            if (next.revision, next.progress) != seen {
                break next;
            }
        };
    }
}

/// An upload's messages.
struct Messages {
    stream: Streaming<pb::UploadImportRequest>,
    /// How long the client may take between two.
    patience: Duration,
}

impl Messages {
    /// The next message's payload; none at the end of the upload.
    async fn next(&mut self) -> Result<Option<Payload>, Status> {
        let message = tokio::time::timeout(self.patience, self.stream.message()).await.map_err(|_| {
            let description = format!("no message came for {:?}; upload again", self.patience);
            Status::from(Error::invalid("chunk", "FIELD_INVALID", description))
        })??;
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
    while let Some(payload) = messages.next().await? {
        let Payload::Chunk(chunk) = payload else {
            return Err(out_of_order("only the first message may be the header").into());
        };
        if chunk.len() > MAX_CHUNK_BYTES {
            let description = format!("must have at most {MAX_CHUNK_BYTES} bytes");
            return Err(Error::invalid("chunk", "FIELD_TOO_LONG", description).into());
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

/// What is not a UUID is no import of ours.
pub(super) fn import_id(id: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(id).map_err(|_| Error::not_found(Kind::Import, id))
}

/// A file's name without the path some clients put before it.
fn base_name(name: &str) -> String {
    name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
