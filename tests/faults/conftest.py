"""Faults are tried in the working directories of the end-to-end tests."""

from tests.end_to_end.conftest import new_workspace

__all__ = ["new_workspace"]
