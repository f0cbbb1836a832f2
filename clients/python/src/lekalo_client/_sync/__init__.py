"""The client without asyncio. Made from `_async`; not to be edited."""
