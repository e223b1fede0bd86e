"""What OpenAPI says of this server: FastAPI's own words, made true.

Bodies are read by hand (`deps.read`), answers are dictionaries, errors have one form, and some
answers are no JSON: FastAPI knows nothing of that. A fuzzer holds the result against the server.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hopyard.livy import answers

Schema = dict[str, Any]

ANSWERS: dict[str, type[BaseModel]] = {
    "POST /sessions": answers.SessionInfo,
    "GET /sessions": answers.SessionPage,
    "GET /sessions/{session}": answers.SessionInfo,
    "DELETE /sessions/{session}": answers.Message,
    "GET /sessions/{session}/state": answers.SessionStateInfo,
    "GET /sessions/{session}/log": answers.Log,
    "POST /sessions/{session}/connect": answers.SessionInfo,
    "POST /sessions/{session}/interrupt": answers.Message,
    "POST /sessions/{session}/completion": answers.Candidates,
    "POST /sessions/{session}/statements": answers.StatementInfo,
    "GET /sessions/{session}/statements": answers.StatementPage,
    "GET /sessions/{session}/statements/{statement}": answers.StatementInfo,
    "POST /sessions/{session}/statements/{statement}/cancel": answers.Message,
    "POST /sessions/{session}/submit-job": answers.JobInfo,
    "POST /sessions/{session}/run-job": answers.JobInfo,
    "GET /sessions/{session}/jobs/{job}": answers.JobInfo,
    "POST /sessions/{session}/jobs/{job}/cancel": answers.Message,
    "POST /batches": answers.BatchInfo,
    "GET /batches": answers.BatchPage,
    "GET /batches/{batch}": answers.BatchInfo,
    "DELETE /batches/{batch}": answers.Message,
    "GET /batches/{batch}/state": answers.BatchStateInfo,
    "GET /batches/{batch}/log": answers.Log,
    **{
        f"POST /sessions/{{session}}/{verb}-{what}": answers.Message
        for verb in ("add", "upload")
        for what in ("jar", "pyfile", "file")
    },
}
OTHER_MEDIA = {
    "GET /ping": "text/plain",
    "GET /metrics": "text/plain",
    "GET /sessions/{session}/log/view": "text/plain",
    "GET /batches/{batch}/log/view": "text/plain",
    "GET /sessions/{session}/statements/{statement}/text": "text/plain",
    "GET /sessions/{session}/statements/{statement}/events": "text/event-stream",
    "GET /sessions/{session}/late": "text/event-stream",
    "GET /sessions/{session}/statements/{statement}/arrow": "application/vnd.apache.arrow.stream",
}
PASSED_ON = "/ui/{path}"
"""Spark's UI: its own statuses and media."""
ERRORS = {
    400: "It is not of an allowed form.",
    401: "Nobody known asks.",
    403: "It is not permitted.",
    404: "It is not there, or is somebody else's.",
    406: "The version of the API is not known.",
    409: "It is in a state that forbids this.",
    503: "Something that this needs does not answer.",
}
ERRORS_OF_POST = {413: "It is too large.", 429: "A limit was reached: `Retry-After` says more."}
NUMBERS = ("statement", "job")
OPEN = ("GET /ping", "GET /version", "GET /metrics")


def install(app: FastAPI) -> None:
    """Have an app describe itself so."""

    def describe() -> Schema:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
            _correct(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _correct(schema: Schema) -> None:
    models = [(model, "serialization") for model in {*ANSWERS.values(), answers.Message}]
    _, definitions = models_json_schema(
        models,  # type: ignore[arg-type]
        ref_template="#/components/schemas/{model}",
    )
    components = schema.setdefault("components", {})
    components["schemas"] = definitions["$defs"]
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic", "description": "The token is the password."},
    }
    schema["security"] = [{"bearer": []}, {"basic": []}]
    for path, operations in schema["paths"].items():
        place = path.removeprefix("/livy").removeprefix("/projects/{project}")
        for method, operation in operations.items():
            _correct_operation(f"{method.upper()} {place}", operation)


def _correct_operation(name: str, operation: Schema) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    good = next(iter(responses))
    if name in ANSWERS:
        model = {"$ref": f"#/components/schemas/{ANSWERS[name].__name__}"}
        responses[good]["content"] = {"application/json": {"schema": model}}
    if name in OTHER_MEDIA:
        responses[good]["content"] = {OTHER_MEDIA[name]: {}}
    if name.endswith(PASSED_ON):
        responses["default"] = {"description": "What Spark answers.", "content": {"*/*": {}}}
    if name in OPEN:
        operation["security"] = []
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}
    for status, words in (ERRORS | (ERRORS_OF_POST if name.startswith("POST") else {})).items():
        responses.setdefault(str(status), {"description": words, "content": error})
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in NUMBERS:
            parameter["schema"] = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
