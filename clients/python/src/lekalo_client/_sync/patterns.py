"""PatternService: what the shop can sew, kept by hand."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from google.protobuf.field_mask_pb2 import FieldMask

from .._proto.lekalo.v1.pattern_service_pb2_grpc import PatternServiceStub
from ..v1 import (
    BatchUpdatePatternsRequest,
    BatchUpdatePatternsResponse,
    CreatePatternRequest,
    DeletePatternRequest,
    GetPatternRequest,
    GetPatternResponse,
    ListPatternsRequest,
    ListPatternsResponse,
    Pattern,
    PatternAvailability,
    PatternUpdate,
    UpdatePatternRequest,
)
from .connection import Connection


class Patterns(Connection):
    """The methods of PatternService."""

    @cached_property
    def _patterns(self) -> PatternServiceStub:
        return PatternServiceStub(self._channel)

    def create_pattern(
        self,
        tenant: str,
        category: str,
        brand: str,
        model: str,
        *,
        pattern: Pattern | None = None,
        request_id: str = "",
        timeout: float | None = None,
    ) -> Pattern:
        """Adds a pattern; `pattern` has what is known besides the car: its years, attributes, notes.

        Raises AlreadyExists where there is the same one; its metadata says which.
        """
        request = CreatePatternRequest(
            tenant=tenant, category=category, brand=brand, model=model, pattern=pattern, request_id=request_id
        )
        return (self._write(self._patterns.CreatePattern, request, timeout)).pattern

    def get_pattern(self, tenant: str, id: str, *, timeout: float | None = None) -> GetPatternResponse:
        """Returns one pattern with what became of it: who changed it by hand, and which imports."""
        request = GetPatternRequest(tenant=tenant, id=id)
        return self._read(self._patterns.GetPattern, request, timeout)

    def list_patterns(
        self,
        tenant: str,
        *,
        category: str = "",
        brand: str = "",
        model: str = "",
        year: int = 0,
        availability: PatternAvailability.ValueType = PatternAvailability.PATTERN_AVAILABILITY_UNSPECIFIED,
        import_id: str = "",
        text: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListPatternsResponse:
        """Lists patterns in the order in which they were added, those that cannot be ordered too."""
        request = ListPatternsRequest(
            tenant=tenant,
            category=category,
            brand=brand,
            model=model,
            year=year,
            availability=availability,
            import_id=import_id,
            text=text,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
        )
        return self._read(self._patterns.ListPatterns, request, timeout)

    def update_pattern(
        self,
        tenant: str,
        id: str,
        pattern: Pattern,
        update_mask: Iterable[str],
        *,
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Pattern:
        """Changes the fields of a pattern that `update_mask` names. Raises Aborted where the etag is stale."""
        request = UpdatePatternRequest(
            tenant=tenant,
            id=id,
            pattern=pattern,
            update_mask=FieldMask(paths=update_mask),
            etag=etag,
            request_id=request_id,
        )
        return (self._write(self._patterns.UpdatePattern, request, timeout, decided=bool(etag))).pattern

    def batch_update_patterns(
        self,
        tenant: str,
        updates: Iterable[PatternUpdate],
        update_mask: Iterable[str],
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> BatchUpdatePatternsResponse:
        """Changes the same fields of up to 500 patterns, all or nothing."""
        request = BatchUpdatePatternsRequest(
            tenant=tenant, updates=updates, update_mask=FieldMask(paths=update_mask), request_id=request_id
        )
        decided = any(update.etag for update in request.updates)
        return self._write(self._patterns.BatchUpdatePatterns, request, timeout, decided=decided)

    def delete_pattern(
        self, tenant: str, id: str, *, etag: str = "", request_id: str = "", timeout: float | None = None
    ) -> None:
        """Deletes a pattern. One that is only not to be had now is marked so with `update_pattern`."""
        request = DeletePatternRequest(tenant=tenant, id=id, etag=etag, request_id=request_id)
        self._write(self._patterns.DeletePattern, request, timeout, decided=bool(etag))
