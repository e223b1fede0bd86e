"""Jobs of Livy's Python client, and files for a session that runs."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from hopyard import disk
from hopyard.errors import Unavailable
from hopyard.livy import jobs, uploads
from hopyard.livy.deps import Key, Known, Mine, Services, Wait, described, number, read
from hopyard.livy.news import hold
from hopyard.livy.records import Session
from hopyard.livy.requests import AddResource, SubmitJob
from hopyard.settings import folders_of

router = APIRouter(prefix="/sessions/{session}", tags=["jobs"])


def _form(field: str) -> dict[str, Any]:
    """Return what OpenAPI shows of a form with one file."""
    file = {"type": "string", "format": "binary"}
    schema = {"type": "object", "properties": {field: file}, "required": [field]}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


@router.post("/submit-job", status_code=201, openapi_extra=described(SubmitJob))
async def submit_job(request: Request, session: Mine, known: Known, key: Key) -> Response:
    """Run a pickled function in the driver's Python, after what was sent before."""
    asked = await read(request, SubmitJob)
    return JSONResponse(await jobs.submit(known.statements, session, asked, key), 201)


@router.post("/run-job", status_code=201, openapi_extra=described(SubmitJob))
async def run_job(request: Request, session: Mine, known: Known, key: Key) -> Response:
    """Run a pickled function: here the same as submit-job."""
    asked = await read(request, SubmitJob)
    return JSONResponse(await jobs.submit(known.statements, session, asked, key), 201)


@router.get("/jobs/{job}")
async def show_job(job: str, session: Mine, known: Known, wait: Wait) -> Response:
    """Show a job; held until it is done or there is news of it."""
    found = await known.statements.job(session, number(job))
    await hold(found.news, lambda: found.state.over, wait)
    return JSONResponse(jobs.job_view(found))


@router.post("/jobs/{job}/cancel")
async def cancel_job(job: str, session: Mine, known: Known) -> dict[str, str]:
    """Stop a job and its Spark jobs, or take it out of the queue."""
    await known.statements.stop(session, await known.statements.job(session, number(job)))
    return {"msg": "canceled"}


@router.post("/add-jar", openapi_extra=described(AddResource))
async def add_jar(request: Request, session: Mine, known: Known) -> dict[str, str]:
    """Add a jar that the driver can read."""
    return await _add(request, session, known, "jar")


@router.post("/add-pyfile", openapi_extra=described(AddResource))
async def add_pyfile(request: Request, session: Mine, known: Known) -> dict[str, str]:
    """Add a Python file or archive that the driver can read."""
    return await _add(request, session, known, "pyfile")


@router.post("/add-file", openapi_extra=described(AddResource))
async def add_file(request: Request, session: Mine, known: Known) -> dict[str, str]:
    """Add a file that the driver can read."""
    return await _add(request, session, known, "file")


@router.post("/upload-jar", openapi_extra=_form("jar"))
async def upload_jar(request: Request, session: Mine, known: Known) -> dict[str, str]:
    """Upload a jar and add it."""
    return await _upload(request, session, known, "jar", field="jar")


@router.post("/upload-pyfile", openapi_extra=_form("file"))
async def upload_pyfile(request: Request, session: Mine, known: Known) -> dict[str, str]:
    """Upload a Python file or archive and add it."""
    return await _upload(request, session, known, "pyfile", field="file")


@router.post("/upload-file", openapi_extra=_form("file"))
async def upload_file(request: Request, session: Mine, known: Known) -> dict[str, str]:
    """Upload a file and add it."""
    return await _upload(request, session, known, "file", field="file")


async def _add(
    request: Request, session: Session, known: Services, what: jobs.Resource
) -> dict[str, str]:
    asked = await read(request, AddResource)
    path = known.sessions.project_path(session, asked.uri)
    return await jobs.add(known.statements, session, what, path)


async def _upload(
    request: Request, session: Session, known: Services, what: jobs.Resource, *, field: str
) -> dict[str, str]:
    here, seen = await known.sessions.uploads(session)
    folders = [*folders_of(known.settings, session.project), here]
    if full := await asyncio.to_thread(disk.too_much, folders, known.settings.limits.disk):
        raise Unavailable(full)
    name = await uploads.receive(request, field, here, known.settings.livy.upload_limit)
    return await jobs.add(known.statements, session, what, str(PurePosixPath(seen) / name))
