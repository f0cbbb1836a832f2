"""The client has all of the contract: each RPC is a method, each field of its request an argument that arrives."""

from __future__ import annotations

import inspect
import re
from datetime import datetime, timezone
from typing import Any, get_type_hints

import pytest
from fake import STREAMS, FakeService
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from lekalo_client import AsyncClient, Client, v1
from lekalo_client.bot import AsyncBot, Bot

SERVICES = [
    f"lekalo.v1.{name}Service"
    for name in (
        "Admin",
        "Application",
        "Catalog",
        "Category",
        "Document",
        "Import",
        "Pattern",
        "Pricing",
        "Tenant",
        "Text",
    )
]
RPCS: list[MethodDescriptor] = [
    rpc for name in SERVICES for rpc in descriptor_pool.Default().FindServiceByName(name).methods
]
UPLOAD = "UploadImport"
KNOWN = {"update_mask": ["active", "contacts"], "steering": v1.Steering.STEERING_RIGHT}

# What another method of the client asks for: `get_application_history`.
ELSEWHERE = {"GetApplication": ("with_history",)}


def python_name(rpc: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()


def sample(field: Any) -> Any:
    """A value that is not the field's default, and not another field's value."""
    if field.name in KNOWN:
        return KNOWN[field.name]
    if field.message_type and field.message_type.full_name == "google.protobuf.Timestamp":
        return datetime.fromtimestamp(field.number, timezone.utc)
    if field.message_type:
        message = filled(GetMessageClass(field.message_type))
        return [message] if field.is_repeated else message
    if field.type == FieldDescriptor.TYPE_STRING:
        return [f"{field.name} one", f"{field.name} two"] if field.is_repeated else f"the {field.name}"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    return 1 if field.enum_type else field.number + 1


def filled(kind: type[Message]) -> Message:
    scalars = [field for field in kind.DESCRIPTOR.fields if not field.message_type and not field.is_repeated]
    return kind(**{field.name: sample(field) for field in scalars})


@pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if rpc.name != UPLOAD], ids=lambda rpc: rpc.name)
async def test_every_field_of_a_request_arrives(client: Any, service: FakeService, rpc: MethodDescriptor) -> None:
    response = GetMessageClass(rpc.output_type)()
    service.on(rpc.name, (lambda *_: iter([response])) if rpc.name in STREAMS else response)
    fields = [field for field in rpc.input_type.fields if field.name not in ELSEWHERE.get(rpc.name, ())]
    arguments = {field.name: sample(field) for field in fields}
    called = getattr(client, python_name(rpc.name))(**arguments)
    if rpc.name in STREAMS:
        assert len([message async for message in called]) == 1
    else:
        await called
    if "update_mask" in arguments:
        arguments["update_mask"] = {"paths": arguments["update_mask"]}
    assert service.calls[0].request == GetMessageClass(rpc.input_type)(**arguments)


async def test_every_field_of_an_upload_arrives(client: Any, service: FakeService) -> None:
    service.on(UPLOAD, v1.UploadImportResponse())
    arguments = {field.name: sample(field) for field in v1.ImportHeader.DESCRIPTOR.fields}
    await client.upload_import(content=b"a table", **arguments)
    header, chunk = service.calls[0].request
    assert header.header == v1.ImportHeader(**arguments)
    assert chunk.chunk == b"a table"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
def test_every_method_is_documented_and_takes_a_timeout(kind: type, rpc: MethodDescriptor) -> None:
    method = getattr(kind, python_name(rpc.name))
    assert method.__doc__
    assert "timeout" in inspect.signature(method).parameters


@pytest.mark.parametrize(("sync", "asynchronous"), [(Client, AsyncClient), (Bot, AsyncBot)])
def test_both_kinds_have_the_same_methods(sync: type, asynchronous: type) -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: list(inspect.signature(method).parameters) for name, method in found if name[0] != "_"}

    assert methods(sync) == methods(asynchronous)
    assert len(methods(sync)) >= 7


@pytest.mark.parametrize("kind", [Bot, AsyncBot])
def test_tools_can_be_described_from_the_bots_hints(kind: type) -> None:
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        hints = get_type_hints(method)
        assert "return" in hints, name
        assert method.__doc__ or name.startswith("_"), name
