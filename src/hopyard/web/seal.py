"""What web hands out and takes back sealed: the session cookie, and deputy tokens.

The cookie holds the person's Hub token, encrypted and authenticated (Fernet), so nothing has to be
kept on the server and any number of web processes agree. What ends a session is the Hub: signing
out there revokes the token, and a cookie with a revoked token is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken

SESSION_LIFE = 14 * 24 * 3600
SIGN_IN_LIFE = 600
WORDS_LIFE = 60
DEPUTY_LIFE = 60
TICKET_LIFE = 60
DEPUTY_PREFIX = "deputy."


@dataclass(frozen=True)
class CookieSession:
    """What the cookie of a person who is signed in says."""

    user: str
    token: str
    csrf: str


@dataclass(frozen=True)
class Deputy:
    """Web itself, acting in the place of a user in one project."""

    user: str
    project: str


class Seal:
    """Seals and opens with keys that are derived from the platform's cookie secret."""

    def __init__(self, secret: str) -> None:
        self._cookies = _key(secret, "session cookie")
        self._states = _key(secret, "sign-in state")
        self._deputies = _key(secret, "deputy token")
        self._words = _key(secret, "what was done")
        self._tickets = _key(secret, "ticket to a Spark UI")
        self._uis = _key(secret, "session of a Spark UI")

    def session(self, user: str, token: str) -> str:
        """Return the cookie of a person who just signed in."""
        made = CookieSession(user, token, secrets.token_urlsafe(24))
        return self._cookies.encrypt(json.dumps(asdict(made)).encode()).decode()

    def open_session(self, cookie: str) -> CookieSession | None:
        """Return what a cookie says; None if it is not ours or too old."""
        try:
            said = json.loads(self._cookies.decrypt(cookie.encode(), ttl=SESSION_LIFE))
            return CookieSession(**said)
        except (InvalidToken, TypeError, ValueError):
            return None

    def ticket(self, session: CookieSession, place: str) -> str:
        """Return what lets a person who is signed in go over to the host of one Spark UI."""
        return _sealed(self._tickets, session, place)

    def open_ticket(self, ticket: str, place: str) -> CookieSession | None:
        """Return who comes over with a ticket; None if it is for elsewhere, or too old."""
        return _opened(self._tickets, ticket, place, TICKET_LIFE)

    def ui_session(self, session: CookieSession, place: str) -> str:
        """Return the cookie with which a person sees one Spark UI, and nothing else."""
        return _sealed(self._uis, session, place)

    def open_ui_session(self, cookie: str, place: str) -> CookieSession | None:
        """Return what such a cookie says; None if it is for elsewhere, or too old."""
        return _opened(self._uis, cookie, place, SESSION_LIFE)

    def state(self, state: str, target: str) -> str:
        """Return the cookie that ties a sign-in at the Hub to this browser."""
        return self._states.encrypt(json.dumps([state, target]).encode()).decode()

    def open_state(self, cookie: str, state: str) -> str | None:
        """Return where a sign-in was to lead; None if it was not begun in this browser."""
        try:
            known, target = json.loads(self._states.decrypt(cookie.encode(), ttl=SIGN_IN_LIFE))
        except (InvalidToken, TypeError, ValueError):
            return None
        return str(target) if secrets.compare_digest(str(known), state) else None

    def words(self, text: str) -> str:
        """Return a cookie with what the next page is to say; nobody else can make it say things."""
        return self._words.encrypt(text.encode()).decode()

    def open_words(self, cookie: str) -> str:
        """Return what a page is to say; nothing if it is not from us, or too old."""
        try:
            return self._words.decrypt(cookie.encode(), ttl=WORDS_LIFE).decode()
        except (InvalidToken, ValueError):
            return ""

    def deputy(self, user: str, project: str) -> str:
        """Return a token with which web acts for a user at livy for a minute.

        Needed where the user has no part in it: when a member is removed, or a project deleted,
        the sessions must end. Only our own access door knows these tokens.
        """
        words = json.dumps([user, project]).encode()
        return DEPUTY_PREFIX + self._deputies.encrypt(words).decode()

    def open_deputy(self, token: str) -> Deputy | None:
        """Return for whom a deputy token speaks; None if it is not one, or too old."""
        if not token.startswith(DEPUTY_PREFIX):
            return None
        sealed = token.removeprefix(DEPUTY_PREFIX).encode()
        try:
            user, project = json.loads(self._deputies.decrypt(sealed, ttl=DEPUTY_LIFE))
        except (InvalidToken, TypeError, ValueError):
            return None
        return Deputy(user, project)


def _sealed(key: Fernet, session: CookieSession, place: str) -> str:
    return key.encrypt(json.dumps([place, asdict(session)]).encode()).decode()


def _opened(key: Fernet, sealed: str, place: str, life: int) -> CookieSession | None:
    try:
        known, said = json.loads(key.decrypt(sealed.encode(), ttl=life))
        return CookieSession(**said) if known == place else None
    except (InvalidToken, TypeError, ValueError):
        return None


def _key(secret: str, purpose: str) -> Fernet:
    derived = hashlib.sha256(f"{purpose}\0{secret}".encode())
    return Fernet(base64.urlsafe_b64encode(derived.digest()))
