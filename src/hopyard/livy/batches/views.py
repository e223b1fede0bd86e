"""Batches as Livy's REST API shows them; the keys and their order are Livy's."""

from __future__ import annotations

from typing import Any

from hopyard.livy.batches.records import Batch
from hopyard.livy.views import Addresses


def batch_view(batch: Batch, addresses: Addresses) -> dict[str, Any]:
    """Return a batch's JSON, still without lines of its log."""
    working = batch.ui_url is not None and not batch.over
    return {
        "id": batch.id,
        "name": batch.request.name,
        "owner": batch.owner or None,
        "proxyUser": batch.request.proxyUser,
        "state": batch.state.value,
        "appId": batch.app_id,
        "appInfo": {
            "driverLogUrl": addresses.batch_log(batch.project, batch.id),
            "sparkUiUrl": addresses.batch_ui(batch.project, batch.id) if working else None,
            "executorLogUrls": None,
        },
        "log": [],
        "createdAt": batch.created.isoformat(timespec="seconds"),
    }
