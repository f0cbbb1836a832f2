//! Who may call what: the API key or JWT that a call shows is checked on its headers, before any of its body is read.
//!
//! [`RULES`] has every method. A handler needs nothing of this but [`Services::find_tenant`](super::Services::find_tenant), to
//! which a tenant that neither is for does not exist, and [`caller`](super::call::caller) where it does more than one
//! tenant's work.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::pending;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::call;
use super::status::method_unknown;
use crate::api_keys::ApiKeys;
use crate::db::audit;
use crate::domain::api_key::{Caller, Identity, MARK, Role};
use crate::domain::error::{Error, Result};
use crate::jwt::IdentityProvider;

/// What a key or JWT must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concerns {
    /// The tenant that the request names, or those of the caller.
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
    ("CatalogService/GetModel", Chatbot, Tenant),
    ("CatalogService/FindPatterns", Chatbot, Tenant),
    ("CatalogService/ResolveVehicle", Chatbot, Tenant),
    ("CatalogService/ListOptions", Chatbot, Tenant),
    ("CategoryService/ListShopCategories", Manager, Tenant),
    ("CategoryService/CreateCategory", Manager, Tenant),
    ("CategoryService/UpdateCategory", Manager, Tenant),
    ("CategoryService/DeleteCategory", Manager, Tenant),
    ("CategoryService/ListShopOptions", Manager, Tenant),
    ("CategoryService/CreateOption", Manager, Tenant),
    ("CategoryService/UpdateOption", Manager, Tenant),
    ("PatternService/CreatePattern", Manager, Tenant),
    ("PatternService/GetPattern", Manager, Tenant),
    ("PatternService/ListPatterns", Manager, Tenant),
    ("PatternService/UpdatePattern", Manager, Tenant),
    ("PatternService/BatchUpdatePatterns", Manager, Tenant),
    ("PatternService/DeletePattern", Manager, Tenant),
    ("PricingService/QuotePrice", Chatbot, Tenant),
    ("PricingService/ListPrices", Manager, Tenant),
    ("PricingService/SetPrices", Manager, Tenant),
    ("TextService/BatchGetTexts", Chatbot, Tenant),
    ("TextService/ListTexts", Chatbot, Tenant),
    ("TextService/UpsertTexts", Manager, Tenant),
    ("TextService/DeleteTexts", Manager, Tenant),
    ("DocumentService/PutDocument", Manager, Tenant),
    ("DocumentService/GetDocument", Chatbot, Tenant),
    ("DocumentService/ListDocuments", Chatbot, Tenant),
    ("DocumentService/ListDocumentVersions", Manager, Tenant),
    ("DocumentService/DeleteDocument", Manager, Tenant),
    ("ApplicationService/CreateApplication", Chatbot, Tenant),
    ("ApplicationService/GetApplication", Chatbot, Tenant),
    ("ApplicationService/ListApplications", Manager, Tenant),
    ("ApplicationService/TransitionApplication", Manager, Tenant),
    ("ApplicationService/UpdateApplication", Manager, Tenant),
    ("ApplicationService/AddApplicationNote", Manager, Tenant),
    ("ApplicationService/GetApplicationStats", Manager, Tenant),
    ("ApplicationService/GetCustomer", Manager, Tenant),
    ("ApplicationService/ListCustomers", Manager, Tenant),
    ("ApplicationService/UpdateCustomer", Manager, Tenant),
    ("ApplicationService/DeleteCustomer", Manager, Tenant),
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
    ("ImportService/DeleteImport", Manager, Tenant),
    ("AdminService/ApplySeed", Admin, EveryTenant),
    ("AdminService/GetStats", Manager, Tenant), // without a tenant, the handler asks for ADMIN of all of them
    ("AdminService/ListAliases", Admin, Tenant),
    ("AdminService/CreateAlias", Admin, EveryTenant),
    ("AdminService/DeleteAlias", Admin, EveryTenant),
    ("AdminService/IssueApiKey", Admin, Tenant),
    ("AdminService/ListApiKeys", Admin, Tenant),
    ("AdminService/RevokeApiKey", Admin, Tenant),
    ("AdminService/ListAuditEvents", Admin, Tenant), // without a tenant, the handler asks for a key for all of them
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
    /// Who shows an API key or, where there is a provider, a JWT of its.
    Credentials { keys: Arc<ApiKeys>, provider: Option<Arc<IdentityProvider>> },
}

