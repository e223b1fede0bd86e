"""Signing in at the Hub (OAuth 2 authorisation code) and out.

https://jupyterhub.readthedocs.io/en/stable/explanation/oauth.html
"""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hopyard.errors import NotAllowed, Unavailable
from hopyard.web.deps import COOKIE, Person, Public, Services
from hopyard.web.seal import SESSION_LIFE, SIGN_IN_LIFE
from hopyard.web.wiring import Wiring

router = APIRouter()

CLIENT_ID = "service-web"
CALLBACK = "/projects/oauth_callback"
PATH = "/projects/"
STATE_COOKIE = "hopyard-sign-in-"


@router.get("/projects/login", dependencies=[Public])
async def login(request: Request, services: Services, next: str = PATH) -> Response:
    """Send the browser to the Hub; each tab has its own state, so two may sign in at once."""
    state = secrets.token_urlsafe(24)
    query = urlencode(
        {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": state,
        }
    )
    answer = RedirectResponse(f"/hub/api/oauth2/authorize?{query}", 303)
    answer.set_cookie(
        STATE_COOKIE + state[:8],
        services.seal.state(state, _safe(next)),
        max_age=SIGN_IN_LIFE,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=_secure(services),
    )
    return answer


@router.get(CALLBACK, dependencies=[Public])
async def callback(
    request: Request, services: Services, code: str = "", state: str = "", error: str = ""
) -> Response:
    """Take the code that the Hub gave, and keep the person's token in the session's cookie."""
    cookie = STATE_COOKIE + state[:8]
    target = services.seal.open_state(request.cookies.get(cookie, ""), state)
    if target is None:
        # An old tab, or a sign-in that did not begin in this browser: begin anew, never trust.
        return RedirectResponse(PATH, 303)
    if error or not code:
        raise NotAllowed(f"The Hub did not sign you in: {error or 'it gave no reason'}.")
    token = await _exchange(services, code)
    who = await services.hub.identify(token)
    answer = RedirectResponse(target, 303)
    answer.delete_cookie(cookie, path=PATH)
    answer.set_cookie(
        COOKIE,
        services.seal.session(who.user, token),
        max_age=SESSION_LIFE,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=_secure(services),
    )
    return answer


@router.post("/projects/logout")
async def logout(who: Person, services: Services) -> Response:
    """Forget the session, and let the Hub revoke its tokens."""
    services.hub.forget(who.token)
    answer = RedirectResponse("/hub/logout", 303)
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


async def _exchange(services: Wiring, code: str) -> str:
    form = {
        "client_id": CLIENT_ID,
        "client_secret": services.platform.web_token.get_secret_value(),
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
    }
    try:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
            response = await http.post(services.platform.hub_api_url + "oauth2/token", data=form)
    except httpx.HTTPError as error:
        raise Unavailable(f"The Hub does not answer ({type(error).__name__}).") from None
    if response.status_code != 200:
        raise NotAllowed("The Hub did not accept this sign-in: please sign in again.")
    return str(response.json()["access_token"])


def _safe(target: str) -> str:
    """Return where to go after the sign-in: a page of ours, nowhere else."""
    ours = target.startswith(PATH) and "\\" not in target and not target.startswith(CALLBACK)
    return target if ours else PATH


def _secure(services: Wiring) -> bool:
    return services.platform.public_url.startswith("https:")
