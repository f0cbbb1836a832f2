"""CatalogService: what the shop sells, for which cars, and which car the person means."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .._proto.lekalo.v1.catalog_service_pb2_grpc import CatalogServiceStub
from ..v1 import (
    FindPatternsRequest,
    FindPatternsResponse,
    GetModelRequest,
    GetModelResponse,
    ListBrandsRequest,
    ListBrandsResponse,
    ListCategoriesRequest,
    ListCategoriesResponse,
    ListModelsRequest,
    ListModelsResponse,
    ListOptionsRequest,
    ListOptionsResponse,
    OrderBy,
    ResolveVehicleRequest,
    ResolveVehicleResponse,
    Steering,
)
from .connection import AsyncConnection

if TYPE_CHECKING:
    from .._proto.lekalo.v1.catalog_service_pb2_grpc import CatalogServiceAsyncStub


class AsyncCatalog(AsyncConnection):
    """The methods of CatalogService. All of them read."""

    @cached_property
    def _catalog(self) -> CatalogServiceAsyncStub:
        return CatalogServiceStub(self._channel)

    async def list_categories(
        self, tenant: str, *, language: str = "", timeout: float | None = None
    ) -> ListCategoriesResponse:
        """Lists the categories that the tenant sells, in its own order."""
        request = ListCategoriesRequest(tenant=tenant, language=language)
        return await self._read(self._catalog.ListCategories, request, timeout)

    async def list_brands(
        self,
        tenant: str,
        category: str,
        *,
        language: str = "",
        name_prefix: str = "",
        order_by: OrderBy.ValueType = OrderBy.ORDER_BY_UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        all: bool = False,
        timeout: float | None = None,
    ) -> ListBrandsResponse:
        """Lists the makes that have an available pattern in the category, or `all` that there are."""
        request = ListBrandsRequest(
            tenant=tenant,
            category=category,
            language=language,
            name_prefix=name_prefix,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
            all=all,
        )
        return await self._read(self._catalog.ListBrands, request, timeout)

    async def list_models(
        self,
        tenant: str,
        category: str,
        brand: str,
        *,
        language: str = "",
        order_by: OrderBy.ValueType = OrderBy.ORDER_BY_UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        all: bool = False,
        timeout: float | None = None,
    ) -> ListModelsResponse:
        """Lists the models of a make that have an available pattern in the category, or `all` of it."""
        request = ListModelsRequest(
            tenant=tenant,
            category=category,
            brand=brand,
            language=language,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
            all=all,
        )
        return await self._read(self._catalog.ListModels, request, timeout)

    async def get_model(
        self, tenant: str, brand: str, model: str, *, language: str = "", timeout: float | None = None
    ) -> GetModelResponse:
        """Returns what the vehicle reference knows of a model: generations, years, bodies, spellings."""
        request = GetModelRequest(tenant=tenant, brand=brand, model=model, language=language)
        return await self._read(self._catalog.GetModel, request, timeout)

    async def find_patterns(
        self,
        tenant: str,
        category: str,
        brand: str,
        model: str,
        *,
        year: int | None = None,
        steering: Steering.ValueType | None = None,
        generation: str | None = None,
        body_type: str | None = None,
        language: str = "",
        timeout: float | None = None,
    ) -> FindPatternsResponse:
        """Says whether there is a pattern for a car, and which."""
        request = FindPatternsRequest(
            tenant=tenant,
            category=category,
            brand=brand,
            model=model,
            year=year,
            steering=steering,
            generation=generation,
            body_type=body_type,
            language=language,
        )
        return await self._read(self._catalog.FindPatterns, request, timeout)

    async def resolve_vehicle(
        self,
        text: str,
        *,
        tenant: str = "",
        category: str = "",
        brand: str = "",
        year: int = 0,
        max_candidates: int = 0,
        language: str = "",
        timeout: float | None = None,
    ) -> ResolveVehicleResponse:
        """Says which car a person means by what they typed; without a tenant, among all cars there are."""
        request = ResolveVehicleRequest(
            tenant=tenant,
            category=category,
            text=text,
            brand=brand,
            year=year,
            max_candidates=max_candidates,
            language=language,
        )
        return await self._read(self._catalog.ResolveVehicle, request, timeout)

    async def list_options(
        self, tenant: str, category: str, *, body_type: str = "", language: str = "", timeout: float | None = None
    ) -> ListOptionsResponse:
        """Lists what can be chosen with a product of the category, in the order to ask for it."""
        request = ListOptionsRequest(tenant=tenant, category=category, body_type=body_type, language=language)
        return await self._read(self._catalog.ListOptions, request, timeout)
