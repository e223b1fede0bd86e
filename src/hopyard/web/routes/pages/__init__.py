"""Pages, one module a resource."""

from fastapi import APIRouter

from hopyard.web.routes.pages import (
    applications,
    jupyter,
    logs,
    members,
    people,
    projects,
    secrets,
    signin,
    tours,
)

router = APIRouter()
# In this order: the fixed addresses come before those that begin with a project's name.
for module in (signin, people, tours, secrets, projects, jupyter, members, logs, applications):
    router.include_router(module.router)
