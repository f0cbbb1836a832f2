"""TextService: what a bot says, in three languages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from .._proto.lekalo.v1.text_service_pb2_grpc import TextServiceStub
from ..v1 import (
    BatchGetTextsRequest,
    BatchGetTextsResponse,
    DeleteTextsRequest,
    DeleteTextsResponse,
    ListTextsRequest,
    ListTextsResponse,
    Text,
    UpsertTextsRequest,
    UpsertTextsResponse,
)
from .connection import AsyncConnection

if TYPE_CHECKING:
    from .._proto.lekalo.v1.text_service_pb2_grpc import TextServiceAsyncStub


class AsyncTexts(AsyncConnection):
    """The methods of TextService."""

    @cached_property
    def _texts(self) -> TextServiceAsyncStub:
        return TextServiceStub(self._channel)

    async def batch_get_texts(
        self,
        tenant: str,
        keys: Iterable[str] = (),
        *,
        key_prefix: str = "",
        language: str = "",
        timeout: float | None = None,
    ) -> BatchGetTextsResponse:
        """Returns texts by their keys, or all whose key begins with `key_prefix`: give one of the two."""
        request = BatchGetTextsRequest(tenant=tenant, keys=keys, key_prefix=key_prefix, language=language)
        return await self._read(self._texts.BatchGetTexts, request, timeout)

    async def list_texts(
        self,
        tenant: str,
        *,
        language: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListTextsResponse:
        """Lists all texts that the tenant's bot can say."""
        request = ListTextsRequest(
            tenant=tenant, language=language, page_size=page_size, page_token=page_token, skip=skip
        )
        return await self._read(self._texts.ListTexts, request, timeout)

    async def upsert_texts(
        self, tenant: str, texts: Iterable[Text], *, request_id: str = "", timeout: float | None = None
    ) -> UpsertTextsResponse:
        """Creates or replaces the tenant's own texts, all or nothing."""
        request = UpsertTextsRequest(tenant=tenant, texts=texts, request_id=request_id)
        return await self._write(self._texts.UpsertTexts, request, timeout)

    async def delete_texts(
        self,
        tenant: str,
        keys: Iterable[str],
        *,
        languages: Iterable[str] = (),
        request_id: str = "",
        timeout: float | None = None,
    ) -> DeleteTextsResponse:
        """Deletes the tenant's own texts, in these languages or in all: its bot says the shared ones again."""
        request = DeleteTextsRequest(tenant=tenant, keys=keys, languages=languages, request_id=request_id)
        return await self._write(self._texts.DeleteTexts, request, timeout)
