from __future__ import annotations

import pickle
from typing import Any

import grpc
import pytest
from fake import Failure, FakeService, failure
from google.protobuf.message import Message
from google.rpc import error_details_pb2

import lekalo_client
from lekalo_client import BodyTypeRequired, InvalidArgument, LekaloError, NotFound, PriceNotConfigured, Unknown
from lekalo_client.errors import BY_CODE, Details, Resource, Violation, from_rpc_error

ONCE = {"timeout": 0.5}


async def raised(client: Any, service: FakeService, answer: Failure) -> LekaloError:
    service.on("ListCategories", answer)
    with pytest.raises(LekaloError) as caught:
        await client.list_categories("evopoliki", **ONCE)
    return caught.value


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
async def test_each_code_has_its_class(client: Any, service: FakeService, code: grpc.StatusCode) -> None:
    error = await raised(client, service, failure(code.name))
    assert type(error).__name__.upper() == code.name.replace("_", "")
    assert error.code is code
    assert isinstance(error.__cause__, grpc.RpcError)
    assert getattr(lekalo_client, type(error).__name__) is type(error)
    assert str(error) == f"{code.name}: {code.name} in a test"


async def test_every_bad_field_is_named(client: Any, service: FakeService) -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="tenant", description="must not be empty", reason="FIELD_REQUIRED")
    bad.field_violations.add(field="page_size", description="must not be negative", reason="FIELD_OUT_OF_RANGE")
    info = error_details_pb2.ErrorInfo(reason="FIELD_REQUIRED", domain="lekalo", metadata={"field": "tenant"})
    details: tuple[Message, ...] = (info, bad)
    error = await raised(client, service, Failure(grpc.StatusCode.INVALID_ARGUMENT, "tenant: …", details))
    assert isinstance(error, InvalidArgument)
    assert error.reason == "FIELD_REQUIRED"
    assert error.metadata == {"field": "tenant"}
    assert error.violations == (
        Violation("tenant", "must not be empty", "FIELD_REQUIRED"),
        Violation("page_size", "must not be negative", "FIELD_OUT_OF_RANGE"),
    )
    assert str(error) == "FIELD_REQUIRED: tenant: …"


async def test_the_resource_is_named(client: Any, service: FakeService) -> None:
    info = error_details_pb2.ErrorInfo(reason="BRAND_NOT_FOUND")
    resource = error_details_pb2.ResourceInfo(
        resource_type="brand", resource_name="toyotta", description="is not there"
    )
    error = await raised(client, service, Failure(grpc.StatusCode.NOT_FOUND, "", (info, resource)))
    assert isinstance(error, NotFound)
    assert error.resource == Resource("brand", "toyotta", "is not there")


async def test_the_service_says_when_to_try_again(client: Any, service: FakeService) -> None:
    error = await raised(client, service, failure("UNAVAILABLE", "DATABASE_UNAVAILABLE", retry_after=1.5))
    assert error.retry_after == 1.5
    assert (await raised(client, service, failure("INTERNAL"))).retry_after is None


async def test_what_a_price_lacks_has_classes_of_its_own(client: Any, service: FakeService) -> None:
    choices = failure(
        "FAILED_PRECONDITION",
        "BODY_TYPE_REQUIRED",
        body_types="minivan_small,minivan_large",
        display_names="Small minivan;Large minivan",
    )
    error = await raised(client, service, choices)
    assert isinstance(error, BodyTypeRequired)
    assert error.body_types == ("minivan_small", "minivan_large")
    assert error.display_names == ("Small minivan", "Large minivan")
    assert isinstance(
        await raised(client, service, failure("FAILED_PRECONDITION", "PRICE_NOT_CONFIGURED")), PriceNotConfigured
    )
    # A reason never makes an error of another code.
    assert type(await raised(client, service, failure("NOT_FOUND", "PRICE_NOT_CONFIGURED"))) is NotFound


async def test_nobody_there(connect: Any) -> None:
    with pytest.raises(lekalo_client.Unavailable) as caught:
        await connect("127.0.0.1:1").list_categories("evopoliki")
    assert caught.value.details == Details()


def test_an_error_that_is_no_status() -> None:
    assert isinstance(from_rpc_error(grpc.RpcError("odd")), Unknown)


def test_errors_cross_processes() -> None:
    details = Details("BRAND_NOT_FOUND", {"brand": "x"}, 1.0, Resource("brand", "x", ""), (Violation("a", "b", "c"),))
    for kind in [*BY_CODE.values(), BodyTypeRequired, PriceNotConfigured]:
        copy = pickle.loads(pickle.dumps(kind("message", details)))  # noqa: S301
        assert (type(copy), copy.message, copy.details) == (kind, "message", details)
