"""What is kept of finished runs, and read again for baselines, reports and history."""

from loadtest_operator.store.base import Baseline, Store, StoredRun, StoreRefused, StoreUnavailable
from loadtest_operator.store.sqlite import SqliteStore, open_store

__all__ = ["Baseline", "SqliteStore", "Store", "StoreRefused", "StoreUnavailable", "StoredRun", "open_store"]
