"""The client: one connection with the methods of all services."""

from __future__ import annotations

from .admin import AsyncAdmin
from .applications import AsyncApplications
from .catalog import AsyncCatalog
from .categories import AsyncCategories
from .customers import AsyncCustomers
from .documents import AsyncDocuments
from .imports import AsyncImports
from .patterns import AsyncPatterns
from .pricing import AsyncPricing
from .tenants import AsyncTenants
from .texts import AsyncTexts


class AsyncClient(
    AsyncCatalog,
    AsyncCategories,
    AsyncPatterns,
    AsyncPricing,
    AsyncTexts,
    AsyncDocuments,
    AsyncApplications,
    AsyncCustomers,
    AsyncTenants,
    AsyncImports,
    AsyncAdmin,
):
    """Lekalo over one connection, which many tasks may share. It may be made where there is no event loop yet.

    A method is called as in the contract (`ListBrands` is `list_brands`), takes the fields of its request as arguments,
    and answers with the contract's messages, which `lekalo_client.v1` has. What goes wrong is a LekaloError.

        async with AsyncClient("127.0.0.1:50051") as client:
            for category in (await client.list_categories("evopoliki")).categories:
                print(category.display_name)

    `address` is `HOST:PORT`. `api_key` goes with each call. `tls` is True for TLS with publicly known certificates, or
    `grpc.ssl_channel_credentials(...)` for others; without it, everything, the key too, is sent in plain text.
    `timeout` is the deadline of each call in seconds, retries included; every method also takes its own. `retry` says
    how often calls are repeated that may be. `options` are further gRPC channel options.
    """
