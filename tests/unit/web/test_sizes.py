from __future__ import annotations

import asyncio
import threading

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hopyard.web.sizes import UNKNOWN, Size, Sizes, asked, in_words, said
from tests.platform import until
from tests.unit.web.around import serve

MODEL = {
    "appId": "app-1",
    "driverMemory": "2048m",
    "driverCores": 1,
    "executorMemory": "4096m",
    "executorCores": 1,
    "numExecutors": 1,
    "conf": {},
}


def executor(name: str, cores: int) -> dict[str, object]:
    return {"id": name, "totalCores": cores}


def test_local_application_is_one_process_with_all_cores() -> None:
    assert said(MODEL, [executor("driver", 8)]) == Size("2 GB", "8")


def test_application_on_a_cluster_has_the_executors_that_there_are() -> None:
    there = [executor("driver", 0), executor("0", 4), executor("1", 4)]
    assert said(MODEL, there) == Size("2 GB + 2 × 4 GB", "1 + 2 × 4")
    assert said(MODEL, [executor("driver", 0)]) == Size("2 GB + 0 × 4 GB", "1 + 0 × 1")


def test_property_of_the_user_counts_before_the_field() -> None:
    conf = {"spark.driver.memory": "3g"}
    assert said({**MODEL, "conf": conf}, [executor("driver", 2)]).memory == "3 GB"


def test_what_spark_does_not_say_is_said_to_be_asked_for() -> None:
    assert asked(MODEL) == Size("asked: 2 GB + 1 × 4 GB", "asked: 1 + 1 × 1")
    bare = {"conf": None, "driverMemory": None, "numExecutors": 0}
    assert asked(bare) == Size("asked: 1 GB + 1 GB", "asked: 1 + 1")


def test_memory_is_shown_as_people_write_it() -> None:
    assert [in_words(one) for one in ("2048m", "1500m", "4g", "12345")] == [
        "2 GB",
        "1500 MB",
        "4 GB",
        "12345",
    ]


async def test_slow_answer_of_spark_is_not_broken_off_and_shown_later() -> None:
    answered, let_go = [], threading.Event()

    async def executors(request: Request) -> Response:
        await asyncio.to_thread(let_go.wait, 15)
        answered.append(request.url.path)
        return JSONResponse([executor("driver", 8)])

    path = "/sessions/7/ui/api/v1/applications/app-1/executors"
    with serve(Starlette(routes=[Route(path, executors)])) as url:
        async with httpx.AsyncClient(trust_env=False) as http:
            sizes = Sizes()

            async def shown() -> Size:
                return await sizes.of(MODEL, http, f"{url}sessions/7", "token")

            async def known() -> Size | None:
                size = await shown()
                return None if size == UNKNOWN else size

            assert await shown() == await shown() == UNKNOWN
            let_go.set()
            size = await until("Spark's answer is shown", known, 15)
            assert size == Size("2 GB", "8") and answered == [path]
            await sizes.close()
