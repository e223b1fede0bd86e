"""Pages, one module a resource."""

from fastapi import APIRouter

from hopyard.web.routes.pages import (
    applications,
    docs,
    jupyter,
    logs,
    members,
    people,
    projects,
    repository,
    secrets,
    signin,
    tours,
)

router = APIRouter()
# In this order: the fixed addresses come before those that begin with a project's name.
for module in (
    signin,
    people,
    tours,
    secrets,
    docs,
    projects,
    jupyter,
    repository,
    members,
    logs,
    applications,
):
    router.include_router(module.router)
