"""The REST API, version 1: it can do all that the pages can."""

from fastapi import APIRouter

from hopyard.web.routes.api import (
    access,
    applications,
    docs,
    jupyter,
    logs,
    me,
    members,
    people,
    projects,
    repository,
    secrets,
    tours,
)

router = APIRouter(prefix="/api")
router.include_router(docs.router)
for module in (
    me,
    projects,
    members,
    access,
    jupyter,
    applications,
    logs,
    people,
    tours,
    secrets,
    repository,
):
    router.include_router(module.router, prefix="/v1")
router.include_router(people.passwords, prefix="/v1")
