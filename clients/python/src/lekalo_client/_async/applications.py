"""ApplicationService: what customers asked for, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from .._proto.lekalo.v1.application_service_pb2_grpc import ApplicationServiceStub
from ..v1 import (
    AddApplicationNoteRequest,
    Application,
    ApplicationEvent,
    ApplicationKind,
    ApplicationStatus,
    Channel,
    CreateApplicationRequest,
    GetApplicationRequest,
    GetApplicationStatsRequest,
    GetApplicationStatsResponse,
    ListApplicationsRequest,
    ListApplicationsResponse,
    TransitionApplicationRequest,
    UpdateApplicationRequest,
    WatchApplicationsRequest,
)
from ..values import to_timestamp
from .connection import AsyncConnection

if TYPE_CHECKING:
    from .._proto.lekalo.v1.application_service_pb2_grpc import ApplicationServiceAsyncStub


class AsyncApplications(AsyncConnection):
    """The methods of ApplicationService."""

    @cached_property
    def _applications(self) -> ApplicationServiceAsyncStub:
        return ApplicationServiceStub(self._channel)

    async def create_application(
        self, tenant: str, application: Application, *, request_id: str = "", timeout: float | None = None
    ) -> Application:
        """Takes down what a customer asks for. Called again with the same `request_id`, it creates nothing again."""
        request = CreateApplicationRequest(tenant=tenant, application=application, request_id=request_id)
        return (await self._write(self._applications.CreateApplication, request, timeout)).application

    async def get_application(self, tenant: str, id: str, *, timeout: float | None = None) -> Application:
        """Returns one application."""
        request = GetApplicationRequest(tenant=tenant, id=id)
        return (await self._read(self._applications.GetApplication, request, timeout)).application

    async def get_application_history(
        self, tenant: str, id: str, *, timeout: float | None = None
    ) -> list[ApplicationEvent]:
        """Returns what happened to one application, the oldest first: the last 500 events."""
        request = GetApplicationRequest(tenant=tenant, id=id, with_history=True)
        return list((await self._read(self._applications.GetApplication, request, timeout)).events)

    async def list_applications(
        self,
        tenant: str,
        *,
        status: ApplicationStatus.ValueType = ApplicationStatus.APPLICATION_STATUS_UNSPECIFIED,
        kind: ApplicationKind.ValueType = ApplicationKind.APPLICATION_KIND_UNSPECIFIED,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        channel: Channel.ValueType = Channel.CHANNEL_UNSPECIFIED,
        external_id: str = "",
        phone: str = "",
        number: str = "",
        assignee: str = "",
        text: str = "",
        external_ref_system: str = "",
        external_ref_id: str = "",
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListApplicationsResponse:
        """Lists applications, newest first, e.g. those of a customer or an assignee, or with a text."""
        request = ListApplicationsRequest(
            tenant=tenant,
            status=status,
            kind=kind,
            created_after=to_timestamp(created_after),
            created_before=to_timestamp(created_before),
            channel=channel,
            external_id=external_id,
            phone=phone,
            number=number,
            assignee=assignee,
            text=text,
            external_ref_system=external_ref_system,
            external_ref_id=external_ref_id,
            page_size=page_size,
            page_token=page_token,
            skip=skip,
        )
        return await self._read(self._applications.ListApplications, request, timeout)

    async def transition_application(
        self,
        tenant: str,
        id: str,
        to: ApplicationStatus.ValueType,
        *,
        actor: str,
        note: str = "",
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Application:
        """Moves an application to another status. Raises Aborted where somebody else was faster, and never tries again.

        Who was faster is in the error's `metadata["assignee"]`.
        Give the `etag` of the application that was decided on, so that a change in between does not go unseen.
        """
        request = TransitionApplicationRequest(
            tenant=tenant, id=id, to=to, actor=actor, note=note, etag=etag, request_id=request_id
        )
        response = await self._write(self._applications.TransitionApplication, request, timeout, decided=True)
        return response.application

    async def update_application(
        self,
        tenant: str,
        id: str,
        application: Application,
        update_mask: Iterable[str],
        *,
        actor: str,
        etag: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> Application:
        """Changes the fields of an application that `update_mask` names, e.g. `["message", "customer.phone"]`.

        Give the `etag` of the application that was decided on, so that a change in between does not go unseen.
        """
        request = UpdateApplicationRequest(
            tenant=tenant,
            id=id,
            application=application,
            update_mask=FieldMask(paths=update_mask),
            actor=actor,
            etag=etag,
            request_id=request_id,
        )
        response = await self._write(self._applications.UpdateApplication, request, timeout, decided=bool(etag))
        return response.application

    async def add_application_note(
        self, tenant: str, id: str, note: str, *, actor: str, request_id: str = "", timeout: float | None = None
    ) -> Application:
        """Puts a note into an application's history; the application stays as it is."""
        request = AddApplicationNoteRequest(tenant=tenant, id=id, actor=actor, note=note, request_id=request_id)
        return (await self._write(self._applications.AddApplicationNote, request, timeout)).application

    async def get_application_stats(
        self,
        tenant: str,
        *,
        first_day: str = "",
        last_day: str = "",
        timeout: float | None = None,
    ) -> GetApplicationStatsResponse:
        """Counts the applications created on each day (`2026-12-01`), by default of the 30 days that end today."""
        request = GetApplicationStatsRequest(tenant=tenant, first_day=first_day, last_day=last_day)
        return await self._read(self._applications.GetApplicationStats, request, timeout)

    async def watch_applications(
        self, tenant: str, *, after: str = "", from_now: bool = False, timeout: float | None = None
    ) -> AsyncIterator[ApplicationEvent]:
        """Follows what happens to the tenant's applications, from behind the cursor `after` on, or from now on.

        There is no end to it, but for DeadlineExceeded after `timeout` seconds, if given.

        It goes on by itself when the service was away. Keep the last event's `cursor` to go on after a restart of your
        own; an event may then come twice, and none is left out. With `from_now`, and as long as no event has come, what
        happens while the service is away is left out.
        """
        request = WatchApplicationsRequest(tenant=tenant, after=after, from_now=from_now)
        async for response in self._watch(self._applications.WatchApplications, request, timeout):
            request.after = response.event.cursor
            request.from_now = False
            yield response.event
