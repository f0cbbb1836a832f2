//! The table of all RPCs, service by service: each method hands its request to the handler of the same name.
//!
//! The handlers' files are named as their RPC (`find_patterns`) or as what their RPCs are about (`imports`). A new RPC is a
//! handler there and a method here.

mod add_application_note;
mod aliases;
mod api_keys;
mod application_fields;
mod applications;
mod apply_and_revert_import;
mod apply_seed;
mod brands_and_models;
mod categories;
mod create_application;
mod create_tenant;
mod customers;
mod delete_texts;
mod documents;
mod find_patterns;
mod get_application_stats;
mod get_model;
mod get_stats;
mod import_rows;
mod imports;
mod list_audit_events;
mod list_options;
mod list_prices;
mod pattern_fields;
mod patterns;
mod phones;
mod price_fields;
mod quote_price;
mod resolve_vehicle;
mod set_prices;
mod shop_categories;
mod shop_options;
mod tenant_fields;
mod tenants;
mod texts;
mod transition_application;
mod update_application;
mod update_tenant;
mod upload_import;
mod upsert_texts;
mod watch_applications;
mod watch_import;
mod withdrawn_patterns;

use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::Services;
use crate::proto::lekalo::v1 as pb;
use crate::proto::lekalo::v1::{
    admin_service_server::AdminService, application_service_server::ApplicationService,
    catalog_service_server::CatalogService, category_service_server::CategoryService,
    document_service_server::DocumentService, import_service_server::ImportService,
    pattern_service_server::PatternService, pricing_service_server::PricingService,
    tenant_service_server::TenantService, text_service_server::TextService,
};

