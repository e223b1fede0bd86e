"""The bodies of requests, as Livy's REST API has them; unknown fields are refused.

Types are strict, except that a whole number may come as text.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from hopyard.errors import InvalidInput
from hopyard.protocol.states import Kind

MEMORY = re.compile(r"^[1-9][0-9]{0,9}[bkmgt]?b?$", re.IGNORECASE)
SPAN = re.compile(r"^([1-9][0-9]{0,9})(us|ms|s|m|min|h|d)?$")
SPAN_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
SHARE = "hopyard.session.share"
"""The key in `conf` with the name of the Spark application that a session shares."""
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
PROGRAMS = (".py", ".jar", ".r")
CLASS = re.compile(r"[\w$]+(\.[\w$]+)*")
COUNT = 1_000_000
TIME = 10_000_000


def _memory(value: str) -> str:
    if not MEMORY.match(value):
        raise ValueError("must be a size of the JVM, such as 512m or 2g")
    return value


def _span(value: str) -> str:
    if not SPAN.match(value):
        raise ValueError("must be a time such as 600s, 10m, 1h")
    return value


def _text(value: str) -> str:
    """Refuse what no database can keep: NUL, and halves of a surrogate pair."""
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("must be text without NUL and lone surrogates")
    return value


def _number(value: object) -> object:
    """Take a number that comes as text: clients fill in templates."""
    is_one = isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value.strip(), re.ASCII)
    return int(str(value)) if is_one else value


def _base64(value: str) -> str:
    if not BASE64.fullmatch(value):
        raise ValueError("must be base64")
    return value


def _program(value: str) -> str:
    if not value.partition("#")[0].lower().endswith(PROGRAMS):
        raise ValueError(f"must be a program: a file that ends with {', '.join(PROGRAMS)}")
    return value


def _class(value: str) -> str:
    if not CLASS.fullmatch(value):
        raise ValueError("must be the name of a class, such as org.example.Main")
    return value


def _as_text(value: str | bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


Text = Annotated[str, AfterValidator(_text)]
Memory = Annotated[str, AfterValidator(_memory)]
Span = Annotated[str, AfterValidator(_span)]
Paths = list[Text]


def _schema(most: int) -> WithJsonSchema:
    whole = {"type": "integer", "minimum": 0, "maximum": most}
    return WithJsonSchema({"anyOf": [whole, {"type": "string", "pattern": "^[0-9]{1,9}$"}]})


_AS_TEXT = BeforeValidator(_number)
Cores = Annotated[int, Field(ge=0, le=COUNT), _AS_TEXT, _schema(COUNT)]
Seconds = Annotated[int, Field(ge=0, le=TIME), _AS_TEXT, _schema(TIME)]
Cursor = Annotated[int, Field(ge=0, le=2**31), _AS_TEXT, _schema(2**31)]
Detail = Annotated[int, Field(ge=0, le=1), _AS_TEXT, _schema(1)]


class RequestBody(BaseModel):
    """The base of all bodies: nothing unknown, no type turned into another."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AskSpark(RequestBody):
    """What a Spark application may ask for, whether a session or a batch."""

    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_text)] | None = None
    """What it may be is looked at when one is made (`owned.check_name`)."""
    proxyUser: Text | None = None
    jars: Paths | None = None
    pyFiles: Paths | None = None
    files: Paths | None = None
    archives: Paths | None = None
    driverMemory: Memory | None = None
    driverCores: Cores | None = None
    executorMemory: Memory | None = None
    executorCores: Cores | None = None
    numExecutors: Cores | None = None
    queue: Text | None = None
    conf: dict[Text, Text | bool | int | float] | None = None

    def conf_texts(self) -> dict[str, str]:
        """`conf` as Spark reads it: everything is text."""
        return {key: _as_text(value) for key, value in (self.conf or {}).items()}


class CreateSession(AskSpark):
    """POST /sessions."""

    kind: Annotated[Kind, Field(strict=False)] = Kind.SHARED
    heartbeatTimeoutInSecond: Seconds = 0
    ttl: Span | None = None
    idleTimeout: Span | None = None

    @property
    def share(self) -> str | None:
        """The name of the Spark application that it is to share."""
        return self.conf_texts().get(SHARE)


class CreateBatch(AskSpark):
    """POST /batches."""

    file: Annotated[Text, AfterValidator(_program)] | None = None
    """Must be there; Livy's sentence says so where it is not."""
    className: Annotated[Text, AfterValidator(_class)] | None = None
    args: list[Text | bool | int | float] | None = None

    def args_texts(self) -> list[str]:
        """`args` as the program gets them."""
        return [_as_text(value) for value in self.args or []]


class RunStatement(RequestBody):
    """POST /sessions/ID/statements."""

    code: Text
    kind: Annotated[Kind, Field(strict=False)] | None = None


class SubmitJob(RequestBody):
    """POST /sessions/ID/submit-job and run-job."""

    job: Annotated[str, AfterValidator(_base64)] | None = None
    """A pickled function, in base64."""
    jobType: Annotated[str, Field(max_length=100)] | None = None


class AddResource(RequestBody):
    """POST /sessions/ID/add-jar, add-pyfile and add-file."""

    uri: Annotated[str, Field(min_length=1), AfterValidator(_text)]


class GiveInput(RequestBody):
    """POST /sessions/ID/statements/ID/input (ours, not Livy's)."""

    value: Text


class AskCompletion(RequestBody):
    """POST /sessions/ID/completion."""

    code: Text
    kind: Annotated[Kind, Field(strict=False)] | None = None
    cursor: Cursor | None = None


class AskInspection(AskCompletion):
    """POST /sessions/ID/inspect (ours, not Livy's)."""

    detail: Detail = 0


Body = TypeVar("Body", bound=RequestBody)


def parse(model: type[Body], body: bytes) -> Body:
    """Read a request's body.

    Raises:
        InvalidInput: it is not JSON, or not of the form of the model; one sentence says where.
    """
    try:
        # Jackson, and so Apache Livy, reads any of Unicode's encodings.
        encoding = json.detect_encoding(body)
        if encoding != "utf-8":
            body = body.decode(encoding).encode()
        return model.model_validate_json(body)
    except UnicodeError:
        raise InvalidInput("The body is no text in one of Unicode's encodings.") from None
    except ValidationError as error:
        raise InvalidInput(_sentence(model, error.errors(include_url=False)[0])) from None


def _sentence(model: type[RequestBody], fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"][:2])
    known = ", ".join(f'"{name}"' for name in model.model_fields)
    if fault["type"] == "extra_forbidden":
        return f'Unrecognized field "{where}", not marked as ignorable (known: {known}).'
    if fault["type"] == "missing":
        return f'Field "{where}" is missing.'
    if fault["loc"] and fault["loc"][0] == "kind":
        kinds = ", ".join(kind.value for kind in Kind)
        return f"Invalid kind: {fault['input']} (known: {kinds})."
    if not where:
        return f"{fault['msg']}."
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f'Field "{where}": {message[:1].lower()}{message[1:]}.'


def seconds(span: str | None) -> float | None:
    """Return a time such as `10m` in seconds."""
    match = SPAN.match(span or "")
    return float(match[1]) * SPAN_SECONDS[match[2] or "ms"] if match else None
