//! What writes share: the client's `request_id`, and etags.

use prost::Message;
use sha2::{Digest, Sha256};

use crate::db::Transaction;
use crate::db::requests::WriteRequest;
use crate::domain::error::{Error, Result};
use crate::proto::lekalo::v1 as pb;

/// A request that its client may send twice.
pub trait Retried: Message + Clone {
    /// The client's id, as it is spelled.
    fn request_id(&mut self) -> &mut String;
}

macro_rules! retried {
    ($($request:ident),+ $(,)?) => {
        $(impl Retried for pb::$request {
            fn request_id(&mut self) -> &mut String {
                &mut self.request_id
            }
        })+
    };
}

retried!(
    CreateAliasRequest,
    CreateApplicationRequest,
    CreateTenantRequest,
    SetPricesRequest,
    TransitionApplicationRequest,
    UpdateTenantRequest,
    UpsertTextsRequest,
);

/// The write of a `request_id`, for [`Transaction::claim`]; none if the client chose none. The body that it is bound to is
/// the request without it, so that one id spelled in two ways is one.
pub fn write_request(
    method: &'static str,
    request_id: Option<uuid::Uuid>,
    request: &impl Retried,
) -> Option<WriteRequest> {
    let mut body = request.clone();
    body.request_id().clear();
    let body_sha256 = Sha256::digest(body.encode_to_vec()).to_vec();
    Some(WriteRequest { method, request_id: request_id?, body_sha256 })
}

/// The answer this request got before, if it did.
pub async fn replay<T: Message + Default>(tx: &Transaction, request: Option<&WriteRequest>) -> Result<Option<T>> {
    let Some(request) = request else { return Ok(None) };
    let Some(answer) = tx.claim(request).await? else { return Ok(None) };
    T::decode(answer.as_slice()).map(Some).map_err(Error::internal)
}

/// Keeps the answer for the same request again, then commits.
pub async fn commit<T: Message>(tx: Transaction, request: Option<&WriteRequest>, answer: T) -> Result<T> {
    if let Some(request) = request {
        tx.answer(request, &answer.encode_to_vec()).await?;
    }
    tx.commit().await?;
    Ok(answer)
}

/// Refuses a write on a resource that changed since the client read it; an empty etag is no condition.
pub fn check_etag(etag: &str, revision: i64) -> Result<()> {
    if etag.is_empty() || etag == revision.to_string() {
        return Ok(());
    }
    Err(Error::Aborted {
        reason: "ETAG_MISMATCH",
        message: "it has changed since it was read; read it again, then decide again".into(),
    })
}
