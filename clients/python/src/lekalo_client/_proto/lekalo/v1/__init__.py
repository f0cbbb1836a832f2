"""Generated from the contract; not to be edited."""
