"""DocumentService: long texts that a shop's bot reads, in versions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from .._proto.lekalo.v1.document_service_pb2_grpc import DocumentServiceStub
from ..v1 import (
    DeleteDocumentRequest,
    Document,
    GetDocumentRequest,
    ListDocumentsRequest,
    ListDocumentsResponse,
    ListDocumentVersionsRequest,
    ListDocumentVersionsResponse,
    PutDocumentRequest,
)
from .connection import AsyncConnection

if TYPE_CHECKING:
    from .._proto.lekalo.v1.document_service_pb2_grpc import DocumentServiceAsyncStub


class AsyncDocuments(AsyncConnection):
    """The methods of DocumentService."""

    @cached_property
    def _documents(self) -> DocumentServiceAsyncStub:
        return DocumentServiceStub(self._channel)

    async def put_document(
        self,
        tenant: str,
        document: Document,
        *,
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Document:
        """Writes the key, language, title and content of a document: a new version, unless the current one is the same.

        It is answered without its content. The way back to an earlier version is to write its content once more.
        """
        request = PutDocumentRequest(tenant=tenant, document=document, etag=etag, request_id=request_id)
        return (await self._write(self._documents.PutDocument, request, timeout, decided=bool(etag))).document

    async def get_document(
        self, tenant: str, key: str, *, language: str = "", version: int = 0, timeout: float | None = None
    ) -> Document:
        """Returns a document with its content: the current version, or this one of this very language."""
        request = GetDocumentRequest(tenant=tenant, key=key, language=language, version=version)
        return (await self._read(self._documents.GetDocument, request, timeout)).document

    async def list_documents(
        self,
        tenant: str,
        *,
        key_prefix: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListDocumentsResponse:
        """Lists the documents, or those whose key begins with `key_prefix`, without their contents."""
        request = ListDocumentsRequest(
            tenant=tenant, key_prefix=key_prefix, page_size=page_size, page_token=page_token, skip=skip
        )
        return await self._read(self._documents.ListDocuments, request, timeout)

    async def list_document_versions(
        self,
        tenant: str,
        key: str,
        *,
        language: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListDocumentVersionsResponse:
        """Lists the versions of a document that are kept, the newest first, without their contents."""
        request = ListDocumentVersionsRequest(
            tenant=tenant, key=key, language=language, page_size=page_size, page_token=page_token, skip=skip
        )
        return await self._read(self._documents.ListDocumentVersions, request, timeout)

    async def delete_document(
        self,
        tenant: str,
        key: str,
        *,
        languages: Iterable[str] = (),
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> int:
        """Deletes a document with all its versions, in these languages or in all; how many languages had it."""
        request = DeleteDocumentRequest(tenant=tenant, key=key, languages=languages, etag=etag, request_id=request_id)
        response = await self._write(self._documents.DeleteDocument, request, timeout, decided=bool(etag))
        return response.deleted_count
