"""A connection to the service: every call's deadline, its retries, and its errors as exceptions."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

import grpc

from .._arguments import Checked
from ..channel import ADDRESS, TIMEOUT, credentials, metadata_of, options_of
from ..errors import LekaloError, client_closed, from_rpc_error
from ..retry import RETRY, Retry

if TYPE_CHECKING:
    from typing_extensions import Self

P = ParamSpec("P")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
ResponseT_co = TypeVar("ResponseT_co", covariant=True)

log = logging.getLogger("lekalo_client")


class Method(Protocol[RequestT_contra, ResponseT_co]):
    """A method with one answer, as the generated stubs have it."""

    def __call__(
        self, request: RequestT_contra, /, *, timeout: float | None, metadata: tuple[tuple[str, str], ...]
    ) -> ResponseT_co:
        """Sends the request."""


class Repeatable(Protocol):
    """A write that the service recognises when it comes again."""

    request_id: str


class Page(Protocol):
    """One page of a list."""

    @property
    def next_page_token(self) -> str:
        """The token of the next page; empty on the last."""


RepeatableT = TypeVar("RepeatableT", bound=Repeatable)
PageT = TypeVar("PageT", bound=Page)


def new_request_id() -> str:
    """An id for one write."""
    return str(uuid.uuid4())


class Connection(Checked):
    """What the services' methods share. Use Client, which has them all."""

    def __init__(
        self,
        address: str = ADDRESS,
        *,
        api_key: str | None = None,
        tls: bool | grpc.ChannelCredentials = False,
        timeout: float = TIMEOUT,
        retry: Retry = RETRY,
        options: Sequence[tuple[str, str | int]] = (),
    ) -> None:
        self._address = address
        self._credentials = credentials(tls)
        self._options = options_of(options)
        self._opened: grpc.Channel | None = None
        self._closed = False
        self._opening = threading.Lock()
        self._metadata = metadata_of(api_key)
        self._timeout = timeout
        self._retry = retry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the calls under way and closes the connection; later calls fail with Cancelled."""
        with self._opening:
            self._closed, opened = True, self._opened
        if opened:
            opened.close()

    @property
    def _channel(self) -> grpc.Channel:
        """Made by the first call: the client itself may be made where there is no event loop yet."""
        with self._opening:
            self._refuse_if_closed()
            if self._opened is None:
                self._opened = (
                    grpc.secure_channel(self._address, self._credentials, options=self._options)
                    if self._credentials
                    else grpc.insecure_channel(self._address, options=self._options)
                )
            return self._opened

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise client_closed()

    def _failure(self, error: grpc.RpcError) -> LekaloError:
        return client_closed() if self._closed else from_rpc_error(error)

    def pages(self, method: Callable[P, PageT], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[PageT]:
        """Goes through all pages of a list: `client.pages(client.list_brands, "evopoliki", "eva_mats")`."""
        while True:
            page = method(*args, **kwargs)
            yield page
            if not page.next_page_token:
                return
            kwargs.update(page_token=page.next_page_token, skip=0)

    def _read(self, method: Method[RequestT, ResponseT], request: RequestT, timeout: float | None) -> ResponseT:
        """A call that changes nothing, and may therefore be repeated."""
        return self._call(method, request, timeout, self._retry.attempts)

    def _write(
        self,
        method: Method[RepeatableT, ResponseT],
        request: RepeatableT,
        timeout: float | None,
        *,
        decided: bool = False,
    ) -> ResponseT:
        """A call that may be repeated because its `request_id`, made here if need be, tells that it is the same."""
        request.request_id = request.request_id or new_request_id()
        return self._call(method, request, timeout, self._retry.attempts, decided=decided)

    def _once(self, method: Method[RequestT, ResponseT], request: RequestT, timeout: float | None) -> ResponseT:
        """A call that is sent once: nothing would tell a repetition from a second wish."""
        return self._call(method, request, timeout, 1)

    def _call(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        timeout: float | None,
        attempts: int | None,
        *,
        decided: bool = False,
    ) -> ResponseT:
        """Sends until there is an answer, at most `attempts` times if that is given, and within one deadline."""
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        attempt = 1
        while True:
            self._refuse_if_closed()
            try:
                return method(request, timeout=max(deadline - time.monotonic(), 0), metadata=self._metadata)
            except ValueError:  # gRPC's word where the channel was closed in this very moment
                self._refuse_if_closed()
                raise
            except grpc.RpcError as error:
                failure = self._failure(error)
                wait = self._retry.wait(attempt, failure)
                late = attempt == attempts or time.monotonic() + wait >= deadline
                if late or not self._retry.allows(failure, decided=decided):
                    raise failure from error
            log.debug(
                "attempt %d failed, the next is in %.2f s: %s", attempt, wait, failure.reason or failure.code.name
            )
            time.sleep(wait)
            attempt += 1

    def _watch(
        self,
        method: grpc.UnaryStreamMultiCallable[RequestT, ResponseT],
        request: RequestT,
        timeout: float | None,
    ) -> Iterator[ResponseT]:
        """A stream, opened again when the service comes back; the caller keeps in `request` where to go on."""
        deadline = None if timeout is None else time.monotonic() + timeout
        attempt = 1
        while True:
            self._refuse_if_closed()
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            call = None
            try:
                call = method(request, timeout=left, metadata=self._metadata)
                for response in call:
                    attempt = 1
                    yield response
                return
            except ValueError:
                self._refuse_if_closed()
                raise
            except grpc.RpcError as error:
                failure = self._failure(error)
                wait = self._retry.wait(attempt, failure)
                late = deadline is not None and time.monotonic() + wait >= deadline
                if self._retry.attempts == 1 or not self._retry.allows(failure) or late:
                    raise failure from error
            finally:
                if call is not None:
                    call.cancel()
            log.warning("a stream broke off, it is opened again in %.2f s: %s", wait, failure)
            time.sleep(wait)
            attempt += 1
