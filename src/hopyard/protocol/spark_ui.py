"""How requests to a Spark UI prove that they may: Spark's own JWSFilter, one key an application."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

FILTER = "org.apache.spark.ui.JWSFilter"
KEY = f"spark.{FILTER}.param.secretKey"
"""The property that has the key, as `encoded` writes it."""
TOKEN_SECONDS = 60
PAGES_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
)
"""Spark's own pages have scripts and styles in them; still nothing may come from elsewhere."""


def encoded(secret: bytes) -> str:
    """Return a key as Spark reads it."""
    return base64.urlsafe_b64encode(secret).decode()


def decoded(text: str) -> bytes:
    """Return the key that a property has."""
    return base64.urlsafe_b64decode(text)


def signed(secret: bytes) -> str:
    """Return a token that Spark's JWSFilter takes: HS256, valid for a minute."""

    def plain(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    head = plain(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = plain(json.dumps({"exp": int(time.time()) + TOKEN_SECONDS}).encode())
    signature = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{plain(signature)}"
