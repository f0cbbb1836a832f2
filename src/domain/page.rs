//! Paging: sizes, and tokens that carry on after a key.
//!
//! A token holds the sort key of the last item of the page before (so that inserts in between neither repeat nor
//! skip items) and a fingerprint of the request it belongs to, under a seal: nobody but the service makes one. It is opaque,
//! not secret: its values are only ever bound as parameters.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Violation;

/// Items per page when the request does not say.
pub const DEFAULT_PAGE_SIZE: i32 = 50;
/// Larger requests are cut to this.
pub const MAX_PAGE_SIZE: i32 = 500;

/// The furthest a request may jump.
pub const MAX_SKIP: i32 = 100_000;

/// The longest token; ours are far shorter.
const MAX_TOKEN: usize = 1024;

const OUT_OF_RANGE: &str = "FIELD_OUT_OF_RANGE";
const TOKEN_INVALID: &str = "PAGE_TOKEN_INVALID";

/// How long a token's seal is, the first of its bytes.
const SEAL: usize = 32;

/// What tokens are sealed with: the same on every server of a database, and nobody else's.
#[derive(Debug, Clone)]
pub struct PageKey(hmac::Key);

/// Which page of a list to read.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// How many items at most, 1 to [`MAX_PAGE_SIZE`].
    pub size: i64,
    /// How many items to pass over after `after`.
    pub skip: i64,
    /// The sort key of the last item already seen.
    pub after: Option<SortKey>,
    /// The request it is of, and what its tokens are sealed with; none: it is nobody's but our own.
    of: Option<(String, PageKey)>,
}

/// Where an item stands in its list: one number (a count, a time) and one text, either of which may be unused. What comes later
/// is greater.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SortKey {
    #[serde(rename = "n")]
    pub number: i64,
    #[serde(rename = "t")]
    pub text: String,
    #[serde(rename = "i")]
    pub id: String,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The key of the last item if more items follow.
    pub next: Option<SortKey>,
    /// Items in the whole list.
    pub total: i64,
    /// Where an item stands, for who has to end the page before its last item; none: these are small.
    pub key: Option<fn(&T) -> SortKey>,
}

#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(rename = "f")]
    fingerprint: String,
    #[serde(rename = "k")]
    key: SortKey,
}

impl PageKey {
    /// Of a secret of any length.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn sealed(&self, token: &[u8]) -> Vec<u8> {
        [hmac::sign(&self.0, token).as_ref(), token].concat()
    }

    fn opened<'a>(&self, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (seal, token) = sealed.split_at_checked(SEAL)?;
        hmac::verify(&self.0, token, seal).is_ok().then_some(token)
    }
}

impl PageRequest {
    /// The page of so many items after this one, for our own use: it has no tokens.
    pub fn after(size: usize, after: Option<SortKey>) -> Self {
        let size = size.clamp(1, MAX_PAGE_SIZE as usize) as i64;
        Self { size, skip: 0, after, of: None }
    }

    /// The paging fields of a request; `bound_to` are its other fields, in a fixed order. A page to go on with, and what is wrong.
    pub fn check(
        key: &PageKey,
        page_size: i32,
        page_token: &str,
        skip: i32,
        bound_to: &[&str],
    ) -> (Self, Vec<Violation>) {
        let mut violations = Vec::new();
        let mut refuse = |field: &str, reason, description: &str| {
            violations.push(Violation::new(field, reason, description));
        };
        if page_size < 0 {
            refuse("page_size", OUT_OF_RANGE, "must not be negative; 0 means 50, at most 500 are returned");
        }
        if !(0..=MAX_SKIP).contains(&skip) {
            refuse("skip", OUT_OF_RANGE, "must be 0 to 100000");
        }
        let fingerprint = fingerprint(bound_to);
        let after = match read_token(key, page_token) {
            None if page_token.is_empty() => None,
            Some(token) if token.fingerprint == fingerprint => Some(token.key),
            Some(_) => {
                refuse(
                    "page_token",
                    TOKEN_INVALID,
                    "was issued for a request with other fields; repeat that request's fields or start without a token",
                );
                None
            }
            None => {
                refuse(
                    "page_token",
                    TOKEN_INVALID,
                    "is not a token this service issued; pass next_page_token unchanged or leave it empty",
                );
                None
            }
        };
        let size = if page_size <= 0 { DEFAULT_PAGE_SIZE } else { page_size.min(MAX_PAGE_SIZE) };
        (Self { size: size.into(), skip: skip.into(), after, of: Some((fingerprint, key.clone())) }, violations)
    }

