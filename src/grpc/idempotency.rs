//! Writes that may come twice: the same `request_id` with the same body gets the first answer and changes nothing.

use prost::Message;
use sha2::{Digest, Sha256};

use super::validation::Validator;
use crate::db::Transaction;
use crate::db::idempotency::IdempotencyKey;
use crate::domain::error::{Error, Result};
use crate::proto::Retried;

/// Takes the `request_id` out of a request; none if the client chose none. The rest is what the id is bound to, so that one id
/// in two spellings is one.
pub fn take_key<R: Retried>(check: &mut Validator, request: &mut R) -> Option<IdempotencyKey> {
    let spelled = std::mem::take(request.request_id());
    let request_id = check.uuid("request_id", &spelled)?;
    let body_sha256 = Sha256::digest(request.encode_to_vec()).to_vec();
    Some(IdempotencyKey { method: R::METHOD, request_id, body_sha256 })
}

/// Answers what was answered to this key before, or writes, keeps the answer, and commits. Without a key it just writes.
pub async fn idempotent<T: Message + Default>(
    mut tx: Transaction,
    key: Option<&IdempotencyKey>,
    write: impl AsyncFnOnce(&mut Transaction) -> Result<T>,
) -> Result<T> {
    if let Some(key) = key
        && let Some(answer) = tx.claim(key).await?
    {
        return T::decode(answer.as_slice()).map_err(Error::internal);
    }
    let answer = write(&mut tx).await?;
    if let Some(key) = key {
        tx.answer(key, &answer.encode_to_vec()).await?;
    }
    tx.commit().await?;
    Ok(answer)
}
