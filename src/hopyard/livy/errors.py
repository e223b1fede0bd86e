"""The one mapping from errors to Livy's answers: a status and `{"msg": …}`."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hopyard import errors, log
from hopyard.livy.edge import SECURITY
from hopyard.store.engine import fault, is_full

STATUS: dict[type[errors.HopyardError], int] = {
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}

_log = log.get(__name__)


def install(app: FastAPI) -> None:
    """Have every error of an app answered so."""
    app.add_exception_handler(errors.HopyardError, _known)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(DBAPIError, _unknown)
    app.add_exception_handler(OSError, _of_the_disk)
    app.add_exception_handler(Exception, _unknown)


async def answer(request: Request, error: errors.HopyardError | HTTPException) -> Response:
    """Return the answer to a request that was not as it has to be."""
    known = isinstance(error, errors.HopyardError)
    return await (_known if known else _of_framework)(request, error)


async def _known(_: Request, error: Exception) -> Response:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    headers = {}
    if isinstance(error, errors.TooMany):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = "2"
    if isinstance(error, errors.NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer, Basic realm="Hopyard"'
    return JSONResponse({"msg": str(error)}, status, headers)


async def _of_framework(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"msg": str(error.detail)}, error.status_code, error.headers)


async def _of_parameters(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    fault = error.errors()[0]
    return JSONResponse({"msg": f"{fault['loc'][-1]}: {fault['msg']}"}, 400)


async def _of_the_disk(request: Request, error: Exception) -> Response:
    if not is_full(error):
        raise error
    return await _unknown(request, error)


async def _unknown(request: Request, error: Exception) -> Response:
    number = request.scope.get("request_id", "")
    if isinstance(error, DBAPIError) or is_full(error):
        _log.error(
            "nothing could be written down", request=number, path=request.url.path, why=str(error)
        )
        return JSONResponse({"msg": fault(error)}, 503, {"Retry-After": "5"})
    _log.error("request failed", request=number, path=request.url.path, exc_info=error)
    message = f"The server made a mistake; its log has the details (request {number})."
    # uvicorn closes the connection then, and has to say so: the proxy would use it again.
    headers = SECURITY | {"X-Request-ID": number, "Connection": "close"}
    return JSONResponse({"msg": message}, 500, headers)
