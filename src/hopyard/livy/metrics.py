"""The server's figures for Prometheus; made once, counted where things happen.

What is only there (sessions, queues) is looked up when somebody asks, see `routes/meta.py`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

START_SECONDS = Histogram(
    "livy_session_start_seconds",
    "From POST /sessions to idle",
    buckets=(0.3, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300),
    registry=REGISTRY,
)
STATEMENT_SECONDS = Histogram(
    "livy_statement_seconds",
    "From POST of a statement to its end, waiting included",
    ["kind"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
    registry=REGISTRY,
)
WRITE_SECONDS = Histogram(
    "livy_ledger_write_seconds",
    "One transaction of the ledger, with everything that was written together",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 20),
    registry=REGISTRY,
)
WRITES_FAILED = Counter(
    "livy_ledger_writes_failed", "Transactions that the database refused", registry=REGISTRY
)
REQUESTS = Counter(
    "livy_http_requests",
    "Answers by route, method and status",
    ["route", "method", "status"],
    registry=REGISTRY,
)
RECONNECTS = Counter("livy_driver_reconnects", "Drivers that dialled again", registry=REGISTRY)
SESSIONS = Gauge("livy_sessions", "Sessions by state", ["state"], registry=REGISTRY)
BATCHES = Gauge("livy_batches", "Batches by state", ["state"], registry=REGISTRY)
STATEMENTS = Gauge(
    "livy_statements", "Statements that are not done, by state", ["state"], registry=REGISTRY
)
DRIVERS = Gauge("livy_drivers_connected", "Drivers that are connected", registry=REGISTRY)
