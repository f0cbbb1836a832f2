"""ImportService: price lists, and what became of every row."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from google.protobuf.message import Message

from .._proto.lekalo.v1.import_service_pb2_grpc import ImportServiceStub
from ..v1 import (
    ApplyImportRequest,
    CancelImportRequest,
    DeleteImportRequest,
    GetImportRequest,
    Import,
    ImportHeader,
    ImportMode,
    ListImportRowsRequest,
    ListImportRowsResponse,
    ListImportsRequest,
    ListImportsResponse,
    ListPatternRowsRequest,
    ListPatternRowsResponse,
    ListWithdrawnPatternsRequest,
    ListWithdrawnPatternsResponse,
    RevertImportRequest,
    RowOutcome,
    UploadImportRequest,
    UploadImportResponse,
    WatchImportRequest,
)
from .connection import Connection, new_request_id

CHUNK = 256 * 1024
UPLOAD_TIMEOUT = 60.0
"""The seconds that an upload, or writing what one has, may take unless told otherwise: longer than a question."""


def import_of(response: Message) -> Import:
    """The field `import` of a response, which Python's grammar keeps from being an attribute."""
    found: Import = getattr(response, "import")
    return found


class Imports(Connection):
    """The methods of ImportService."""

    @cached_property
    def _imports(self) -> ImportServiceStub:
        return ImportServiceStub(self._channel)

    def upload_import(
        self,
        tenant: str,
        category: str,
        file_name: str,
        content: bytes,
        *,
        mode: ImportMode.ValueType = ImportMode.IMPORT_MODE_UNSPECIFIED,
        validate_only: bool = False,
        allow_large_withdrawal: bool = False,
        request_id: str = "",
        timeout: float | None = UPLOAD_TIMEOUT,
    ) -> Import:
        """Hands in a price list (PDF, XLSX or CSV). It is read after the answer: follow it with `watch_import`."""
        header = ImportHeader(
            tenant=tenant,
            category=category,
            file_name=file_name,
            mode=mode,
            validate_only=validate_only,
            allow_large_withdrawal=allow_large_withdrawal,
            request_id=request_id or new_request_id(),
        )
        chunks = [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]
        messages = [UploadImportRequest(header=header), *(UploadImportRequest(chunk=chunk) for chunk in chunks)]
        return import_of(self._call(self._upload, messages, timeout, self._retry.attempts))

    def _upload(
        self,
        messages: list[UploadImportRequest],
        /,
        *,
        timeout: float | None,
        metadata: tuple[tuple[str, str], ...],
    ) -> UploadImportResponse:
        return self._imports.UploadImport(iter(messages), timeout=timeout, metadata=metadata)

    def get_import(self, tenant: str, id: str, *, timeout: float | None = None) -> Import:
        """Returns one import."""
        return import_of(self._read(self._imports.GetImport, GetImportRequest(tenant=tenant, id=id), timeout))

    def list_imports(
        self, tenant: str, *, page_size: int = 0, page_token: str = "", skip: int = 0, timeout: float | None = None
    ) -> ListImportsResponse:
        """Lists imports, newest first."""
        request = ListImportsRequest(tenant=tenant, page_size=page_size, page_token=page_token, skip=skip)
        return self._read(self._imports.ListImports, request, timeout)

    def watch_import(self, tenant: str, id: str, *, timeout: float | None = None) -> Iterator[Import]:
        """Follows an import: as it is now, then at each change, until it ends."""
        request = WatchImportRequest(tenant=tenant, id=id)
        for response in self._watch(self._imports.WatchImport, request, timeout):
            yield import_of(response)

    def list_import_rows(
        self,
        tenant: str,
        id: str,
        *,
        outcome: RowOutcome.ValueType = RowOutcome.ROW_OUTCOME_UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        language: str = "",
        timeout: float | None = None,
    ) -> ListImportRowsResponse:
        """Lists what became of the rows of an import, in the file's order."""
        request = ListImportRowsRequest(
            tenant=tenant,
            id=id,
            outcome=outcome,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
            language=language,
        )
        return self._read(self._imports.ListImportRows, request, timeout)

    def list_withdrawn_patterns(
        self,
        tenant: str,
        id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListWithdrawnPatternsResponse:
        """Lists the patterns that an import withdrew; of a preview, those it would withdraw."""
        request = ListWithdrawnPatternsRequest(
            tenant=tenant, id=id, page_size=page_size, page_token=page_token, skip=skip
        )
        return self._read(self._imports.ListWithdrawnPatterns, request, timeout)

    def list_pattern_rows(
        self,
        tenant: str,
        pattern_id: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        language: str = "",
        timeout: float | None = None,
    ) -> ListPatternRowsResponse:
        """Lists the rows of price lists that a pattern comes from, the newest import first."""
        request = ListPatternRowsRequest(
            tenant=tenant,
            pattern_id=pattern_id,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
            language=language,
        )
        return self._read(self._imports.ListPatternRows, request, timeout)

    def apply_import(self, tenant: str, id: str, *, etag: str = "", timeout: float | None = UPLOAD_TIMEOUT) -> Import:
        """Carries out what a `validate_only` import previewed, or takes in rows that are understood by now.

        Sent once: if no answer comes, look with get_import.
        """
        request = ApplyImportRequest(tenant=tenant, id=id, etag=etag)
        return import_of(self._once(self._imports.ApplyImport, request, timeout))

    def revert_import(self, tenant: str, id: str, *, etag: str = "", timeout: float | None = UPLOAD_TIMEOUT) -> Import:
        """Puts back what an import changed. Sent once: if no answer comes, look with get_import."""
        request = RevertImportRequest(tenant=tenant, id=id, etag=etag)
        return import_of(self._once(self._imports.RevertImport, request, timeout))

    def cancel_import(self, tenant: str, id: str, *, timeout: float | None = None) -> Import:
        """Stops an import that has not ended, or discards a preview. Sent once: without an answer, use get_import."""
        request = CancelImportRequest(tenant=tenant, id=id)
        return import_of(self._once(self._imports.CancelImport, request, timeout))

    def delete_import(
        self, tenant: str, id: str, *, etag: str = "", allow_succeeded: bool = False, timeout: float | None = None
    ) -> None:
        """Deletes an import that has ended, with its rows; no pattern changes.

        Sent once: if no answer comes, get_import says NotFound where it is done.
        """
        request = DeleteImportRequest(tenant=tenant, id=id, etag=etag, allow_succeeded=allow_succeeded)
        self._once(self._imports.DeleteImport, request, timeout)
