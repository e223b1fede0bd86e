"""The table of scopes: each name is one that JupyterHub has."""

import pytest
from jupyterhub.scopes import scope_definitions

from hopyard.hub import roles

GIVEN = {scope for role in roles.ROLES for scope in role["scopes"]}


@pytest.mark.parametrize("scope", sorted(GIVEN | {*roles.SERVER_TOKEN, *roles.PERSON_AT_WEB}))
def test_scope_exists(scope: str) -> None:
    assert scope.partition("!")[0] in scope_definitions


def test_server_token_starts_nothing() -> None:
    names = {scope.partition("!")[0] for scope in roles.SERVER_TOKEN}
    assert names == {"users:activity", "access:servers", "access:services"}
