"""Held GETs."""

from __future__ import annotations

import asyncio
import time

from hopyard.livy import news
from hopyard.livy.news import News, hold


async def test_hold_ends_at_once_when_it_is_done() -> None:
    one, done = News(), False
    waiting = asyncio.create_task(hold(one, lambda: done, 30))
    await asyncio.sleep(0)
    done = True
    one.tell()
    await asyncio.wait_for(waiting, 1)


async def test_hold_of_what_is_done_does_not_wait() -> None:
    await asyncio.wait_for(hold(News(), lambda: True, 30), 1)


async def test_hold_of_no_time_does_not_wait() -> None:
    await asyncio.wait_for(hold(News(), lambda: False, 0), 1)


async def test_hold_without_news_takes_its_time() -> None:
    begun = time.monotonic()
    await hold(News(), lambda: False, 0.1)
    assert 0.09 <= time.monotonic() - begun < 1


async def test_other_news_end_the_hold_after_settling() -> None:
    one, begun = News(), time.monotonic()
    waiting = asyncio.create_task(hold(one, lambda: False, 30))
    await asyncio.sleep(0)
    one.tell()
    await asyncio.wait_for(waiting, news.SETTLE + 2)
    assert time.monotonic() - begun >= news.SETTLE - 0.05
