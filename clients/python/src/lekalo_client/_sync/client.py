"""The client: one connection with the methods of all services."""

from __future__ import annotations

from .admin import Admin
from .applications import Applications
from .catalog import Catalog
from .categories import Categories
from .customers import Customers
from .documents import Documents
from .imports import Imports
from .patterns import Patterns
from .pricing import Pricing
from .tenants import Tenants
from .texts import Texts


class Client(
    Catalog,
    Categories,
    Patterns,
    Pricing,
    Texts,
    Documents,
    Applications,
    Customers,
    Tenants,
    Imports,
    Admin,
):
    """Lekalo over one connection, which many threads may share.

    A method is called as in the contract (`ListBrands` is `list_brands`), takes the fields of its request as arguments,
    and answers with the contract's messages, which `lekalo_client.v1` has. What goes wrong is a LekaloError.

        with Client("127.0.0.1:50051") as client:
            for category in (client.list_categories("evopoliki")).categories:
                print(category.display_name)

    `address` is `HOST:PORT`. `api_key` goes with each call. `tls` is True for TLS with publicly known certificates, or
    `grpc.ssl_channel_credentials(...)` for others; without it, everything, the key too, is sent in plain text.
    `timeout` is the deadline of each call in seconds, retries included; every method also takes its own. `retry` says
    how often calls are repeated that may be. `options` are further gRPC channel options.
    """
