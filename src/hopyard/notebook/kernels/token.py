"""How kernels sign in to the Livy server: with the Jupyter server's own token of the Hub."""

from __future__ import annotations

import os
from typing import Any

import requests
from sparkmagic.auth.customauth import Authenticator

TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a variable's name


class HubToken(Authenticator):  # type: ignore[misc]
    """Shows the Jupyter server's own Hub token; it is read when it is used and kept nowhere."""

    def __init__(self, parsed_attributes: Any = None) -> None:
        # The base class would draw widgets for an address.
        self.url = parsed_attributes.url if parsed_attributes else ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one request."""
        if token := os.environ.get(TOKEN):
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url={self.url!r})"

    __hash__ = Authenticator.__hash__


class HubTokenInNotebook(HubToken):
    """The same, for `%manage_spark` in a Python notebook: with the project's address filled in."""

    def __init__(self, parsed_attributes: Any = None) -> None:
        super().__init__(parsed_attributes)
        self.widgets = self.get_widgets("800px")
        self.address_widget.value = self.url or os.environ.get("HOPYARD_LIVY_URL", "")
        self.url = self.address_widget.value
