import pytest

from hopyard.notebook.extension import watch


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
