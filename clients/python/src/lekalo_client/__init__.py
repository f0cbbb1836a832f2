"""Client of Lekalo: catalogues, prices and applications of shops that make car accessories to a pattern.

`Client` and `AsyncClient` have every method of the service; `lekalo_client.bot` has what a chat bot needs, as one call
each; `lekalo_client.v1` has the contract's messages and enums. What goes wrong is a `LekaloError`.
"""

from ._async.client import AsyncClient
from ._sync.client import Client
from .errors import (
    Aborted,
    AlreadyExists,
    BodyTypeRequired,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    Details,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    LekaloError,
    NotFound,
    OutOfRange,
    PermissionDenied,
    PriceNotConfigured,
    Resource,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    Unknown,
    Violation,
)
from .retry import Retry
from .values import to_datetime, to_decimal, to_money, to_timestamp

__all__ = [
    "Aborted",
    "AlreadyExists",
    "AsyncClient",
    "BodyTypeRequired",
    "Cancelled",
    "Client",
    "DataLoss",
    "DeadlineExceeded",
    "Details",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "LekaloError",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "PriceNotConfigured",
    "Resource",
    "ResourceExhausted",
    "Retry",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "Unknown",
    "Violation",
    "to_datetime",
    "to_decimal",
    "to_money",
    "to_timestamp",
]
