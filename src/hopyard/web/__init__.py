"""Pages and the REST API of projects: one router a resource, who may is said once in `deps.py`."""
