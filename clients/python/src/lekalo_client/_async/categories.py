"""CategoryService: what the shop sells and what can be chosen with it, kept by hand."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from .._proto.lekalo.v1.category_service_pb2_grpc import CategoryServiceStub
from ..v1 import (
    CreateCategoryRequest,
    CreateOptionRequest,
    DeleteCategoryRequest,
    ListShopCategoriesRequest,
    ListShopCategoriesResponse,
    ListShopOptionsRequest,
    ListShopOptionsResponse,
    ShopCategory,
    ShopOption,
    UpdateCategoryRequest,
    UpdateOptionRequest,
)
from .connection import AsyncConnection

if TYPE_CHECKING:
    from .._proto.lekalo.v1.category_service_pb2_grpc import CategoryServiceAsyncStub


class AsyncCategories(AsyncConnection):
    """The methods of CategoryService."""

    @cached_property
    def _categories(self) -> CategoryServiceAsyncStub:
        return CategoryServiceStub(self._channel)

    async def list_shop_categories(self, tenant: str, *, timeout: float | None = None) -> ListShopCategoriesResponse:
        """Lists every category: those that the shop sells or has sold, then the shared ones that it never sold."""
        request = ListShopCategoriesRequest(tenant=tenant)
        return await self._read(self._categories.ListShopCategories, request, timeout)

    async def create_category(
        self, tenant: str, code: str, category: ShopCategory, *, request_id: str = "", timeout: float | None = None
    ) -> ShopCategory:
        """Adds a category of the shop's own, which is sold at once. A shared one is sold with `update_category`."""
        request = CreateCategoryRequest(tenant=tenant, code=code, category=category, request_id=request_id)
        return (await self._write(self._categories.CreateCategory, request, timeout)).category

    async def update_category(
        self,
        tenant: str,
        code: str,
        category: ShopCategory,
        update_mask: Iterable[str],
        *,
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> ShopCategory:
        """Changes the fields of a category that `update_mask` names. Raises Aborted where the etag is stale."""
        request = UpdateCategoryRequest(
            tenant=tenant,
            code=code,
            category=category,
            update_mask=FieldMask(paths=update_mask),
            etag=etag,
            request_id=request_id,
        )
        return (await self._write(self._categories.UpdateCategory, request, timeout, decided=bool(etag))).category

    async def delete_category(
        self, tenant: str, code: str, *, etag: str = "", request_id: str = "", timeout: float | None = None
    ) -> None:
        """Deletes a category of the shop's own that nothing hangs on."""
        request = DeleteCategoryRequest(tenant=tenant, code=code, etag=etag, request_id=request_id)
        await self._write(self._categories.DeleteCategory, request, timeout, decided=bool(etag))

    async def list_shop_options(
        self, tenant: str, category: str, *, timeout: float | None = None
    ) -> ListShopOptionsResponse:
        """Lists every option of a category in the shop's order, then those that it never offered."""
        request = ListShopOptionsRequest(tenant=tenant, category=category)
        return await self._read(self._categories.ListShopOptions, request, timeout)

    async def create_option(
        self,
        tenant: str,
        category: str,
        code: str,
        option: ShopOption,
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> ShopOption:
        """Adds an option of the shop's own, which is offered at once; `set_prices` says what it costs."""
        request = CreateOptionRequest(tenant=tenant, category=category, code=code, option=option, request_id=request_id)
        return (await self._write(self._categories.CreateOption, request, timeout)).option

    async def update_option(
        self,
        tenant: str,
        category: str,
        code: str,
        option: ShopOption,
        update_mask: Iterable[str],
        *,
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> ShopOption:
        """Changes the fields of an option that `update_mask` names; values that are left out of `values` retire."""
        request = UpdateOptionRequest(
            tenant=tenant,
            category=category,
            code=code,
            option=option,
            update_mask=FieldMask(paths=update_mask),
            etag=etag,
            request_id=request_id,
        )
        return (await self._write(self._categories.UpdateOption, request, timeout, decided=bool(etag))).option
