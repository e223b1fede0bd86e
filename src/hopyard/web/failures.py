"""The one mapping from our errors to HTTP: JSON for the API, a page or a notice for browsers."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException

from hopyard import errors, log
from hopyard.store.engine import fault, is_full
from hopyard.web.deps import API, COOKIE
from hopyard.web.headers import SECURITY
from hopyard.web.views import PAGES, page

logger = log.get(__name__)

STATUS: dict[type[errors.HopyardError], int] = {
    errors.InvalidForm: 422,
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
_TITLES = {
    400: "That is not possible",
    403: "You may not do this",
    404: "Not found",
    405: "Not found",
    409: "Not now",
    422: "That is not possible",
    429: "Too many",
    503: "Something does not answer",
}


def install(app: FastAPI) -> None:
    """Tell the application how to answer errors."""
    app.add_exception_handler(errors.HopyardError, _ours)
    app.add_exception_handler(HTTPException, _theirs)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(DBAPIError, _unexpected)
    app.add_exception_handler(OSError, _of_the_disk)
    for kind in (UnicodeEncodeError, DataError, OverflowError):
        app.add_exception_handler(kind, _not_kept)
    app.add_exception_handler(Exception, _unexpected)


def status_of(error: errors.HopyardError) -> int:
    """Return the HTTP status of an error."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def _ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.HopyardError):
        raise error
    if isinstance(error, errors.NotSignedIn) and not request.url.path.startswith(API):
        return _sign_in(request)
    faults = error.faults if isinstance(error, errors.InvalidForm) else None
    field = error.field if isinstance(error, errors.InvalidInput) else None
    answer = respond(request, status_of(error), str(error), field, faults)
    if isinstance(error, errors.TooMany):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.NotSignedIn):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _theirs(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 405 and request.method == "GET" and _is_page(request):
        # The address of a form that was sent, asked for anew: its page is above it.
        return RedirectResponse(request.url.path.rpartition("/")[0], 303)
    text = "There is nothing at this address." if error.status_code == 404 else error.detail
    answer = respond(request, error.status_code, text)
    answer.headers.update(error.headers or {})
    return answer


def _is_page(request: Request) -> bool:
    return request.url.path.startswith(PAGES) and not request.headers.get("hx-request")


def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = {
        str(one["loc"][-1] if len(one["loc"]) > 1 else one["loc"][0]): f"{one['msg']}."
        for one in error.errors()
    }
    field, text = next(iter(faults.items()))
    return respond(request, 422, f"{field}: {text}", field, faults)


def _not_kept(request: Request, error: Exception) -> Response:
    """Answer a value that no database keeps: half of a character, NUL, a number without end."""
    logger.warning("a value cannot be kept", path=request.url.path, error=type(error).__name__)
    return respond(request, 422, "A value has letters or a number that cannot be kept.")


def _of_the_disk(request: Request, error: Exception) -> Response:
    """Answer that the disk is full; what is no such thing is a fault of our own."""
    if not is_full(error):
        raise error
    return _unexpected(request, error)


def _unexpected(request: Request, error: Exception) -> Response:
    """Answer a fault of our own; the server's log has the traceback."""
    if isinstance(error, DBAPIError) or is_full(error):
        answer = respond(request, 503, fault(error))
        answer.headers["Retry-After"] = "5"
        return answer
    answer = respond(request, 500, "This is a fault of the platform; its log says more.")
    answer.headers.update(SECURITY)  # it passes no middleware
    answer.headers["Connection"] = "close"  # uvicorn does that, and has to say so to the proxy
    return answer


def respond(
    request: Request,
    status: int,
    text: str,
    field: str | None = None,
    faults: dict[str, str] | None = None,
) -> Response:
    """Return one sentence in the form that the one who asks understands."""
    if request.url.path.startswith(API):
        body: dict[str, object] = {"error": text}
        if field:
            body["field"] = field
        if faults:
            body["fields"] = faults
        return JSONResponse(body, status)
    if request.headers.get("hx-request"):
        answer = page(request, "partials/notice.html", status=status, text=text)
        answer.headers["HX-Retarget"] = "#notice"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer
    title = _TITLES.get(status, "Something went wrong")
    return page(request, "error.html", status=status, title=title, text=text)


def _sign_in(request: Request) -> Response:
    """Lead a browser to the sign-in; what changes something is not repeated after it."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=401)
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/projects/"})
    target = path if request.method == "GET" else "/projects/"
    answer = RedirectResponse(f"/projects/login?next={quote(target, safe='/')}", 303)
    answer.delete_cookie(COOKIE, path="/projects/")
    return answer
