"""ApplicationService: the customers who asked for something."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from .._proto.lekalo.v1.application_service_pb2_grpc import ApplicationServiceStub
from ..v1 import (
    Channel,
    Customer,
    DeleteCustomerRequest,
    GetCustomerRequest,
    ListCustomersRequest,
    ListCustomersResponse,
    UpdateCustomerRequest,
)
from .connection import AsyncConnection

if TYPE_CHECKING:
    from .._proto.lekalo.v1.application_service_pb2_grpc import ApplicationServiceAsyncStub


class AsyncCustomers(AsyncConnection):
    """The methods of ApplicationService about customers."""

    @cached_property
    def _customers(self) -> ApplicationServiceAsyncStub:
        return ApplicationServiceStub(self._channel)

    async def get_customer(self, tenant: str, id: str, *, timeout: float | None = None) -> Customer:
        """Returns one customer."""
        request = GetCustomerRequest(tenant=tenant, id=id)
        return (await self._read(self._customers.GetCustomer, request, timeout)).customer

    async def list_customers(
        self,
        tenant: str,
        *,
        channel: Channel.ValueType = Channel.CHANNEL_UNSPECIFIED,
        external_id: str = "",
        phone: str = "",
        text: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListCustomersResponse:
        """Lists customers, the newest first, e.g. those with a phone, or with a text in their name."""
        request = ListCustomersRequest(
            tenant=tenant,
            channel=channel,
            external_id=external_id,
            phone=phone,
            text=text,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
        )
        return await self._read(self._customers.ListCustomers, request, timeout)

    async def update_customer(
        self,
        tenant: str,
        id: str,
        customer: Customer,
        update_mask: Iterable[str],
        *,
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Customer:
        """Changes the fields of a customer that `update_mask` names. Their applications stay as they are."""
        request = UpdateCustomerRequest(
            tenant=tenant,
            id=id,
            customer=customer,
            update_mask=FieldMask(paths=update_mask),
            etag=etag,
            request_id=request_id,
        )
        response = await self._write(self._customers.UpdateCustomer, request, timeout, decided=bool(etag))
        return response.customer

    async def delete_customer(
        self, tenant: str, id: str, *, etag: str = "", request_id: str = "", timeout: float | None = None
    ) -> int:
        """Erases a customer and everything they said, for good; how many applications were theirs."""
        request = DeleteCustomerRequest(tenant=tenant, id=id, etag=etag, request_id=request_id)
        response = await self._write(self._customers.DeleteCustomer, request, timeout, decided=bool(etag))
        return response.application_count