/// What the generated traits return.
type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TenantService for Services {
    async fn get_tenant(&self, request: Request<pb::GetTenantRequest>) -> Answer<pb::GetTenantResponse> {
        Ok(Response::new(tenants::get_tenant(self, request.into_inner()).await?))
    }

    async fn resolve_tenant(&self, request: Request<pb::ResolveTenantRequest>) -> Answer<pb::ResolveTenantResponse> {
        Ok(Response::new(tenants::resolve_tenant(self, request.into_inner()).await?))
    }

    async fn list_tenants(&self, request: Request<pb::ListTenantsRequest>) -> Answer<pb::ListTenantsResponse> {
        Ok(Response::new(tenants::list_tenants(self, request.into_inner()).await?))
    }

    async fn create_tenant(&self, request: Request<pb::CreateTenantRequest>) -> Answer<pb::CreateTenantResponse> {
        Ok(Response::new(create_tenant::create_tenant(self, request.into_inner()).await?))
    }

    async fn update_tenant(&self, request: Request<pb::UpdateTenantRequest>) -> Answer<pb::UpdateTenantResponse> {
        Ok(Response::new(update_tenant::update_tenant(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl CatalogService for Services {
    async fn list_categories(&self, request: Request<pb::ListCategoriesRequest>) -> Answer<pb::ListCategoriesResponse> {
        Ok(Response::new(categories::list_categories(self, request.into_inner()).await?))
    }

    async fn list_brands(&self, request: Request<pb::ListBrandsRequest>) -> Answer<pb::ListBrandsResponse> {
        Ok(Response::new(brands_and_models::list_brands(self, request.into_inner()).await?))
    }

    async fn list_models(&self, request: Request<pb::ListModelsRequest>) -> Answer<pb::ListModelsResponse> {
        Ok(Response::new(brands_and_models::list_models(self, request.into_inner()).await?))
    }

    async fn get_model(&self, request: Request<pb::GetModelRequest>) -> Answer<pb::GetModelResponse> {
        Ok(Response::new(get_model::get_model(self, request.into_inner()).await?))
    }

    async fn find_patterns(&self, request: Request<pb::FindPatternsRequest>) -> Answer<pb::FindPatternsResponse> {
        Ok(Response::new(find_patterns::find_patterns(self, request.into_inner()).await?))
    }

    async fn resolve_vehicle(&self, request: Request<pb::ResolveVehicleRequest>) -> Answer<pb::ResolveVehicleResponse> {
        Ok(Response::new(resolve_vehicle::resolve_vehicle(self, request.into_inner()).await?))
    }

    async fn list_options(&self, request: Request<pb::ListOptionsRequest>) -> Answer<pb::ListOptionsResponse> {
        Ok(Response::new(list_options::list_options(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl CategoryService for Services {
    async fn list_shop_categories(
        &self,
        request: Request<pb::ListShopCategoriesRequest>,
    ) -> Answer<pb::ListShopCategoriesResponse> {
        Ok(Response::new(shop_categories::list_shop_categories(self, request.into_inner()).await?))
    }

    async fn create_category(&self, request: Request<pb::CreateCategoryRequest>) -> Answer<pb::CreateCategoryResponse> {
        Ok(Response::new(shop_categories::create_category(self, request.into_inner()).await?))
    }

    async fn update_category(&self, request: Request<pb::UpdateCategoryRequest>) -> Answer<pb::UpdateCategoryResponse> {
        Ok(Response::new(shop_categories::update_category(self, request.into_inner()).await?))
    }

    async fn delete_category(&self, request: Request<pb::DeleteCategoryRequest>) -> Answer<pb::DeleteCategoryResponse> {
        Ok(Response::new(shop_categories::delete_category(self, request.into_inner()).await?))
    }

    async fn list_shop_options(
        &self,
        request: Request<pb::ListShopOptionsRequest>,
    ) -> Answer<pb::ListShopOptionsResponse> {
        Ok(Response::new(shop_options::list_shop_options(self, request.into_inner()).await?))
    }

    async fn create_option(&self, request: Request<pb::CreateOptionRequest>) -> Answer<pb::CreateOptionResponse> {
        Ok(Response::new(shop_options::create_option(self, request.into_inner()).await?))
    }

    async fn update_option(&self, request: Request<pb::UpdateOptionRequest>) -> Answer<pb::UpdateOptionResponse> {
        Ok(Response::new(shop_options::update_option(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl PatternService for Services {
    async fn create_pattern(&self, request: Request<pb::CreatePatternRequest>) -> Answer<pb::CreatePatternResponse> {
        Ok(Response::new(patterns::create_pattern(self, request.into_inner()).await?))
    }

    async fn get_pattern(&self, request: Request<pb::GetPatternRequest>) -> Answer<pb::GetPatternResponse> {
        Ok(Response::new(patterns::get_pattern(self, request.into_inner()).await?))
    }

    async fn list_patterns(&self, request: Request<pb::ListPatternsRequest>) -> Answer<pb::ListPatternsResponse> {
        Ok(Response::new(patterns::list_patterns(self, request.into_inner()).await?))
    }

    async fn update_pattern(&self, request: Request<pb::UpdatePatternRequest>) -> Answer<pb::UpdatePatternResponse> {
        Ok(Response::new(patterns::update_pattern(self, request.into_inner()).await?))
    }

    async fn batch_update_patterns(
        &self,
        request: Request<pb::BatchUpdatePatternsRequest>,
    ) -> Answer<pb::BatchUpdatePatternsResponse> {
        Ok(Response::new(patterns::batch_update_patterns(self, request.into_inner()).await?))
    }

    async fn delete_pattern(&self, request: Request<pb::DeletePatternRequest>) -> Answer<pb::DeletePatternResponse> {
        Ok(Response::new(patterns::delete_pattern(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl PricingService for Services {
    async fn quote_price(&self, request: Request<pb::QuotePriceRequest>) -> Answer<pb::QuotePriceResponse> {
        Ok(Response::new(quote_price::quote_price(self, request.into_inner()).await?))
    }

    async fn list_prices(&self, request: Request<pb::ListPricesRequest>) -> Answer<pb::ListPricesResponse> {
        Ok(Response::new(list_prices::list_prices(self, request.into_inner()).await?))
    }

    async fn set_prices(&self, request: Request<pb::SetPricesRequest>) -> Answer<pb::SetPricesResponse> {
        Ok(Response::new(set_prices::set_prices(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl TextService for Services {
    async fn batch_get_texts(&self, request: Request<pb::BatchGetTextsRequest>) -> Answer<pb::BatchGetTextsResponse> {
        Ok(Response::new(texts::batch_get_texts(self, request.into_inner()).await?))
    }

    async fn list_texts(&self, request: Request<pb::ListTextsRequest>) -> Answer<pb::ListTextsResponse> {
        Ok(Response::new(texts::list_texts(self, request.into_inner()).await?))
    }

    async fn upsert_texts(&self, request: Request<pb::UpsertTextsRequest>) -> Answer<pb::UpsertTextsResponse> {
        Ok(Response::new(upsert_texts::upsert_texts(self, request.into_inner()).await?))
    }

    async fn delete_texts(&self, request: Request<pb::DeleteTextsRequest>) -> Answer<pb::DeleteTextsResponse> {
        Ok(Response::new(delete_texts::delete_texts(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl DocumentService for Services {
    async fn put_document(&self, request: Request<pb::PutDocumentRequest>) -> Answer<pb::PutDocumentResponse> {
        Ok(Response::new(documents::put_document(self, request.into_inner()).await?))
    }

    async fn get_document(&self, request: Request<pb::GetDocumentRequest>) -> Answer<pb::GetDocumentResponse> {
        Ok(Response::new(documents::get_document(self, request.into_inner()).await?))
    }

    async fn list_documents(&self, request: Request<pb::ListDocumentsRequest>) -> Answer<pb::ListDocumentsResponse> {
        Ok(Response::new(documents::list_documents(self, request.into_inner()).await?))
    }

    async fn list_document_versions(
        &self,
        request: Request<pb::ListDocumentVersionsRequest>,
    ) -> Answer<pb::ListDocumentVersionsResponse> {
        Ok(Response::new(documents::list_document_versions(self, request.into_inner()).await?))
    }

    async fn delete_document(&self, request: Request<pb::DeleteDocumentRequest>) -> Answer<pb::DeleteDocumentResponse> {
        Ok(Response::new(documents::delete_document(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl ApplicationService for Services {
    async fn create_application(
        &self,
        request: Request<pb::CreateApplicationRequest>,
    ) -> Answer<pb::CreateApplicationResponse> {
        Ok(Response::new(create_application::create_application(self, request.into_inner()).await?))
    }

    async fn get_application(&self, request: Request<pb::GetApplicationRequest>) -> Answer<pb::GetApplicationResponse> {
        Ok(Response::new(applications::get_application(self, request.into_inner()).await?))
    }

    async fn list_applications(
        &self,
        request: Request<pb::ListApplicationsRequest>,
    ) -> Answer<pb::ListApplicationsResponse> {
        Ok(Response::new(applications::list_applications(self, request.into_inner()).await?))
    }

    async fn transition_application(
        &self,
        request: Request<pb::TransitionApplicationRequest>,
    ) -> Answer<pb::TransitionApplicationResponse> {
        Ok(Response::new(transition_application::transition_application(self, request.into_inner()).await?))
    }

    async fn update_application(
        &self,
        request: Request<pb::UpdateApplicationRequest>,
    ) -> Answer<pb::UpdateApplicationResponse> {
        Ok(Response::new(update_application::update_application(self, request.into_inner()).await?))
    }

    async fn add_application_note(
        &self,
        request: Request<pb::AddApplicationNoteRequest>,
    ) -> Answer<pb::AddApplicationNoteResponse> {
        Ok(Response::new(add_application_note::add_application_note(self, request.into_inner()).await?))
    }

    async fn get_application_stats(
        &self,
        request: Request<pb::GetApplicationStatsRequest>,
    ) -> Answer<pb::GetApplicationStatsResponse> {
        Ok(Response::new(get_application_stats::get_application_stats(self, request.into_inner()).await?))
    }

    async fn get_customer(&self, request: Request<pb::GetCustomerRequest>) -> Answer<pb::GetCustomerResponse> {
        Ok(Response::new(customers::get_customer(self, request.into_inner()).await?))
    }

    async fn list_customers(&self, request: Request<pb::ListCustomersRequest>) -> Answer<pb::ListCustomersResponse> {
        Ok(Response::new(customers::list_customers(self, request.into_inner()).await?))
    }

    async fn update_customer(&self, request: Request<pb::UpdateCustomerRequest>) -> Answer<pb::UpdateCustomerResponse> {
        Ok(Response::new(customers::update_customer(self, request.into_inner()).await?))
    }

    async fn delete_customer(&self, request: Request<pb::DeleteCustomerRequest>) -> Answer<pb::DeleteCustomerResponse> {
        Ok(Response::new(customers::delete_customer(self, request.into_inner()).await?))
    }

    async fn watch_applications(
        &self,
        request: Request<pb::WatchApplicationsRequest>,
    ) -> Answer<BoxStream<pb::WatchApplicationsResponse>> {
        Ok(Response::new(watch_applications::watch_applications(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl ImportService for Services {
    async fn upload_import(
        &self,
        request: Request<Streaming<pb::UploadImportRequest>>,
    ) -> Answer<pb::UploadImportResponse> {
        Ok(Response::new(upload_import::upload_import(self, request.into_inner()).await?))
    }

    async fn get_import(&self, request: Request<pb::GetImportRequest>) -> Answer<pb::GetImportResponse> {
        Ok(Response::new(imports::get_import(self, request.into_inner()).await?))
    }

    async fn list_imports(&self, request: Request<pb::ListImportsRequest>) -> Answer<pb::ListImportsResponse> {
        Ok(Response::new(imports::list_imports(self, request.into_inner()).await?))
    }

    async fn watch_import(
        &self,
        request: Request<pb::WatchImportRequest>,
    ) -> Answer<BoxStream<pb::WatchImportResponse>> {
        Ok(Response::new(watch_import::watch_import(self, request.into_inner()).await?))
    }

    async fn list_import_rows(
        &self,
        request: Request<pb::ListImportRowsRequest>,
    ) -> Answer<pb::ListImportRowsResponse> {
        Ok(Response::new(import_rows::list_import_rows(self, request.into_inner()).await?))
    }

    async fn list_withdrawn_patterns(
        &self,
        request: Request<pb::ListWithdrawnPatternsRequest>,
    ) -> Answer<pb::ListWithdrawnPatternsResponse> {
        Ok(Response::new(withdrawn_patterns::list_withdrawn_patterns(self, request.into_inner()).await?))
    }

    async fn list_pattern_rows(
        &self,
        request: Request<pb::ListPatternRowsRequest>,
    ) -> Answer<pb::ListPatternRowsResponse> {
        Ok(Response::new(import_rows::list_pattern_rows(self, request.into_inner()).await?))
    }

    async fn apply_import(&self, request: Request<pb::ApplyImportRequest>) -> Answer<pb::ApplyImportResponse> {
        Ok(Response::new(apply_and_revert_import::apply_import(self, request.into_inner()).await?))
    }

    async fn revert_import(&self, request: Request<pb::RevertImportRequest>) -> Answer<pb::RevertImportResponse> {
        Ok(Response::new(apply_and_revert_import::revert_import(self, request.into_inner()).await?))
    }

    async fn cancel_import(&self, request: Request<pb::CancelImportRequest>) -> Answer<pb::CancelImportResponse> {
        Ok(Response::new(imports::cancel_import(self, request.into_inner()).await?))
    }

    async fn delete_import(&self, request: Request<pb::DeleteImportRequest>) -> Answer<pb::DeleteImportResponse> {
        Ok(Response::new(imports::delete_import(self, request.into_inner()).await?))
    }
}

#[tonic::async_trait]
impl AdminService for Services {
    async fn apply_seed(&self, request: Request<pb::ApplySeedRequest>) -> Answer<pb::ApplySeedResponse> {
        Ok(Response::new(apply_seed::apply_seed(self, request.into_inner()).await?))
    }

    async fn get_stats(&self, request: Request<pb::GetStatsRequest>) -> Answer<pb::GetStatsResponse> {
        Ok(Response::new(get_stats::get_stats(self, request.into_inner()).await?))
    }

    async fn list_aliases(&self, request: Request<pb::ListAliasesRequest>) -> Answer<pb::ListAliasesResponse> {
        Ok(Response::new(aliases::list_aliases(self, request.into_inner()).await?))
    }

    async fn create_alias(&self, request: Request<pb::CreateAliasRequest>) -> Answer<pb::CreateAliasResponse> {
        Ok(Response::new(aliases::create_alias(self, request.into_inner()).await?))
    }

    async fn delete_alias(&self, request: Request<pb::DeleteAliasRequest>) -> Answer<pb::DeleteAliasResponse> {
        Ok(Response::new(aliases::delete_alias(self, request.into_inner()).await?))
    }

    async fn issue_api_key(&self, request: Request<pb::IssueApiKeyRequest>) -> Answer<pb::IssueApiKeyResponse> {
        Ok(Response::new(api_keys::issue_api_key(self, request.into_inner()).await?))
    }

    async fn list_api_keys(&self, request: Request<pb::ListApiKeysRequest>) -> Answer<pb::ListApiKeysResponse> {
        Ok(Response::new(api_keys::list_api_keys(self, request.into_inner()).await?))
    }

    async fn revoke_api_key(&self, request: Request<pb::RevokeApiKeyRequest>) -> Answer<pb::RevokeApiKeyResponse> {
        Ok(Response::new(api_keys::revoke_api_key(self, request.into_inner()).await?))
    }

    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Answer<pb::ListAuditEventsResponse> {
        Ok(Response::new(list_audit_events::list_audit_events(self, request.into_inner()).await?))
    }
}
