"""TenantService: the shops."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from google.protobuf.field_mask_pb2 import FieldMask

from .._proto.lekalo.v1.tenant_service_pb2_grpc import TenantServiceStub
from ..v1 import (
    Channel,
    CreateTenantRequest,
    GetTenantRequest,
    ListTenantsRequest,
    ListTenantsResponse,
    ResolveTenantRequest,
    Tenant,
    UpdateTenantRequest,
)
from .connection import Connection


class Tenants(Connection):
    """The methods of TenantService."""

    @cached_property
    def _tenants(self) -> TenantServiceStub:
        return TenantServiceStub(self._channel)

    def get_tenant(self, tenant: str, *, timeout: float | None = None) -> Tenant:
        """Returns one tenant."""
        return (self._read(self._tenants.GetTenant, GetTenantRequest(tenant=tenant), timeout)).tenant

    def resolve_tenant(self, channel: Channel.ValueType, external_id: str, *, timeout: float | None = None) -> Tenant:
        """Returns the tenant a bot speaks for, from the bot's own id on its channel."""
        request = ResolveTenantRequest(channel=channel, external_id=external_id)
        return (self._read(self._tenants.ResolveTenant, request, timeout)).tenant

    def list_tenants(
        self, *, page_size: int = 0, page_token: str = "", skip: int = 0, timeout: float | None = None
    ) -> ListTenantsResponse:
        """Lists the tenants, inactive ones too, by slug."""
        request = ListTenantsRequest(page_size=page_size, page_token=page_token, skip=skip)
        return self._read(self._tenants.ListTenants, request, timeout)

    def create_tenant(self, tenant: Tenant, *, request_id: str = "", timeout: float | None = None) -> Tenant:
        """Creates a tenant with its contacts, channels and categories."""
        request = CreateTenantRequest(tenant=tenant, request_id=request_id)
        return (self._write(self._tenants.CreateTenant, request, timeout)).tenant

    def update_tenant(
        self,
        tenant: Tenant,
        update_mask: Iterable[str],
        *,
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Tenant:
        """Changes the fields of a tenant that `update_mask` names. Raises Aborted where the etag is stale."""
        request = UpdateTenantRequest(
            tenant=tenant, update_mask=FieldMask(paths=update_mask), etag=etag, request_id=request_id
        )
        decided = bool(etag or tenant.etag)
        return (self._write(self._tenants.UpdateTenant, request, timeout, decided=decided)).tenant
