"""`make bench-fairness`: what does a large campaign cost those beside it?

One-time passwords by the high lane, from the call of the API to the simulator, while nothing else runs and while a campaign runs
on the low lane; then a campaign of 100 of another account, alone and on the same lane as that large one. Everything shares this
machine's processors, functions and emulator too, which AWS would not let it.
"""

import argparse
import statistics
import sys
import time
import uuid
from typing import Any

from show import save, say, table
from world import GATEWAY_PARTS_PER_SECOND, LOCAL, Api, World, numbers, set_rules, simulator

PASSWORDS = 40
SMALL = 100
PATIENCE_SECONDS = 180
BETWEEN_SECONDS = 0.25


def passwords(api: Api, first: int) -> list[float]:
    """Milliseconds from the call to the simulator, of each."""
    called = {}
    for number in range(first, first + PASSWORDS):
        to = f"+447700{900_000 + number}"
        called[to] = time.time() * 1_000
        message = {"to": to, "text": "Your code is 4711", "sender": "Carillon"}
        api.post("/v1/messages", message, idempotency_key=str(uuid.uuid4()))
        time.sleep(BETWEEN_SECONDS)
    arrived = arrivals_of(set(called))
    return sorted(arrived[to] - called[to] for to in called)


def arrivals_of(wanted: set[str]) -> dict[str, int]:
    """When each of them arrived, once all have."""
    for _ in range(PATIENCE_SECONDS * 2):
        found = {arrival["to"]: arrival["ms"] for arrival in simulator.arrivals() if arrival["to"] in wanted}
        if len(found) == len(wanted):
            return found
        time.sleep(0.5)
    raise SystemExit(f"{len(wanted) - len(found)} of {len(wanted)} did not arrive in {PATIENCE_SECONDS} s")


def small_campaign(api: Api, first: int) -> float:
    """Seconds from the answer of its start to its last request."""
    to = [f"+447700{900_000 + first + number}" for number in range(SMALL)]
    campaign = {
        "name": "Small",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": to},
        "content": {"text": "Your table is free."},
        "sender": "Carillon",
        "lane": "low",
    }
    made = api.post("/v1/campaigns", campaign)["id"]
    api.post(f"/v1/campaigns/{made}/start", {}, idempotency_key=str(uuid.uuid4()))
    started = time.time()
    return max(arrivals_of(set(to)).values()) / 1_000 - started


def neighbour(world: World) -> Api:
    """Another account with a gateway account of its own, which leads to the same simulator."""
    key = world.stack.invoke("api", b'{"create_account": {"name": "Neighbour", "countries": "all"}}')["key"]
    api = Api(world.stack.url, key)
    api.post("/v1/gateways", simulator.gateway() | {"parts_per_second": GATEWAY_PARTS_PER_SECOND})
    return api


def started(world: World, recipients: int) -> str:
    campaign = world.campaign(numbers(recipients))
    before = simulator.summary()["requests"]
    while simulator.summary()["requests"] < before + 500:
        time.sleep(0.2)
    return campaign


def still_runs(world: World, campaign: str) -> None:
    if world.api.get(f"/v1/campaigns/{campaign}")["status"] != "running":
        raise SystemExit("the large campaign was over too early; take more --recipients")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipients", type=int, default=20_000)
    arguments = parser.parse_args()
    with World(LOCAL) as world:
        set_rules({"receipts": []})
        other = neighbour(world)
        passwords(world.api, 0)
        idle = passwords(world.api, 1_000)
        alone = small_campaign(other, 2_000)
        say(f"alone: password p50 {statistics.median(idle):.0f} ms, campaign of {SMALL} {alone:.1f} s")
        large = started(world, arguments.recipients)
        busy = passwords(world.api, 3_000)
        beside = small_campaign(other, 4_000)
        still_runs(world, large)
        waiting = arguments.recipients - simulator.summary()["requests"]
        world.api.post(f"/v1/campaigns/{large}/cancel", {})
    return show(arguments.recipients, idle, busy, alone, beside, waiting)


def show(recipients: int, idle: list[float], busy: list[float], alone: float, beside: float, waiting: int) -> int:
    def row(what: str, first: float, second: float, unit: str) -> list[str]:
        return [what, f"{first:.1f} {unit}", f"{second:.1f} {unit}", f"{second / first:.2f}"]

    p90 = PASSWORDS * 9 // 10
    rows = [
        row("password, p50", statistics.median(idle), statistics.median(busy), "ms"),
        row("password, p90", idle[p90], busy[p90], "ms"),
        row(f"campaign of {SMALL}, to its last", alone, beside, "s"),
    ]
    table(["", "alone", f"beside {recipients:,}", "ratio"], rows)
    say(f"at the end, about {waiting:,} of the large campaign had not left")
    result: dict[str, Any] = {"recipients": recipients, "idle_ms": idle, "busy_ms": busy, "waiting": waiting}
    save("bench-fairness", result | {"alone_seconds": alone, "beside_seconds": beside})
    return 0


if __name__ == "__main__":
    sys.exit(main())
