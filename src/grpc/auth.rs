//! Who may call what: the key that a call shows is checked on its headers, before any of its body is read.
//!
//! [`RULES`] has every method. A handler needs nothing of this but [`Services::find_tenant`](super::Services::find_tenant), to
//! which a tenant that the key is not for does not exist, and [`caller`](super::call::caller) where it does more than one
//! tenant's work.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::pending;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::call;
use super::status::from_transport;
use crate::api_keys::ApiKeys;
use crate::domain::api_key::{Caller, Role};
use crate::domain::error::{Error, Result};

/// What a key must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concerns {
    /// The tenant that the request names, or those of the key.
    Tenant,
    /// What all tenants share.
    EveryTenant,
}

use Concerns::{EveryTenant, Tenant};
use Role::{Admin, Chatbot, Manager};

/// The least role that may call each method, and whether it concerns every tenant.
pub const RULES: &[(&str, Role, Concerns)] = &[
    ("TenantService/GetTenant", Chatbot, Tenant),
    ("TenantService/ResolveTenant", Chatbot, Tenant),
    ("TenantService/ListTenants", Admin, Tenant),
    ("TenantService/CreateTenant", Admin, EveryTenant),
    ("TenantService/UpdateTenant", Admin, Tenant),
    ("CatalogService/ListCategories", Chatbot, Tenant),
    ("CatalogService/ListBrands", Chatbot, Tenant),
    ("CatalogService/ListModels", Chatbot, Tenant),
    ("CatalogService/FindPatterns", Chatbot, Tenant),
    ("CatalogService/ResolveVehicle", Chatbot, Tenant),
    ("CatalogService/ListOptions", Chatbot, Tenant),
    ("PricingService/QuotePrice", Chatbot, Tenant),
    ("PricingService/ListPrices", Manager, Tenant),
    ("PricingService/SetPrices", Manager, Tenant),
    ("TextService/BatchGetTexts", Chatbot, Tenant),
    ("TextService/ListTexts", Chatbot, Tenant),
    ("TextService/UpsertTexts", Manager, Tenant),
    ("ApplicationService/CreateApplication", Chatbot, Tenant),
    ("ApplicationService/GetApplication", Chatbot, Tenant),
    ("ApplicationService/ListApplications", Manager, Tenant),
    ("ApplicationService/TransitionApplication", Manager, Tenant),
    ("ApplicationService/WatchApplications", Manager, Tenant),
    ("ImportService/UploadImport", Manager, Tenant),
    ("ImportService/GetImport", Manager, Tenant),
    ("ImportService/ListImports", Manager, Tenant),
    ("ImportService/WatchImport", Manager, Tenant),
    ("ImportService/ListImportRows", Manager, Tenant),
    ("ImportService/ListWithdrawnPatterns", Manager, Tenant),
    ("ImportService/ListPatternRows", Manager, Tenant),
    ("ImportService/ApplyImport", Manager, Tenant),
    ("ImportService/RevertImport", Manager, Tenant),
    ("ImportService/CancelImport", Manager, Tenant),
    ("AdminService/ApplySeed", Admin, EveryTenant),
    ("AdminService/GetStats", Manager, Tenant), // without a tenant, the handler asks for ADMIN of all of them
    ("AdminService/ListAliases", Admin, Tenant),
    ("AdminService/CreateAlias", Admin, EveryTenant),
    ("AdminService/DeleteAlias", Admin, EveryTenant),
    ("AdminService/IssueApiKey", Admin, Tenant),
    ("AdminService/ListApiKeys", Admin, Tenant),
    ("AdminService/RevokeApiKey", Admin, Tenant),
];

/// What asks for no key: health and reflection, and nothing else.
const OPEN: [&str; 3] =
    ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"];
/// How long reading the keys for the first time may take.
const READ: Duration = Duration::from_secs(1);

/// The paths of the contract.
const CONTRACT: &str = "/lekalo.v1.";

/// Who is let in.
#[derive(Clone)]
pub enum Access {
    /// Whoever reaches the port may do everything.
    Anybody,
    /// Who shows a key.
    Keys(Arc<ApiKeys>),
}

impl Access {
    async fn check(&self, headers: &HeaderMap, method: &str) -> Result<Arc<Caller>, Status> {
        let caller = match self {
            Self::Anybody => {
                let anybody = Arc::new(Caller::anybody());
                call::is_by(anybody.clone());
                return Ok(anybody);
            }
            Self::Keys(keys) => {
                let held = keys.find(presented(headers)?).await?;
                // Known from here on, whatever becomes of the call.
                call::is_by(held.caller().clone());
                held.admit()?;
                held.caller().clone()
            }
        };
        // What has no rule is not served.
        let rule = RULES.iter().find(|(name, ..)| *name == method);
        let (_, role, concerns) = rule.ok_or_else(|| from_transport(Code::Unimplemented))?;
        caller.must_be(*role)?;
        if *concerns == EveryTenant {
            caller.must_be_for_every_tenant()?;
        }
        Ok(caller)
    }

    /// Whether it is known whom to let in; a moment after the start it is not yet.
    pub async fn is_known(&self) -> bool {
        match self {
            Self::Anybody => true,
            Self::Keys(keys) => timeout(READ, keys.loaded()).await.is_ok(),
        }
    }

    /// Waits until the key that the call at hand has shown works no more, and returns why.
    pub async fn ended(&self, caller: &Caller) -> Error {
        match self {
            Self::Anybody => pending().await,
            Self::Keys(keys) => keys.ended(&caller.prefix).await,
        }
    }
}

/// The key in the headers.
fn presented(headers: &HeaderMap) -> Result<&str> {
    let missing = || Error::Unauthenticated {
        reason: "API_KEY_MISSING",
        message: "this call has no API key; send one as `authorization: Bearer lk_…`".into(),
    };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
    let (scheme, key) = value.and_then(|value| value.trim().split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(missing()) }
}

impl<S> Layer<S> for Access {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, access: self.clone() }
    }
}

/// A service behind [`Access`].
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    access: Access,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return Box::pin(self.inner.call(request));
        }
        let method = path.strip_prefix(CONTRACT).unwrap_or_default().to_owned();
        // The one that is ready is used, its clone is made ready for the next call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let access = self.access.clone();
        Box::pin(async move {
            let caller = match access.check(request.headers(), &method).await {
                Ok(caller) => caller,
                Err(status) => return Ok(status.into_http()),
            };
            let is_upload = method == "ImportService/UploadImport";
            let answer = inner.call(request);
            if !is_upload {
                return answer.await;
            }
            tokio::select! {
                answer = answer => answer,
                error = access.ended(&caller) => Ok(Status::from(error).into_http()),
            }
        })
    }
}