    /// Makes a page of rows that were read with a limit of [`PageRequest::limit`].
    pub fn page<T>(&self, items: Vec<T>, total: i64, key: fn(&T) -> SortKey) -> Page<T> {
        Page { key: Some(key), ..self.page_of_small(items, total, key) }
    }

    /// The same of items of which the most that a page may have are small together.
    pub fn page_of_small<T>(&self, mut items: Vec<T>, total: i64, key: impl Fn(&T) -> SortKey) -> Page<T> {
        let more = items.len() as i64 > self.size;
        items.truncate(self.size as usize);
        let next = if more { items.last().map(key) } else { None };
        Page { items, next, total, key: None }
    }

    /// How many rows to read: one more than the page, to know whether another follows.
    pub const fn limit(&self) -> i64 {
        self.size + 1
    }

    /// The token for the page after `next`; empty on the last page.
    pub fn next_token(&self, next: Option<SortKey>) -> String {
        let (Some(key), Some((fingerprint, page_key))) = (next, &self.of) else { return String::new() };
        let token = Token { fingerprint: fingerprint.clone(), key };
        serde_json::to_vec(&token).map(|json| URL_SAFE_NO_PAD.encode(page_key.sealed(&json))).unwrap_or_default()
    }
}

fn read_token(key: &PageKey, token: &str) -> Option<Token> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    serde_json::from_slice(key.opened(&URL_SAFE_NO_PAD.decode(token).ok()?)?).ok()
}

fn fingerprint(fields: &[&str]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..9])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> SortKey {
        SortKey { number: 7, text: "камри".into(), id: id.into() }
    }

    fn page(key: &PageKey, size: i32, token: &str, bound_to: &[&str]) -> Result<PageRequest, Vec<Violation>> {
        let (page, violations) = PageRequest::check(key, size, token, 0, bound_to);
        if violations.is_empty() { Ok(page) } else { Err(violations) }
    }

    #[test]
    fn sizes_default_and_are_cut() {
        let ours = PageKey::new(b"ours");
        for (asked, given) in [(0, 50), (8, 8), (10_000, 500)] {
            assert_eq!(page(&ours, asked, "", &[]).unwrap().size, given);
        }
        assert_eq!(PageRequest::after(10_000, None).size, 500);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let (_, violations) = PageRequest::check(&PageKey::new(b""), -1, "garbage", -5, &["a"]);
        let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["page_size", "skip", "page_token"]);
    }

    #[test]
    fn a_token_comes_back_only_to_its_own_request() {
        let ours = PageKey::new(b"ours");
        let request = page(&ours, 8, "", &["evopoliki", "eva_mats"]).unwrap();
        let token = request.next_token(Some(key("x")));
        let again = page(&ours, 20, &token, &["evopoliki", "eva_mats"]).unwrap();
        assert_eq!(again.after, Some(key("x")));
        for other in [&["evopoliki", "5d_mats"][..], &["evopolikieva_mats"], &["evopoliki"]] {
            let refused = page(&ours, 8, &token, other).unwrap_err();
            assert!(refused[0].description.contains("with other fields"), "{refused:?}");
        }
    }

    #[test]
    fn nobody_else_makes_a_token_or_changes_one() {
        let ours = PageKey::new(b"ours");
        let token = page(&ours, 8, "", &["a"]).unwrap().next_token(Some(key("x")));
        let foreign = page(&PageKey::new(b"theirs"), 8, "", &["a"]).unwrap().next_token(Some(key("x")));
        let sealed = URL_SAFE_NO_PAD.decode(&token).unwrap();
        let changed = (0..sealed.len()).map(|at| {
            let mut bytes = sealed.clone();
            bytes[at] ^= 1;
            URL_SAFE_NO_PAD.encode(bytes)
        });
        let bare = URL_SAFE_NO_PAD.encode(&sealed[SEAL..]);
        let cut = (0..token.len()).map(|length| token[..length].to_owned()).filter(|token| !token.is_empty());
        for wrong in changed.chain(cut).chain([bare, foreign]) {
            let refused = page(&ours, 8, &wrong, &["a"]).unwrap_err();
            assert!(refused[0].description.contains("is not a token this service issued"), "{wrong}: {refused:?}");
        }
        assert!(page(&ours, 8, &token, &["a"]).is_ok());
    }

    #[test]
    fn the_last_page_has_no_token() {
        let request = page(&PageKey::new(b"ours"), 2, "", &[]).unwrap();
        let two = request.page(vec!["a", "b"], 2, |id| key(id));
        assert_eq!((two.items.len(), two.next), (2, None));
        let three = request.page(vec!["a", "b", "c"], 3, |id| key(id));
        assert_eq!((three.items.len(), three.next), (2, Some(key("b"))));
        assert_eq!(request.next_token(None), "");
    }
}
