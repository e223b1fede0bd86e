"""Where secrets for drivers come from: web decides, for the session's owner in its project."""

from __future__ import annotations

import httpx

from hopyard.errors import Conflict, HopyardError, NotAllowed, NotFound, Unavailable
from hopyard.livy.records import Session
from hopyard.protocol.names import as_header, segment
from hopyard.settings import Platform

FAULTS: dict[int, type[HopyardError]] = {404: NotFound, 409: Conflict, 403: NotAllowed}


class PlatformSecrets:
    """Asks web for secrets."""

    def __init__(self, platform: Platform) -> None:
        self._http = httpx.AsyncClient(
            base_url=platform.web_url, timeout=20, trust_env=False, follow_redirects=False
        )
        self._token = platform.livy_token

    async def read(self, session: Session, name: str, owner: str | None) -> str:
        """Return a secret's value for the owner of a session.

        Raises:
            NotFound: there is none that the owner may use in the session's project.
            Conflict: several members share one of this name.
            Unavailable: web does not answer.
        """
        try:
            answer = await self._http.get(
                f"api/v1/projects/{segment(session.project)}/secrets/{segment(name)}",
                params={"owner": owner} if owner else {},
                headers={
                    "Authorization": f"Bearer {self._token.get_secret_value()}",
                    "X-Hopyard-User": as_header(session.owner),
                },
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"Secrets cannot be read now ({type(error).__name__}).") from None
        if answer.status_code == 200:
            return str(answer.json()["value"])
        fault = FAULTS.get(answer.status_code, Unavailable)
        raise fault(_reason(answer))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The platform answers {answer.status_code}."
