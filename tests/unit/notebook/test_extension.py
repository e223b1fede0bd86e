import asyncio
import json

import pytest
from tornado.web import HTTPError

from hopyard.livy.access import Caller
from hopyard.livy.records import Session
from hopyard.livy.requests import CreateSession
from hopyard.livy.warm import find
from hopyard.notebook.extension import watch
from hopyard.notebook.kernels.sparkmagic import session_request
from hopyard.notebook.warm import body, follow
from hopyard.store.types import now


def answers(*statuses):
    left = list(statuses)

    async def ask():
        return left.pop(0) if len(left) > 1 else left[0]

    return ask


@pytest.mark.parametrize("status", [401, 403])
async def test_unknown_token_ends_the_server(status):
    assert str(status) in await watch(answers(200, 200, status), every=0.001)


async def test_hub_that_stays_away_ends_the_server():
    assert "No Hub" in await watch(answers(200, None), every=0.001, patience=0.05)


async def test_hub_that_comes_back_is_waited_for():
    reason = await watch(answers(None, None, 503, 200, 403), every=0.001, patience=5)
    assert "token" in reason


def test_driver_beforehand_is_what_the_kernel_asks_for():
    environment = {
        "HOPYARD_PROJECT": "demo",
        "HOPYARD_SESSION_CONF": '{"driverMemory": "1g", "conf": {"spark.a": "1"}}',
    }
    later = session_request({**environment, "JPY_SESSION_NAME": "first.ipynb"}, "PySpark")
    beforehand = CreateSession.model_validate(body(environment))
    session = Session(1, "demo", "ada", beforehand, now())
    caller = Caller("demo", "ada")
    assert find([session], caller, CreateSession.model_validate(later)) is session


async def test_what_is_chosen_while_the_server_runs_is_followed_once_it_stands():
    said = [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 3}, {"a": 3}, {"a": 1}, {"a": 1}]
    environment, followed, over = {"HOPYARD_SESSION_CONF": '{"a": 1}'}, [], asyncio.Event()

    async def chosen():
        if len(said) == 1:
            over.set()
        return said.pop(0) if len(said) > 1 else said[0]

    async def changed():
        followed.append(json.loads(environment["HOPYARD_SESSION_CONF"])["a"])

    task = asyncio.create_task(follow(environment, chosen, changed, every=0.001))
    await asyncio.wait_for(over.wait(), 10)
    task.cancel()
    assert followed == [3, 1]


async def test_platform_that_is_away_changes_nothing():
    environment, left, over = {"HOPYARD_SESSION_CONF": '{"a": 1}'}, [1, 2, 3], asyncio.Event()

    async def chosen():
        left.pop() if left else over.set()
        raise HTTPError(503)

    async def changed():
        raise AssertionError

    task = asyncio.create_task(follow(environment, chosen, changed, every=0.001))
    await asyncio.wait_for(over.wait(), 10)
    assert not task.done()
    task.cancel()
    assert environment == {"HOPYARD_SESSION_CONF": '{"a": 1}'}
