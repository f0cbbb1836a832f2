"""AdminService: seed, statistics, spellings, keys and the audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from .._proto.lekalo.v1.admin_service_pb2_grpc import AdminServiceStub
from ..v1 import (
    Alias,
    ApiKey,
    ApplySeedRequest,
    ApplySeedResponse,
    CreateAliasRequest,
    DeleteAliasRequest,
    GetStatsRequest,
    GetStatsResponse,
    IssueApiKeyRequest,
    IssueApiKeyResponse,
    ListAliasesRequest,
    ListAliasesResponse,
    ListApiKeysRequest,
    ListApiKeysResponse,
    ListAuditEventsRequest,
    ListAuditEventsResponse,
    RevokeApiKeyRequest,
    Role,
)
from ..values import to_timestamp
from .connection import Connection


class Admin(Connection):
    """The methods of AdminService."""

    @cached_property
    def _admin(self) -> AdminServiceStub:
        return AdminServiceStub(self._channel)

    def apply_seed(self, *, validate_only: bool = False, timeout: float | None = None) -> ApplySeedResponse:
        """Brings tenants, prices, texts and the vehicle reference to what the program ships; again changes nothing."""
        return self._once(self._admin.ApplySeed, ApplySeedRequest(validate_only=validate_only), timeout)

    def get_stats(self, *, tenant: str = "", timeout: float | None = None) -> GetStatsResponse:
        """Counts what there is and lists what needs attention; without a tenant, of all of them."""
        return self._read(self._admin.GetStats, GetStatsRequest(tenant=tenant), timeout)

    def list_aliases(
        self,
        *,
        brand: str = "",
        model: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListAliasesResponse:
        """Lists the further spellings of makes and models that the resolver knows."""
        request = ListAliasesRequest(brand=brand, model=model, page_size=page_size, page_token=page_token, skip=skip)
        return self._read(self._admin.ListAliases, request, timeout)

    def create_alias(
        self, brand: str, alias: str, *, model: str = "", request_id: str = "", timeout: float | None = None
    ) -> Alias:
        """Teaches the resolver a spelling of a make or, with `model`, of a model."""
        request = CreateAliasRequest(brand=brand, model=model, alias=alias, request_id=request_id)
        return (self._write(self._admin.CreateAlias, request, timeout)).alias

    def delete_alias(self, brand: str, alias: str, *, model: str = "", timeout: float | None = None) -> None:
        """Makes the resolver forget a spelling. Sent once: a repetition would find nothing to forget."""
        request = DeleteAliasRequest(brand=brand, model=model, alias=alias)
        self._once(self._admin.DeleteAlias, request, timeout)

    def issue_api_key(
        self,
        role: Role.ValueType,
        tenants: Iterable[str] = (),
        *,
        expires_at: datetime | None = None,
        label: str = "",
        calls_per_second: int = 0,
        request_id: str = "",
        timeout: float | None = None,
    ) -> IssueApiKeyResponse:
        """Issues an API key, which is in this answer and never again; if that is lost, revoke the key by its prefix."""
        request = IssueApiKeyRequest(
            role=role,
            tenants=tenants,
            expires_at=to_timestamp(expires_at),
            label=label,
            calls_per_second=calls_per_second,
            request_id=request_id,
        )
        return self._write(self._admin.IssueApiKey, request, timeout)

    def list_api_keys(
        self, *, page_size: int = 0, page_token: str = "", skip: int = 0, timeout: float | None = None
    ) -> ListApiKeysResponse:
        """Lists API keys, newest first, expired and revoked ones too."""
        request = ListApiKeysRequest(page_size=page_size, page_token=page_token, skip=skip)
        return self._read(self._admin.ListApiKeys, request, timeout)

    def revoke_api_key(self, prefix: str, *, timeout: float | None = None) -> ApiKey:
        """Revokes an API key by its prefix. Sent once; revoking it again changes nothing."""
        return (self._once(self._admin.RevokeApiKey, RevokeApiKeyRequest(prefix=prefix), timeout)).api_key

    def list_audit_events(
        self,
        *,
        tenant: str = "",
        occurred_after: datetime | None = None,
        occurred_before: datetime | None = None,
        method: str = "",
        key_prefix: str = "",
        resource: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListAuditEventsResponse:
        """Lists who changed what, when and from where, newest first; without a tenant, of all of them."""
        request = ListAuditEventsRequest(
            tenant=tenant,
            occurred_after=to_timestamp(occurred_after),
            occurred_before=to_timestamp(occurred_before),
            method=method,
            key_prefix=key_prefix,
            resource=resource,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
        )
        return self._read(self._admin.ListAuditEvents, request, timeout)
