"""What a call may fail with: one exception for each gRPC code, with the details that the service attached.

Go by the class and by `reason`, whose values `lekalo_client.v1.ErrorReason` lists; the message is for logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

DetailT = TypeVar("DetailT", bound=Message)


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field of a request."""

    field: str
    """Its path, e.g. `application.customer.phone`."""
    description: str
    """What is wrong with it, in English."""
    reason: str
    """The reason on its own account, e.g. `FIELD_REQUIRED`."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What was not found, or is there already."""

    type: str
    """What it is, e.g. `brand`."""
    name: str
    """How it was asked for, e.g. `toyotta`."""
    description: str
    """What is the matter with it, in English."""


@dataclass(frozen=True, slots=True)
class Details:
    """The details of an error, from `google.rpc`; all empty where the server gave none."""

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    resource: Resource | None = None
    violations: tuple[Violation, ...] = ()


class LekaloError(Exception):
    """A call failed. The class says with which gRPC code."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN

    def __init__(self, message: str = "", details: Details | None = None) -> None:
        super().__init__(message, details)
        self.message = message
        """What happened, in English: for logs, not to go by."""
        self.details = details or Details()
        """All the details at once."""

    def __str__(self) -> str:
        return f"{self.reason or self.code.name}: {self.message}"

    @property
    def reason(self) -> str:
        """Why, in UPPER_SNAKE_CASE, e.g. `BRAND_NOT_FOUND`; empty where the error is not the service's own."""
        return self.details.reason

    @property
    def metadata(self) -> Mapping[str, str]:
        """The variable parts of the reason, e.g. `body_types`."""
        return self.details.metadata

    @property
    def retry_after(self) -> float | None:
        """The seconds after which the service asks to be tried again; None if it does not ask."""
        return self.details.retry_after

    @property
    def resource(self) -> Resource | None:
        """What was not found, or is there already."""
        return self.details.resource


class Cancelled(LekaloError):
    """The call was cancelled."""

    code = grpc.StatusCode.CANCELLED


def client_closed() -> Cancelled:
    """The client was closed before the call, or under it."""
    return Cancelled("the client was closed; make another one", Details(reason="CLIENT_CLOSED"))


class Unknown(LekaloError):
    """Something between client and service failed without saying how."""

    code = grpc.StatusCode.UNKNOWN


class InvalidArgument(LekaloError):
    """The request is wrong, whatever the state of the service. `violations` names every bad field."""

    code = grpc.StatusCode.INVALID_ARGUMENT

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every bad field of the request."""
        return self.details.violations


def wrong_argument(error: Exception) -> InvalidArgument:
    """No request can be made of an argument, as this says."""
    return InvalidArgument(str(error), Details(reason="ARGUMENT_INVALID"))


class DeadlineExceeded(LekaloError):
    """The deadline passed. A write may or may not have happened: repeat it with the same `request_id`."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class NotFound(LekaloError):
    """`resource` does not exist."""

    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(LekaloError):
    """It is there already, or the `request_id` was used for something else."""

    code = grpc.StatusCode.ALREADY_EXISTS


class PermissionDenied(LekaloError):
    """The API key may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED


class ResourceExhausted(LekaloError):
    """Too many calls, or too large a message."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class FailedPrecondition(LekaloError):
    """The request is well-formed, but the state of things does not allow it; `reason` says what stands in the way."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class PriceNotConfigured(FailedPrecondition):
    """Nothing says what this costs. A manager has to be asked; it is neither free nor a guess."""


class BodyTypeRequired(FailedPrecondition):
    """The price depends on the body, which is not known: ask which of `body_types` it is."""

    @property
    def body_types(self) -> tuple[str, ...]:
        """The codes to choose from, e.g. `minivan_small`."""
        return tuple(code for code in self.metadata.get("body_types", "").split(",") if code)

    @property
    def display_names(self) -> tuple[str, ...]:
        """What they are called in the language asked for, in the same order, e.g. `Малый минивэн`."""
        return tuple(name for name in self.metadata.get("display_names", "").split(";") if name)


class Aborted(LekaloError):
    """Another write came first: read again, then decide again."""

    code = grpc.StatusCode.ABORTED


class OutOfRange(LekaloError):
    """Past the end of what there is."""

    code = grpc.StatusCode.OUT_OF_RANGE


class Unimplemented(LekaloError):
    """The server knows no such method, does not answer it yet, or cannot read how the request is compressed.

    Which it is says `reason`: METHOD_UNKNOWN, UNIMPLEMENTED or ENCODING_UNSUPPORTED.
    """

    code = grpc.StatusCode.UNIMPLEMENTED


class Internal(LekaloError):
    """A fault of the service. `metadata["error_id"]` is what its log has too."""

    code = grpc.StatusCode.INTERNAL


class Unavailable(LekaloError):
    """The service is out of reach, and still was at the last attempt."""

    code = grpc.StatusCode.UNAVAILABLE


class DataLoss(LekaloError):
    """Data was lost or corrupted."""

    code = grpc.StatusCode.DATA_LOSS


class Unauthenticated(LekaloError):
    """The API key or JWT is missing, unknown, expired or revoked."""

    code = grpc.StatusCode.UNAUTHENTICATED


BY_CODE: dict[grpc.StatusCode, type[LekaloError]] = {kind.code: kind for kind in LekaloError.__subclasses__()}
BY_REASON: dict[str, type[LekaloError]] = {
    "BODY_TYPE_REQUIRED": BodyTypeRequired,
    "PRICE_NOT_CONFIGURED": PriceNotConfigured,
}


def from_rpc_error(error: grpc.RpcError) -> LekaloError:
    """The exception for what gRPC raised."""
    if not isinstance(error, (grpc.Call, grpc.aio.AioRpcError)):
        return Unknown(str(error))
    # Pairs: grpc.aio's metadata of some versions looks like a mapping and is none.
    trailers = error.trailing_metadata() or ()
    details = read_details(next((value for key, value in trailers if key == "grpc-status-details-bin"), b""))
    kind = BY_CODE.get(error.code(), Unknown)
    specific = BY_REASON.get(details.reason, kind)
    return (specific if issubclass(specific, kind) else kind)(error.details() or "", details)


def read_details(encoded: str | bytes) -> Details:
    """The details in an encoded `google.rpc.Status`; what cannot be read is as if it were not there."""
    try:
        status = status_pb2.Status.FromString(encoded if isinstance(encoded, bytes) else encoded.encode())
        info = unpack(status.details, error_details_pb2.ErrorInfo)
        retry = unpack(status.details, error_details_pb2.RetryInfo)
        resource = unpack(status.details, error_details_pb2.ResourceInfo)
        request = unpack(status.details, error_details_pb2.BadRequest)
    except DecodeError:
        return Details()
    return Details(
        reason=info.reason if info else "",
        metadata=dict(info.metadata) if info else {},
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
        resource=Resource(resource.resource_type, resource.resource_name, resource.description) if resource else None,
        violations=tuple(
            Violation(violation.field, violation.description, violation.reason)
            for violation in (request.field_violations if request else ())
        ),
    )


def unpack(details: Iterable[AnyMessage], kind: Callable[[], DetailT]) -> DetailT | None:
    """The first of these details that is of this kind."""
    for detail in details:
        message = kind()
        if detail.Unpack(message):
            return message
    return None
