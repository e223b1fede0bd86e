"""The routes: `pages` for browsers (cookie), `api` for programs (bearer token)."""
