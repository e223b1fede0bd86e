"""Notebooks with what was recorded: merged when read, settled when saved, written when idle.

Our own write is no change in the eyes of a page that is still open somewhere: it has the same
notebook with fewer outputs, and when it saves, they are put in. So the hash and the time that such
a page compares (and asks "File Changed: overwrite?" about) stay those from before our write, until
somebody else changes the file.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from hopyard import disk
from hopyard.notebook.aliases import SparkmagicNames
from hopyard.notebook.recorder import merge
from hopyard.notebook.recorder.recorder import Recorder
from hopyard.notebook.widgets import LivingWidgets

SHOWN = ("last_modified", "hash", "hash_algorithm")


class RecordedOutputs:
    """A mixin for an asynchronous contents manager."""

    parent: Any
    log: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._own_writes: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._saving = asyncio.Lock()

    @property
    def _recorder(self) -> Recorder:
        recorder: Recorder = self.parent.kernel_manager.recorder
        return recorder

    async def get(self, path: str, content: bool = True, **more: Any) -> dict[str, Any]:
        """Return a file; a notebook with all that its cells have printed."""
        model: dict[str, Any] = await super().get(path, content=content, **more)  # type: ignore[misc]
        if model["type"] != "notebook":
            return model
        self._hide_own_write(model)
        if content and "cells" in model["content"]:
            runs = [run for run in self._recorder.runs.of(model["path"]) if not run.written]
            merge.merge(model["content"], runs)
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Save a file; a notebook with what its page cannot know of.

        Raises:
            HTTPError: the project has more files than it may (507).
        """
        if full := await asyncio.to_thread(_too_much):
            raise HTTPError(507, full)
        notebook = model.get("content")
        if model.get("type") != "notebook" or not isinstance(notebook, dict):
            return await super().save(model, path)  # type: ignore[misc,no-any-return]
        async with self._saving:
            over = []
            if "cells" in notebook:
                over = self._recorder.settle(path.strip("/"), notebook)
            saved: dict[str, Any] = await super().save(model, path)  # type: ignore[misc]
            if "cells" in notebook:
                self._recorder.saved(path.strip("/"), notebook, over)
            return saved

    async def write_recorded(self, path: str) -> None:
        """Write what was recorded into a notebook."""
        async with self._saving:
            try:
                before = await super().get(path, content=True, type="notebook", require_hash=True)  # type: ignore[misc]
                runs = [run for run in self._recorder.runs.of(path) if run.done and not run.written]
                found, changed = merge.merge(before["content"], runs)
                if changed:
                    self._hide_own_write(before)
                    shown = {name: before[name] for name in SHOWN}
                    whole = {"type": "notebook", "format": "json", "content": before["content"]}
                    await super().save(whole, path)  # type: ignore[misc]
                    after = await super().get(path, content=False)  # type: ignore[misc]
                    self._own_writes[path] = (_state(after), shown)
                self._recorder.runs.written(found)
            except (HTTPError, KeyError) as error:
                # Deleted, or no notebook any more: the record stays.
                self.log.warning("Recorded outputs of %s are not written: %s", path, error)

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename; what runs goes on in the notebook's new place."""
        await super().rename_file(old_path, new_path)  # type: ignore[misc]
        self._recorder.runs.renamed(old_path.strip("/"), new_path.strip("/"))

    async def delete_file(self, path: str) -> None:
        """Delete; nothing recorded comes back."""
        await super().delete_file(path)  # type: ignore[misc]
        self._recorder.runs.deleted(path.strip("/"))

    async def restore_checkpoint(self, checkpoint_id: str, path: str) -> None:
        """Go back to a checkpoint, and to its outputs."""
        await super().restore_checkpoint(checkpoint_id, path)  # type: ignore[misc]
        name = path.strip("/")
        self._recorder.runs.drop([run for run in self._recorder.runs.of(name) if run.done])
        self._recorder.runs.forget(lambda run: name in run.paths)

    def _hide_own_write(self, model: dict[str, Any]) -> None:
        state, shown = self._own_writes.get(model["path"], (None, {}))
        if state is None:
            return
        if state != _state(model):
            del self._own_writes[model["path"]]
            return
        hashed = model["hash"] is not None
        model.update(shown if hashed else {"last_modified": shown["last_modified"]})


def _too_much() -> str | None:
    limit = os.environ.get("HOPYARD_DISK_MB")
    folders = [Path(os.environ.get("HOPYARD_PROJECT_DIR", "/project")), Path.home()]
    return disk.too_much(folders, int(limit)) if limit else None


def _state(model: dict[str, Any]) -> Any:
    """Return what tells one state of a file from the next."""
    return model["last_modified"], model["size"]


class Contents(RecordedOutputs, LivingWidgets, SparkmagicNames, AsyncLargeFileManager):  # type: ignore[misc]
    """Files of the project's folder."""
