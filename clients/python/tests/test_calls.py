"""Deadlines, retries, metadata and streams, over a real connection, of both clients."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import trustme
from conftest import Connect
from fake import Failure, FakeService, failure, start

from lekalo_client import (
    Aborted,
    AsyncClient,
    Cancelled,
    Client,
    DeadlineExceeded,
    InvalidArgument,
    ResourceExhausted,
    Retry,
    Unavailable,
    v1,
)
from lekalo_client.channel import credentials, metadata_of

CATEGORIES = v1.ListCategoriesResponse(categories=[v1.Category(code="eva_mats", display_name="EVA-коврики")])
LEAD = v1.CreateApplicationResponse(application=v1.Application(id="a1"))


async def test_a_read_is_repeated_while_the_service_is_unavailable(client: Any, service: FakeService) -> None:
    service.on("ListCategories", failure("UNAVAILABLE"), failure("UNAVAILABLE", "SHUTTING_DOWN"), CATEGORIES)
    assert await client.list_categories("evopoliki") == CATEGORIES
    assert len(service.calls) == 3


async def test_attempts_go_on_until_the_deadline(connect: Connect, address: str, service: FakeService) -> None:
    service.on("ListCategories", failure("UNAVAILABLE", "DATABASE_UNAVAILABLE"))
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await connect(address, retry=Retry(), timeout=3).list_categories("evopoliki")
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    assert 1.9 < time.monotonic() - started < 3
    assert 5 <= len(service.calls) <= 9  # waits of 0.1, 0.2, 0.4, 0.8, 1, … s, or half of each


async def test_attempts_may_be_counted(connect: Connect, address: str, service: FakeService) -> None:
    service.on("ListCategories", failure("UNAVAILABLE"))
    with pytest.raises(Unavailable):
        await connect(address, retry=Retry(attempts=3, first_wait=0.01)).list_categories("evopoliki")
    assert len(service.calls) == 3


async def test_one_attempt_is_one_attempt(connect: Connect, address: str, service: FakeService) -> None:
    service.on("ListCategories", failure("UNAVAILABLE"))
    with pytest.raises(Unavailable):
        await connect(address, retry=Retry(attempts=1)).list_categories("evopoliki")
    assert len(service.calls) == 1


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "NOT_FOUND", "INTERNAL", "UNKNOWN", "UNIMPLEMENTED", "ABORTED"])
async def test_what_will_not_change_is_not_repeated(client: Any, service: FakeService, code: str) -> None:
    service.on("ListCategories", failure(code), CATEGORIES)
    with pytest.raises(Exception, match=code):
        await client.list_categories("evopoliki")
    assert len(service.calls) == 1


async def test_exhausted_is_repeated_only_when_asked_to(client: Any, service: FakeService) -> None:
    service.on("ListCategories", failure("RESOURCE_EXHAUSTED"), CATEGORIES)
    with pytest.raises(ResourceExhausted):
        await client.list_categories("evopoliki")
    service.on("ListCategories", failure("RESOURCE_EXHAUSTED", "OVERLOADED", retry_after=0.3), CATEGORIES)
    assert await client.list_categories("evopoliki") == CATEGORIES
    first, second = service.calls[-2:]
    assert second.at - first.at >= 0.3


async def test_a_wait_past_the_deadline_is_not_waited(client: Any, service: FakeService) -> None:
    service.on("ListCategories", failure("UNAVAILABLE", "SHUTTING_DOWN", retry_after=60.0))
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await client.list_categories("evopoliki")
    assert caught.value.retry_after == 60.0
    assert time.monotonic() - started < 2


async def test_a_write_keeps_its_request_id(client: Any, service: FakeService) -> None:
    service.on("CreateApplication", failure("UNAVAILABLE"), failure("ABORTED", "CONCURRENT_CHANGE"), LEAD)
    application = v1.Application(message="Здравствуйте")
    assert (await client.create_application("evopoliki", application)).id == "a1"
    assert (await client.create_application("evopoliki", application)).id == "a1"
    ids = [call.request.request_id for call in service.calls]
    assert len(ids) == 4
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert str(uuid.UUID(ids[0])) == ids[0]


async def test_a_given_request_id_is_sent(client: Any, service: FakeService) -> None:
    service.on("CreateApplication", LEAD)
    chosen = str(uuid.uuid4())
    await client.create_application("evopoliki", v1.Application(), request_id=chosen)
    assert service.calls[0].request.request_id == chosen


async def test_a_stale_etag_is_not_tried_again(client: Any, service: FakeService) -> None:
    service.on("TransitionApplication", failure("ABORTED", "ETAG_MISMATCH"))
    with pytest.raises(Aborted):
        await client.transition_application(
            "evopoliki", "a1", v1.ApplicationStatus.APPLICATION_STATUS_NEW, actor="Айгуль"
        )
    assert len(service.calls) == 1


async def test_a_lost_race_is_told_and_not_run_again(client: Any, service: FakeService) -> None:
    lost = failure("ABORTED", "CONCURRENT_CHANGE")
    service.on("TransitionApplication", lost, v1.TransitionApplicationResponse())
    service.on("UpdateTenant", lost, lost, lost, v1.UpdateTenantResponse())
    with pytest.raises(Aborted):
        await client.transition_application(
            "evopoliki", "a1", v1.ApplicationStatus.APPLICATION_STATUS_IN_PROGRESS, actor="Айгуль"
        )
    with pytest.raises(Aborted):
        await client.update_tenant(v1.Tenant(slug="evopoliki"), ["active"], etag="e1")
    with pytest.raises(Aborted):
        await client.update_tenant(v1.Tenant(slug="evopoliki", etag="e1"), ["active"])
    assert len(service.calls) == 3
    await client.update_tenant(v1.Tenant(slug="evopoliki"), ["active"])  # whatever it was before
    assert len(service.calls) == 5


async def test_a_transition_is_repeated_while_the_service_is_unavailable(client: Any, service: FakeService) -> None:
    service.on("TransitionApplication", failure("UNAVAILABLE"), v1.TransitionApplicationResponse())
    await client.transition_application("evopoliki", "a1", v1.ApplicationStatus.APPLICATION_STATUS_NEW, actor="Айгуль")
    first, second = (call.request.request_id for call in service.calls)
    assert first == second != ""


async def test_a_write_without_a_request_id_is_sent_once(client: Any, service: FakeService) -> None:
    for method in (
        "DeleteAlias",
        "ApplyImport",
        "RevertImport",
        "CancelImport",
        "DeleteImport",
        "ApplySeed",
        "RevokeApiKey",
    ):
        service.on(method, failure("UNAVAILABLE"))
    for call in (
        client.delete_alias("toyota", "тойота"),
        client.apply_import("evopoliki", "1"),
        client.revert_import("evopoliki", "1"),
        client.cancel_import("evopoliki", "1"),
        client.delete_import("evopoliki", "1"),
        client.apply_seed(),
        client.revoke_api_key("abc"),
    ):
        with pytest.raises(Unavailable):
            await call
    assert len(service.calls) == 7


async def test_five_seconds_are_the_default_deadline(client: Any, service: FakeService) -> None:
    service.on("ListCategories", CATEGORIES)
    await client.list_categories("evopoliki")
    await client.list_categories("evopoliki", timeout=30)
    assert [call.left for call in service.calls] == [pytest.approx(5, abs=1), pytest.approx(30, abs=1)]


async def test_the_deadline_is_kept(connect: Connect, address: str, service: FakeService) -> None:
    service.on("ListCategories", sleep)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await connect(address, timeout=0.2).list_categories("evopoliki")
    assert time.monotonic() - started < 1
    assert len(service.calls) == 1


async def test_one_deadline_is_for_all_attempts(connect: Connect, address: str, service: FakeService) -> None:
    service.on("ListCategories", failure("UNAVAILABLE", retry_after=0.4), CATEGORIES)
    await connect(address, timeout=2).list_categories("evopoliki")
    first, second = (call.left or 0 for call in service.calls)
    assert second < first - 0.3


async def test_the_key_goes_with_each_call(connect: Connect, address: str, service: FakeService) -> None:
    service.on("ListCategories", CATEGORIES)
    service.on("WatchImport", lambda *_: iter([v1.WatchImportResponse()]))
    client = connect(address, api_key="lk_secret")
    await client.list_categories("evopoliki")
    assert [message async for message in client.watch_import("evopoliki", "1")]
    assert [call.metadata["authorization"] for call in service.calls] == ["Bearer lk_secret"] * 2
    await connect(address).list_categories("evopoliki")
    assert "authorization" not in service.calls[2].metadata


async def test_a_server_that_starts_late_is_found(connect: Connect, service: FakeService) -> None:
    service.on("ListCategories", CATEGORIES)
    server, address = start(service, "127.0.0.1:0")
    server.stop(None).wait()
    client = connect(address)
    with pytest.raises(Unavailable):
        await client.list_categories("evopoliki", timeout=0.3)
    answer = asyncio.ensure_future(client.list_categories("evopoliki"))
    await asyncio.sleep(0.5)
    server, _ = start(service, address)
    try:
        assert await answer == CATEGORIES
    finally:
        server.stop(None)


async def test_a_file_goes_in_chunks_and_again_if_need_be(client: Any, service: FakeService) -> None:
    answer = v1.UploadImportResponse()
    getattr(answer, "import").id = "i1"
    service.on("UploadImport", failure("UNAVAILABLE"), answer)
    content = bytes(range(256)) * 4000
    uploaded = await client.upload_import("evopoliki", "eva_mats", "price.pdf", content, validate_only=True)
    assert uploaded.id == "i1"
    first, second = (call.request for call in service.calls)
    assert first == second
    header, *chunks = first
    assert (header.header.file_name, header.header.validate_only) == ("price.pdf", True)
    assert str(uuid.UUID(header.header.request_id)) == header.header.request_id
    assert len(chunks) > 1
    assert b"".join(chunk.chunk for chunk in chunks) == content
    assert service.calls[0].left == pytest.approx(60, abs=5)


async def test_a_watch_goes_on_where_it_broke_off(client: Any, service: FakeService) -> None:
    service.on("WatchApplications", failure("UNAVAILABLE"), two_events_then_gone, one_event)
    events = [event async for event in client.watch_applications("evopoliki", after="c0")]
    assert [event.cursor for event in events] == ["c1", "c2", "c3"]
    assert [call.request.after for call in service.calls] == ["c0", "c0", "c2"]
    assert service.calls[0].left is None or service.calls[0].left > 10**6


async def test_a_watch_from_now_on_loses_nothing_once_an_event_has_come(client: Any, service: FakeService) -> None:
    service.on("WatchApplications", two_events_then_gone, one_event)
    assert len([event async for event in client.watch_applications("evopoliki", from_now=True)]) == 3
    asked = [(call.request.after, call.request.from_now) for call in service.calls]
    assert asked == [("", True), ("c2", False)]


async def test_a_lead_is_found_and_has_its_history(client: Any, service: FakeService) -> None:
    events = [v1.ApplicationEvent(cursor="c1"), v1.ApplicationEvent(cursor="c2")]
    service.on("GetApplication", v1.GetApplicationResponse(events=events))
    service.on("ListApplications", v1.ListApplicationsResponse())
    assert await client.get_application_history("evopoliki", "1") == events
    channel = v1.Channel.CHANNEL_TELEGRAM
    found: dict[str, Any] = {"external_id": "70", "phone": "0555 123 456", "number": "2F7E1A90"}
    found |= {"assignee": "Нурлан", "text": "шов"}
    await client.list_applications("evopoliki", channel=channel, **found)
    assert [call.request for call in service.calls] == [
        v1.GetApplicationRequest(tenant="evopoliki", id="1", with_history=True),
        v1.ListApplicationsRequest(tenant="evopoliki", channel=channel, **found),
    ]


async def test_a_note_and_a_deletion_are_made_once(client: Any, service: FakeService) -> None:
    service.on("AddApplicationNote", failure("UNAVAILABLE"), v1.AddApplicationNoteResponse())
    await client.add_application_note("evopoliki", "a1", "Шов на руле", actor="Айгуль")
    service.on("DeleteCustomer", failure("UNAVAILABLE"), v1.DeleteCustomerResponse(application_count=3))
    assert await client.delete_customer("evopoliki", "7") == 3
    note, again, deletion, once_more = (call.request for call in service.calls)
    assert (note.note, note.actor, deletion.id) == ("Шов на руле", "Айгуль", "7")
    assert note.request_id == again.request_id != ""
    assert deletion.request_id == once_more.request_id != ""


async def test_a_watch_ends_with_an_error_that_stays(client: Any, service: FakeService) -> None:
    service.on("WatchApplications", failure("INVALID_ARGUMENT", "CURSOR_INVALID"))
    with pytest.raises(InvalidArgument) as caught:
        [event async for event in client.watch_applications("evopoliki", after="?")]
    assert caught.value.reason == "CURSOR_INVALID"


async def test_a_watch_ends_with_its_deadline(client: Any, service: FakeService) -> None:
    service.on("WatchApplications", failure("UNAVAILABLE"))
    started = time.monotonic()
    with pytest.raises((Unavailable, DeadlineExceeded)):
        [event async for event in client.watch_applications("evopoliki", timeout=0.3)]
    assert time.monotonic() - started < 2


async def test_pages_go_to_the_end(client: Any, service: FakeService) -> None:
    service.on("ListBrands", page_of_brands)
    pages = client.pages(client.list_brands, "evopoliki", "eva_mats", page_size=2, skip=1)
    assert [[brand.slug for brand in page.brands] async for page in pages] == [["0"], ["1"], ["2"]]
    assert [(call.request.page_token, call.request.skip) for call in service.calls] == [("", 1), ("1", 0), ("2", 0)]


async def test_details_that_cannot_be_read_do_not_hide_the_error(client: Any, service: FakeService) -> None:
    service.on("ListCategories", Failure(grpc.StatusCode.NOT_FOUND, "no such", raw_details=b"\xff\xff\xff"))
    with pytest.raises(Exception, match="NOT_FOUND: no such"):
        await client.list_categories("evopoliki")


async def test_tls(connect: Connect, service: FakeService) -> None:
    service.on("ListCategories", CATEGORIES)
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    key, chain = issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()
    server, address = start(service, "localhost:0", grpc.ssl_server_credentials([(key, chain)]))
    trusted = grpc.ssl_channel_credentials(root_certificates=authority.cert_pem.bytes())
    try:
        assert await connect(address, tls=trusted).list_categories("evopoliki") == CATEGORIES
        with pytest.raises(Unavailable):
            await connect(address, tls=True).list_categories("evopoliki", timeout=1)
    finally:
        server.stop(None)


async def test_clients_are_context_managers(address: str, service: FakeService) -> None:
    service.on("ListCategories", CATEGORIES)
    async with AsyncClient(address) as client:
        assert await client.list_categories("evopoliki") == CATEGORIES
    with Client(address) as sync:
        assert await asyncio.to_thread(sync.list_categories, "evopoliki") == CATEGORIES


async def test_a_call_after_close_is_an_error_as_others_are(
    address: str, service: FakeService, connect: Connect
) -> None:
    service.on("ListCategories", CATEGORIES)
    service.on("QuotePrice", v1.QuotePriceResponse())
    used, unused = connect(address), connect(address)
    await used.list_categories("evopoliki")
    for client in (used, unused):
        await client.close()
        await client.close()
        # One whose stub is there, one whose is not, and a stream.
        calls = (
            client.list_categories("evopoliki"),
            client.quote_price("evopoliki", "eva_mats"),
            anext(aiter(client.watch_import("evopoliki", "x"))),
        )
        for call in calls:
            with pytest.raises(Cancelled, match="closed") as caught:
                await call
            assert caught.value.reason == "CLIENT_CLOSED"
    assert len(service.calls) == 1


def test_a_client_may_be_made_where_there_is_no_event_loop(address: str, service: FakeService) -> None:
    service.on("ListCategories", CATEGORIES)
    client = AsyncClient(address)

    async def ask() -> v1.ListCategoriesResponse:
        async with client:
            return await client.list_categories("evopoliki")

    assert asyncio.run(ask()) == CATEGORIES


async def test_a_cancelled_task_cancels_the_call(address: str, service: FakeService) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def set_gone() -> None:
        loop.call_soon_threadsafe(gone.set)

    def wait(_: Any, context: grpc.ServicerContext) -> v1.ListCategoriesResponse:
        context.add_callback(set_gone)
        loop.call_soon_threadsafe(arrived.set)
        time.sleep(0.5)
        return CATEGORIES

    service.on("ListCategories", wait)
    async with AsyncClient(address) as client:
        task = asyncio.ensure_future(client.list_categories("evopoliki"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 0.4)


def sleep(_: Any, __: grpc.ServicerContext) -> v1.ListCategoriesResponse:
    time.sleep(0.6)
    return CATEGORIES


def event(cursor: str) -> v1.WatchApplicationsResponse:
    return v1.WatchApplicationsResponse(event=v1.ApplicationEvent(cursor=cursor))


def two_events_then_gone(_: Any, context: grpc.ServicerContext) -> Iterator[v1.WatchApplicationsResponse]:
    yield event("c1")
    yield event("c2")
    failure("UNAVAILABLE", "SHUTTING_DOWN").send(context)


def one_event(_: Any, __: grpc.ServicerContext) -> Iterator[v1.WatchApplicationsResponse]:
    yield event("c3")


def page_of_brands(request: v1.ListBrandsRequest, _: grpc.ServicerContext) -> v1.ListBrandsResponse:
    number = int(request.page_token or 0)
    token = str(number + 1) if number < 2 else ""
    return v1.ListBrandsResponse(brands=[v1.Brand(slug=str(number))], next_page_token=token)


def test_what_is_no_key_is_told_at_once() -> None:
    assert metadata_of("lk_id_secret\n") == (("authorization", "Bearer lk_id_secret"),)
    assert metadata_of(None) == metadata_of("") == ()
    for wrong in ("Bearer lk_id_secret", "lk_ключ", "lk_a\x00b"):
        with pytest.raises(ValueError, match="no API key"):
            metadata_of(wrong)
    with pytest.raises(TypeError, match="ssl_channel_credentials"):
        credentials("/etc/ca.pem")  # type: ignore[arg-type]
