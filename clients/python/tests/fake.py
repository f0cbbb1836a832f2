"""A server in this process, whose answers a test scripts method by method."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from lekalo_client._proto.lekalo.v1 import (
    admin_service_pb2_grpc,
    application_service_pb2_grpc,
    catalog_service_pb2_grpc,
    category_service_pb2_grpc,
    document_service_pb2_grpc,
    import_service_pb2_grpc,
    pattern_service_pb2_grpc,
    pricing_service_pb2_grpc,
    tenant_service_pb2_grpc,
    text_service_pb2_grpc,
)

REGISTER = (
    admin_service_pb2_grpc.add_AdminServiceServicer_to_server,
    application_service_pb2_grpc.add_ApplicationServiceServicer_to_server,
    catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server,
    category_service_pb2_grpc.add_CategoryServiceServicer_to_server,
    document_service_pb2_grpc.add_DocumentServiceServicer_to_server,
    import_service_pb2_grpc.add_ImportServiceServicer_to_server,
    pattern_service_pb2_grpc.add_PatternServiceServicer_to_server,
    pricing_service_pb2_grpc.add_PricingServiceServicer_to_server,
    tenant_service_pb2_grpc.add_TenantServiceServicer_to_server,
    text_service_pb2_grpc.add_TextServiceServicer_to_server,
)
STREAMS = {"WatchApplications", "WatchImport"}


@dataclass
class Failure(Exception):
    """An answer that is an error."""

    code: grpc.StatusCode
    message: str = ""
    details: tuple[Message, ...] = ()
    raw_details: bytes | None = None

    def send(self, context: grpc.ServicerContext) -> NoReturn:
        encoded = self.raw_details
        if encoded is None and self.details:
            packed = []
            for detail in self.details:
                packed.append(AnyMessage())
                packed[-1].Pack(detail)
            code = self.code.value[0]
            encoded = status_pb2.Status(code=code, message=self.message, details=packed).SerializeToString()
        if encoded is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", encoded),))
        context.abort(self.code, self.message)


def failure(code: str, reason: str = "", *, retry_after: float | None = None, **metadata: str) -> Failure:
    """An error as the service sends them."""
    details: list[Message] = []
    if reason:
        details.append(error_details_pb2.ErrorInfo(reason=reason, domain="lekalo", metadata=metadata))
    if retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(timedelta(seconds=retry_after))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return Failure(grpc.StatusCode[code], f"{code} in a test", tuple(details))


Step = Message | Failure | Callable[[Any, grpc.ServicerContext], Any]


@dataclass
class Call:
    """A call that arrived."""

    method: str
    request: Any
    metadata: dict[str, str | bytes]
    left: float | None
    """The seconds until its deadline."""
    at: float = field(default_factory=time.monotonic)


class FakeService:
    """All services at once."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.steps: dict[str, list[Step]] = {}
        self.lock = threading.Lock()

    def on(self, method: str, *steps: Step) -> None:
        """What a method answers, call by call; the last answer stays. A stream's is a list, or a function."""
        self.steps[method] = list(steps)

    def __getattr__(self, method: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        return lambda request, context: self.handle(method, request, context)

    def handle(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        request = list(request) if isinstance(request, Iterator) else request
        metadata = dict(context.invocation_metadata())
        with self.lock:
            self.calls.append(Call(method, request, metadata, context.time_remaining()))
            steps = self.steps[method]
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, Failure):
            return self.fail_later(step, context) if method in STREAMS else step.send(context)
        return step(request, context) if callable(step) else step

    def fail_later(self, step: Failure, context: grpc.ServicerContext) -> Iterator[Message]:
        yield from (step.send(context) for _ in range(1))


def start(service: FakeService, address: str, tls: grpc.ServerCredentials | None = None) -> tuple[grpc.Server, str]:
    """Serves at a port of 127.0.0.1 (0 is any), and says where."""
    server = grpc.server(ThreadPoolExecutor(8))
    for register in REGISTER:
        register(service, server)  # type: ignore[arg-type]
    port = server.add_secure_port(address, tls) if tls else server.add_insecure_port(address)
    server.start()
    return server, f"{address.rpartition(':')[0]}:{port}"
