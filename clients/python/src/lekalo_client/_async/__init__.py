"""The asyncio client. `_sync` is made from it: see `scripts/generate_sync.py`."""
