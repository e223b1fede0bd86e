"""The logs of one's own Jupyter server and sessions."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from hopyard.projects.logs.service import TAIL
from hopyard.web.deps import LogsReader, Services

router = APIRouter(prefix="/projects/{project}/logs", tags=["logs"])


class SourceShape(BaseModel, from_attributes=True):
    """A log."""

    id: str
    kind: str
    label: str
    size: int
    changed_at: datetime


class PieceShape(BaseModel, from_attributes=True):
    """A piece of a log, from one byte to another."""

    text: str
    start: int
    end: int
    size: int


class HitShape(BaseModel, from_attributes=True):
    """A line that was found."""

    offset: int
    line: str


@router.get("")
async def sources(who: LogsReader, services: Services) -> list[SourceShape]:
    """List the logs, the one that changed last first."""
    found = await services.logs.sources(who.name, who.project.name)
    return [SourceShape.model_validate(one) for one in found]


@router.get("/{source}")
async def read(
    who: LogsReader,
    services: Services,
    source: str,
    start: int | None = Query(None, ge=0, description="from this byte; without it, the end"),
    size: int = Query(TAIL, ge=1, le=4 * TAIL, description="of the end, in bytes"),
) -> PieceShape:
    """Read a piece of a log: its end, or what was written since a byte."""
    if start is None:
        piece = await services.logs.tail(who.name, who.project.name, source, size)
    else:
        piece = await services.logs.after(who.name, who.project.name, source, start)
    return PieceShape.model_validate(piece)


@router.get("/{source}/search")
async def search(who: LogsReader, services: Services, source: str, text: str) -> list[HitShape]:
    """Find the last lines that contain a text."""
    hits = await services.logs.search(who.name, who.project.name, source, text)
    return [HitShape.model_validate(hit) for hit in hits]


@router.get("/{source}/download")
async def download(who: LogsReader, services: Services, source: str) -> StreamingResponse:
    """Return a whole log."""
    blocks = await services.logs.download(who.name, who.project.name, source)
    return StreamingResponse(blocks, media_type="text/plain; charset=utf-8")