impl Access {
    /// Who shows an API key.
    pub fn keys_alone(keys: Arc<ApiKeys>) -> Self {
        Self::Credentials { keys, provider: None }
    }

    /// The keys that callers are checked against.
    pub fn keys(&self) -> Option<&Arc<ApiKeys>> {
        match self {
            Self::Anybody => None,
            Self::Credentials { keys, .. } => Some(keys),
        }
    }

    /// Whose JWTs are taken.
    pub fn provider(&self) -> Option<&Arc<IdentityProvider>> {
        match self {
            Self::Anybody => None,
            Self::Credentials { provider, .. } => provider.as_ref(),
        }
    }

    async fn check(&self, headers: &HeaderMap, path: &str) -> Result<Arc<Caller>, Status> {
        let Some(keys) = self.keys() else {
            let anybody = Arc::new(Caller::anybody());
            call::is_by(anybody.clone());
            return Ok(anybody);
        };
        let presented = presented(headers)?;
        // Once it is known who calls, the call's line says so, whatever becomes of it.
        let caller = match self.provider().filter(|_| !presented.starts_with(MARK)) {
            Some(provider) => {
                let caller = Arc::new(provider.verify(presented).await?);
                call::is_by(caller.clone());
                provider.admit(&caller)?;
                caller
            }
            None => {
                let held = keys.find(presented).await?;
                call::is_by(held.caller().clone());
                held.admit()?;
                held.caller().clone()
            }
        };
        // What has no rule is not served.
        let rule = path.strip_prefix(CONTRACT).and_then(|method| RULES.iter().find(|(name, ..)| *name == method));
        let (_, role, concerns) = rule.ok_or_else(|| method_unknown(path))?;
        caller.must_be(*role)?;
        if *concerns == EveryTenant {
            caller.must_be_for_every_tenant()?;
        }
        Ok(caller)
    }

    /// Whether it is known whom to let in; a moment after the start it is not yet.
    pub async fn is_known(&self) -> bool {
        match self.keys() {
            None => true,
            Some(keys) => timeout(READ, keys.loaded()).await.is_ok(),
        }
    }

    /// Waits until the key or JWT that the call at hand has shown counts no more, and returns why.
    pub async fn ended(&self, caller: &Caller) -> Error {
        match (&caller.identity, self.keys(), self.provider()) {
            (Identity::ApiKey { prefix, .. }, Some(keys), _) => keys.ended(prefix).await,
            (Identity::Jwt { .. }, _, Some(provider)) => provider.ended(caller).await,
            _ => pending().await,
        }
    }
}

/// The key in the headers.
fn presented(headers: &HeaderMap) -> Result<&str> {
    let refused = |reason, what: &str| {
        Err(Error::Unauthenticated { reason, message: format!("{what}; send one as `authorization: Bearer lk_…`") })
    };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return refused("API_KEY_MISSING", "this call has no API key") };
    if values.next().is_some() {
        return refused("API_KEY_INVALID", "this call has more than one `authorization`");
    }
    match value.to_str().unwrap_or_default().trim().split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => refused("API_KEY_INVALID", "`authorization` has no Bearer key"),
    }
}

/// What HTTP says to what is no call: a call is a POST with gRPC's content type.
fn no_grpc(request: &Request<Body>) -> Option<StatusCode> {
    let is_grpc = |kind: &HeaderValue| kind.as_bytes().starts_with(b"application/grpc");
    if request.method() != Method::POST {
        Some(StatusCode::METHOD_NOT_ALLOWED)
    } else if !request.headers().get(CONTENT_TYPE).is_some_and(is_grpc) {
        Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    } else {
        None
    }
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
        if let Some(status) = no_grpc(&request) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            return Box::pin(async { Ok(response) });
        }
        let path = request.uri().path();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return Box::pin(self.inner.call(request));
        }
        let path = path.to_owned();
        // The one that is ready is used, its clone is made ready for the next call.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let access = self.access.clone();
        Box::pin(async move {
            let caller = match access.check(request.headers(), &path).await {
                Ok(caller) => caller,
                Err(status) => return Ok(status.into_http()),
            };
            let origin = match call::origin(&caller) {
                Ok(origin) => origin,
                Err(error) => return Ok(Status::from(error).into_http()),
            };
            // Its body may come long after its headers, and the key may have ended by then.
            tokio::select! {
                biased;
                error = access.ended(&caller) => Ok(Status::from(error).into_http()),
                answer = audit::on_behalf_of(origin, inner.call(request)) => answer,
            }
        })
    }
}
