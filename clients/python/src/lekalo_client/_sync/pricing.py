"""PricingService: what things cost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from .._proto.lekalo.v1.pricing_service_pb2_grpc import PricingServiceStub
from ..v1 import (
    ListPricesRequest,
    ListPricesResponse,
    Price,
    QuotePriceRequest,
    QuotePriceResponse,
    Selection,
    SetPricesRequest,
    SetPricesResponse,
)
from ..values import to_timestamp
from .connection import Connection


class Pricing(Connection):
    """The methods of PricingService."""

    @cached_property
    def _pricing(self) -> PricingServiceStub:
        return PricingServiceStub(self._channel)

    def quote_price(
        self,
        tenant: str,
        category: str,
        *,
        brand: str = "",
        model: str = "",
        generation: str = "",
        year: int = 0,
        body_type: str = "",
        selections: Iterable[Selection] = (),
        at_time: datetime | None = None,
        language: str = "",
        timeout: float | None = None,
    ) -> QuotePriceResponse:
        """Says what a product for a car costs with the options chosen.

        Raises BodyTypeRequired where the price depends on a body that is not known, PriceNotConfigured where there is
        none.
        """
        request = QuotePriceRequest(
            tenant=tenant,
            category=category,
            brand=brand,
            model=model,
            generation=generation,
            year=year,
            body_type=body_type,
            selections=selections,
            at_time=to_timestamp(at_time),
            language=language,
        )
        return self._read(self._pricing.QuotePrice, request, timeout)

    def list_prices(
        self,
        tenant: str,
        *,
        category: str = "",
        at_time: datetime | None = None,
        page_size: int = 0,
        page_token: str = "",
        skip: int = 0,
        timeout: float | None = None,
    ) -> ListPricesResponse:
        """Lists the prices that are valid at one time, by default now."""
        request = ListPricesRequest(
            tenant=tenant,
            category=category,
            at_time=to_timestamp(at_time),
            page_size=page_size,
            page_token=page_token,
            skip=skip,
        )
        return self._read(self._pricing.ListPrices, request, timeout)

    def set_prices(
        self, tenant: str, prices: Iterable[Price], *, request_id: str = "", timeout: float | None = None
    ) -> SetPricesResponse:
        """Sets prices, all or nothing; each ends the period of the one it replaces."""
        request = SetPricesRequest(tenant=tenant, prices=prices, request_id=request_id)
        return self._write(self._pricing.SetPrices, request, timeout)
