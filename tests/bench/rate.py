"""`make bench-rate`: is a gateway's rate kept, and used, while many workers send by it at once?

Campaigns through the deployed local stack, with eight environments of `send` for their lane; what is measured is when requests
arrive at the simulator. Then the rate is changed in the middle, the gateway asks to slow down, it breaks and is mended, and a
one-time password leaves by a gateway that a campaign fills. Fails when one of the promises is not kept.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from show import save, say, table
from world import LOCAL, World, numbers, set_rules, simulator, start_simulator, stop_simulator

import stack

WORKERS = "8"
RATE = 40
PATIENCE_SECONDS = 180
# Of the rate, in 30 seconds.
TOLERANCE, USED = 0.05, 0.95
ACTS_WITHIN_SECONDS = 5


@dataclass
class Result:
    rows: list[list[str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, found: float, bound: str, kept: bool) -> None:
        self.rows.append([what, f"{found:.2f}", bound, "yes" if kept else "NO"])
        self.figures[what] = round(found, 3)
        if not kept:
            self.wrong.append(f"{what}: {found:.2f}, and should be {bound}")


class Traffic:
    """A campaign by one gateway, seen from the simulator. Times are seconds since its first request."""

    def __init__(self, world: World, gateway: str, recipients: int):
        simulator.reset()
        set_rules({"receipts": []})
        self.world, self.gateway = world, gateway
        self.campaign = world.campaign(numbers(recipients))
        self.began = self._first()

    def _first(self) -> float:
        for _ in range(PATIENCE_SECONDS * 10):
            if found := simulator.arrivals():
                return found[0]["ms"] / 1000
            time.sleep(0.1)
        raise SystemExit("nothing arrived at the simulator")

    def now(self) -> float:
        return time.time() - self.began

    def sleep_until(self, seconds: float) -> None:
        time.sleep(max(0.0, self.began + seconds - time.time()))

    def arrivals(self) -> list[float]:
        return [arrival["ms"] / 1000 - self.began for arrival in simulator.arrivals()]

    def end(self) -> None:
        self.world.api.post(f"/v1/campaigns/{self.campaign}/cancel", {})
        time.sleep(3)


def per_second(arrivals: list[float], begin: float, end: float) -> float:
    return sum(begin <= at < end for at in arrivals) / (end - begin)


def fullest_second(arrivals: list[float], begin: float, end: float) -> int:
    """The most that arrived within any one second."""
    inside, most, first = sorted(at for at in arrivals if begin <= at < end), 0, 0
    for last, at in enumerate(inside):
        while inside[first] <= at - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def steady(world: World, gateway: str, result: Result) -> None:
    say(f"{RATE} parts a second for 30 s, {WORKERS} workers")
    change(world, gateway, parts_per_second=RATE)
    traffic = Traffic(world, gateway, RATE * 40)
    traffic.sleep_until(33)
    arrivals = traffic.arrivals()
    traffic.end()
    found, fullest = per_second(arrivals, 2, 32), fullest_second(arrivals, 0, 33)
    result.add("parts a second over 30 s", found, f"{RATE} within 5%", abs(found - RATE) <= RATE * TOLERANCE)
    result.add("share of the rate that was used", found / RATE, f">= {USED}", found >= RATE * USED)
    result.add("most in any one second", fullest, f"<= {RATE + 1}", fullest <= RATE + 1)


def changed(world: World, gateway: str, result: Result) -> None:
    say(f"{RATE} parts a second, then {RATE * 2}, then {RATE // 2}")
    change(world, gateway, parts_per_second=RATE)
    traffic = Traffic(world, gateway, RATE * 45)
    traffic.sleep_until(8)
    change(world, gateway, parts_per_second=RATE * 2)
    faster = traffic.now()
    traffic.sleep_until(faster + 13)
    change(world, gateway, parts_per_second=RATE // 2)
    slower = traffic.now()
    traffic.sleep_until(slower + 13)
    arrivals = traffic.arrivals()
    traffic.end()
    for name, since, rate in (("faster", faster, RATE * 2), ("slower", slower, RATE // 2)):
        begin = since + ACTS_WITHIN_SECONDS
        found = per_second(arrivals, begin, begin + 8)
        kept = abs(found - rate) <= rate * TOLERANCE
        result.add(f"{name}: parts a second, {ACTS_WITHIN_SECONDS} s after the change", found, f"{rate} within 5%", kept)
        fullest = fullest_second(arrivals, begin, begin + 8)
        result.add(f"{name}: most in any one second", fullest, f"<= {rate + 1}", fullest <= rate + 1)


def throttled(world: World, gateway: str, result: Result) -> None:
    say("a gateway that asks to slow down for 5 s")
    change(world, gateway, parts_per_second=RATE)
    traffic = Traffic(world, gateway, RATE * 60)
    traffic.sleep_until(5)
    set_rules({"answer": "throttle", "retry_after": 1, "receipts": []})
    traffic.sleep_until(10)
    slowed = health(world, gateway)
    set_rules({"receipts": []})
    traffic.sleep_until(72)
    recovered = health(world, gateway)
    traffic.sleep_until(80)
    arrivals = traffic.arrivals()
    traffic.end()
    during, after = per_second(arrivals, 6, 10), per_second(arrivals, 72, 80)
    pace = slowed.get("pace", float(RATE))
    result.add("asked to slow down: pace after 5 s", pace, f"<= {RATE / 2}", pace <= RATE / 2)
    result.add("asked to slow down: requests a second", during, f"< {RATE / 2}", during < RATE / 2)
    pace = recovered.get("pace", float(RATE))
    result.add("a minute later: pace", pace, f">= {RATE * USED}", pace >= RATE * USED)
    result.add("a minute later: parts a second", after, f">= {RATE * USED}", after >= RATE * USED)


def broken(world: World, gateway: str, result: Result) -> None:
    say("a gateway that is gone for 20 s")
    change(world, gateway, parts_per_second=RATE)
    traffic = Traffic(world, gateway, RATE * 60)
    traffic.sleep_until(5)
    stop_simulator()
    traffic.sleep_until(15)
    gone = health(world, gateway)
    traffic.sleep_until(25)
    start_simulator(LOCAL)
    set_rules({"receipts": []})
    mended = time.time()
    first = traffic._first()
    traffic.began = first
    traffic.sleep_until(45)
    arrivals = traffic.arrivals()
    traffic.end()
    result.add("gone: its breaker is open", gone["state"] in ("open", "half_open"), "1", gone["state"] != "closed")
    result.add("mended: seconds to the first message", first - mended, "<= 60", first - mended <= 60)
    early, late = per_second(arrivals, 0, 5), per_second(arrivals, 35, 45)
    result.add("back: parts a second in the first 5 s", early, f"<= {RATE / 2}", early <= RATE / 2)
    result.add("back: parts a second after 35 s", late, f">= {RATE / 2}", late >= RATE / 2)


def overtaken(world: World, gateway: str, result: Result) -> None:
    say("one-time passwords by an idle gateway, then by one that a campaign fills")
    change(world, gateway, parts_per_second=RATE)
    simulator.reset()
    set_rules({"receipts": []})
    password(world, 0)
    idle = sorted(password(world, 1 + index) for index in range(8))
    traffic = Traffic(world, gateway, RATE * 30)
    traffic.sleep_until(4)
    busy = sorted(password(world, 10 + index) for index in range(8))
    traffic.end()
    middle = len(idle) // 2
    result.add("one-time password, idle gateway: median ms", idle[middle] * 1000, "", True)
    ratio = busy[middle] / idle[middle]
    result.add("one-time password, full gateway: median ms", busy[middle] * 1000, "", True)
    result.add("full against idle", ratio, "<= 2", ratio <= 2)


def password(world: World, index: int) -> float:
    """Seconds from the API call to the simulator."""
    to, asked = f"+4477009{20_000 + index:05}", time.time()
    world.api.post("/v1/messages", {"to": to, "text": "Your code is 123456", "sender": "Carillon"})
    for _ in range(200):
        for arrival in simulator.arrivals():
            if arrival["to"] == to:
                time.sleep(1)
                return arrival["ms"] / 1000 - asked
        time.sleep(0.05)
    raise SystemExit("a one-time password did not arrive")


def change(world: World, gateway: str, **values: Any) -> None:
    world.api.patch(f"/v1/gateways/{gateway}", values)


def health(world: World, gateway: str) -> dict[str, Any]:
    return world.api.get(f"/v1/gateways/{gateway}")["health"]


@contextmanager
def world_of_eight() -> Iterator[World]:
    stack.PARAMETERS |= {"MaxConcurrencyLaneLow": WORKERS}
    with World(LOCAL) as world:
        yield world


SCENARIOS = {"steady": steady, "changed": changed, "throttled": throttled, "broken": broken, "overtaken": overtaken}


def main() -> int:
    wanted = sys.argv[1:] or list(SCENARIOS)
    result = Result()
    with world_of_eight() as world:
        gateway = world.api.get("/v1/gateways")["data"][0]["id"]
        for name in wanted:
            SCENARIOS[name](world, gateway, result)
    table(["what", "found", "should be", "kept"], result.rows)
    save("bench-rate", {"rate": RATE, "workers": int(WORKERS)} | result.figures)
    for sentence in result.wrong:
        print(f"wrong: {sentence}", file=sys.stderr)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
