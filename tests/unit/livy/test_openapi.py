"""OpenAPI's words are those of the views."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopyard.livy import answers, openapi
from hopyard.livy.app import create_app
from hopyard.livy.records import Session, Statement
from hopyard.livy.requests import CreateSession
from hopyard.livy.views import Addresses, session_view, statement_view
from hopyard.protocol.states import Kind
from hopyard.settings import Settings
from hopyard.store.types import now


def test_session_has_the_keys_that_openapi_says() -> None:
    session = Session(1, "demo", "ada", CreateSession(), now())
    view = session_view(session, Addresses(None, "http://127.0.0.1:8998/"))
    keys = list(answers.SessionInfo.model_fields)
    assert list(view)[: len(keys)] == keys
    answers.SessionInfo.model_validate(view)


def test_statement_has_the_keys_that_openapi_says() -> None:
    view = statement_view(Statement(1, 0, "1", Kind.PYSPARK))
    assert list(view) == list(answers.StatementInfo.model_fields)
    answers.StatementInfo.model_validate(view)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> openapi.Schema:
    return create_app(Settings(data_dir=Path(tmp_path_factory.mktemp("app"))), None).openapi()


def test_openapi_knows_every_answer_that_is_described(schema: openapi.Schema) -> None:
    served = {
        f"{method.upper()} {path}"
        for path, operations in schema["paths"].items()
        for method in operations
    }
    assert not (set(openapi.ANSWERS) | set(openapi.OTHER_MEDIA)) - served


def test_errors_have_one_form(schema: openapi.Schema) -> None:
    operation = schema["paths"]["/sessions"]["post"]
    assert "422" not in operation["responses"]
    for status in ("400", "401", "429"):
        content = operation["responses"][status]["content"]
        assert content["application/json"]["schema"]["$ref"].endswith("/Message")
