"""`api` ends without warning while it takes messages: who asks again with the same key gets the same messages."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local import Refused
from rules import THROTTLED, Kill, Moment
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Doubt, Scenario, World, numbers

API = "carillon-api"
KILLS = 20
SENDS = 24
# An attempt that died is over when its function's time is.
PATIENCE_SECONDS = 120
ROUNDS, CALLERS = 20, 10


def _killed(kind: str, moment: Moment):
    def breaks(world: World) -> None:
        world.rule(kind, Kill(moment), KILLS, 0.7, API)

    return breaks


def _send(world: World, recipients: int) -> None:
    """Asks until it is answered, always with the same key; then once more, which must say the same."""
    to, key = numbers(recipients), secrets.token_hex(16)
    lane = world.scenario.lane
    body = {"to": to, "text": "Your table is free.", "sender": "Carillon", "policy": world.scenario.policy, "lane": lane}
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            accepted = world.api.once("/v1/messages", body, key)
            break
        except Refused:
            if time.monotonic() > until:
                raise
            time.sleep(1)
    again = world.api.post("/v1/messages", body, idempotency_key=key)
    assert again == accepted, "the same key, the same messages"
    world.sent[f"/v1/batches/{accepted['batch']}"] = to


def _sends(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: _send(world, world.scenario.recipients), range(SENDS)))


def _throttled(world: World) -> None:
    world.rule(("batch", "chunk"), THROTTLED, 80, 0.7, API)


def _asked_at_once(world: World) -> None:
    """Ten callers with the same key at the same moment: one makes it, the others hear the same or are told to wait."""
    for _ in range(ROUNDS):
        to, key = numbers(1), secrets.token_hex(16)
        body = {"to": to, "text": "Your table is free.", "sender": "Carillon", "policy": AT_MOST_ONCE, "lane": "normal"}
        with ThreadPoolExecutor(CALLERS) as pool:
            answers = list(pool.map(lambda _, body=body, key=key: _asked(world, body, key), range(CALLERS)))
        batches = {answer["batch"] for answer in answers if answer}
        assert len(batches) == 1, f"one key made {len(batches)} batches"
        world.sent[f"/v1/batches/{batches.pop()}"] = to


def _asked(world: World, body: dict[str, Any], key: str) -> dict[str, Any] | None:
    try:
        return world.api.once("/v1/messages", body, key)
    except Refused:
        return None


def _scenario(name: str, words: str, kind: str, moment: Moment, **more) -> Scenario:
    return Scenario(
        f"api-{name}", f"`api` killed {words}", AT_MOST_ONCE, _killed(kind, moment), _sends, recipients=5, **more
    )


def _send_high_killed(world: World) -> None:
    world.rule("gateway send", Kill(Moment.AFTER), KILLS, 0.3)


SCENARIOS = [
    _scenario("after-batch", "after it wrote the batch", "batch", Moment.AFTER),
    _scenario("after-chunk", "after it wrote the chunk", "chunk", Moment.AFTER),
    _scenario("before-pointers", "before it sent the pointers", "pointers", Moment.BEFORE),
    _scenario("after-pointers", "after it sent the pointers", "pointers", Moment.AFTER),
    Scenario("api-throttled", "`api` throttled by DynamoDB", AT_MOST_ONCE, _throttled, _sends, recipients=5),
    Scenario(
        "api-same-key",
        "ten callers with the same key at once",
        AT_MOST_ONCE,
        lambda world: None,
        _asked_at_once,
        misbehaved=lambda world: ROUNDS * CALLERS,
        misbehaves=ROUNDS * CALLERS,
    ),
    *(
        Scenario(
            f"send-high-{policy.replace('_', '-')}",
            "`send` of the high lane killed when some of an API send were sent",
            policy,
            _send_high_killed,
            _sends,
            recipients=10,
            lane="high",
            doubt=Doubt.CRASHES,
        )
        for policy in (AT_LEAST_ONCE, AT_MOST_ONCE)
    ),
]
