"""How both clients connect: address, options, encryption, key."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

ADDRESS = "127.0.0.1:50051"
"""Where `lekalo serve` listens unless told otherwise."""

TIMEOUT = 5.0
"""The seconds that a call may take, its retries included, unless told otherwise."""

LEAD_TIMEOUT = 15.0
"""The same for a lead: a service that restarts is back by then, and a customer's order is worth the wait."""

OPTIONS: tuple[tuple[str, str | int], ...] = (
    # A dead peer or a forgetful firewall is noticed within 40 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that restarts is found again while a call's retries last; gRPC alone waits up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


def options_of(further: Sequence[tuple[str, str | int]]) -> list[tuple[str, str | int]]:
    """The channel's options; the caller's go before the ones here."""
    return list((dict(OPTIONS) | dict(further)).items())


def credentials(tls: bool | grpc.ChannelCredentials) -> grpc.ChannelCredentials | None:
    """True is TLS by the certificates that gRPC trusts; own credentials are taken as they are; False is plain text."""
    if isinstance(tls, grpc.ChannelCredentials):
        return tls
    if not isinstance(tls, bool):
        raise TypeError("tls is True, False or grpc.ssl_channel_credentials(…)")
    return grpc.ssl_channel_credentials() if tls else None


def metadata_of(api_key: str | None) -> tuple[tuple[str, str], ...]:
    """What each call says of who calls."""
    key = (api_key or "").strip()  # a file's last line ends in one
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("api_key is no API key: lk_… and nothing else, without Bearer")
    return (("authorization", f"Bearer {key}"),) if key else ()
