"""A scenario: who sends what by which gateway, what is broken meanwhile, and what must come out."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import gateways
from arena import Arena
from calls import Call
from gateways import Gateway
from local import PatientApi, upload
from rules import Injection, Rule

AT_MOST_ONCE, AT_LEAST_ONCE = "at_most_once", "at_least_once"
TEXT = "Hi {{name}}, your table is free from 8. Reply STOP to opt out."
_numbers = itertools.count(491511_0000000)


@dataclass
class World:
    """What a scenario has of the arena: an account, its gateway, and what it sent."""

    arena: Arena
    scenario: "Scenario"
    seed: int
    account: str
    api: PatientApi
    gateway: Gateway
    """Where its gateway posts receipts."""
    hooks_url: str = ""
    """Set when it has been judged."""
    over: threading.Event = field(default_factory=threading.Event)
    rules: list[Rule] = field(default_factory=list)
    """By campaign or batch (`/v1/campaigns/cmp_…`): the numbers it is for."""
    sent: dict[str, list[str]] = field(default_factory=dict)

    def mine(self, kinds: tuple[str, ...]) -> Callable[[Call], bool]:
        """Calls of these kinds about this account's batches, or to its gateway."""
        accounts = self.arena.proxy.accounts

        def matches(call: Call) -> bool:
            if call.kind not in kinds:
                return False
            return call.gateway == self.scenario.name or any(accounts.get(b) == self.account for b in call.batches)

        return matches

    def rule(self, kinds: str | tuple[str, ...], inject: Injection, wanted: int, share=1.0, functions="") -> None:
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        name = f"{'|'.join(kinds)}/{len(self.rules)}"
        who = frozenset(functions.split())
        self.rules.append(Rule(name, self.mine(kinds), inject, wanted, self.seed, share, who))

    def campaign(self, count: int, policy: str, lane: str) -> str:
        """Started; its path."""
        to = numbers(count)
        slot = self.api.post("/v1/uploads", {})
        rows = "".join(f"{number},Ada\n" for number in to)
        upload(slot["url"], slot["fields"], f"phone,name\n{rows}".encode())
        campaign = {
            "name": self.scenario.name,
            "class": "transactional",
            "audience": {"type": "upload", "upload": slot["id"]},
            "content": {"text": TEXT},
            "sender": "Carillon",
            "lane": lane,
            "policies": {"doubt": policy},
        }
        made = self.api.post("/v1/campaigns", campaign)["id"]
        path = f"/v1/campaigns/{made}"
        self.sent[path] = to
        self.api.post(f"{path}/start", {}, idempotency_key=secrets.token_hex(16))
        return path

    def batches(self) -> set[str]:
        return {batch for batch, account in self.arena.proxy.accounts.items() if account == self.account}

    def messages(self, path: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        while cursor is not None:
            page = self.api.get(f"{path}/messages?limit=500{cursor and f'&cursor={cursor}'}")
            yield from page["data"]
            cursor = page.get("next_cursor")


def numbers(count: int) -> list[str]:
    """Distinct in the whole run, and valid; nothing leaves this machine."""
    return [f"+{next(_numbers)}" for _ in range(count)]


def campaigns(world: World) -> None:
    """What most scenarios send."""
    for _ in range(world.scenario.campaigns):
        world.campaign(world.scenario.recipients, world.scenario.policy, world.scenario.lane)


class Doubt(Enum):
    """Where doubt can come from in a scenario."""

    NOWHERE = "nothing of `send` is broken"
    CRASHES = "a worker ends, or loses its chunk: in doubt is exactly what its window named"
    CALLS = "calls to the gateway aren't answered"


@dataclass
class Scenario:
    name: str
    """What is broken, in words."""
    what: str
    policy: str
    """The rules of the proxy."""
    breaks: Callable[[World], None]
    drive: Callable[[World], None] = campaigns
    """The rules of the simulator."""
    gateway: list[dict[str, Any]] = field(default_factory=lambda: [{"share": 0.7, "receipts": []}])
    gateway_settings: dict[str, Any] = field(default_factory=dict)
    """What the gateway can do: `deduplicates_for_seconds`, `inquiry`."""
    abilities: tuple[str, ...] = ()
    timeout_ms: int = 10_000
    parts_per_second: int = 1_000
    campaigns: int = 1
    recipients: int = 1_000
    lane: str = "normal"
    """What the simulator did wrong on purpose, beside what the rules count."""
    misbehaved: Callable[[World], int] = lambda world: 0
    """How often at least."""
    misbehaves: int = 0
    doubt: Doubt = Doubt.NOWHERE
    """Beside what every scenario must show; each sentence that comes back is a failure."""
    expects: Callable[[World, Any], list[str]] = lambda world, found: []
    patience_seconds: int = 420


def begin(arena: Arena, scenario: Scenario, seed: int) -> World:
    account, api = arena.account(scenario.name)
    gateway = gateways.start(arena, scenario.name)
    gateway.rules(*scenario.gateway, **({"seed": seed} | scenario.gateway_settings))
    world = World(arena, scenario, seed, account, api, gateway)
    world.hooks_url = api.post("/v1/gateways", gateways.document(scenario))["hooks_url"]
    scenario.breaks(world)
    arena.proxy.add(*world.rules)
    return world


def wait(world: World) -> float:
    """Until everything has ended and every receipt is counted, or patience is over. The seconds it took."""
    began, last, quiet = time.monotonic(), None, 0
    while (waited := time.monotonic() - began) < world.scenario.patience_seconds and quiet < 2:
        time.sleep(2)
        now = _standing(world)
        quiet = quiet + 1 if now is not None and now == last else 0
        last = now
    return waited


OPEN = ("scheduled", "queued", "held", "sending")


def _standing(world: World) -> Any:
    """None while something is under way."""
    told = 0
    counts = []
    for path in world.sent:
        report = world.api.get(f"{path}/report")["counts"]
        if sum(report.get(word, 0) for word in OPEN) or not any(report.values()):
            return None
        if "campaigns" in path and world.api.get(path)["status"] not in ("finished", "cancelled"):
            return None
        told += sum(report.get(word, 0) for word in ("delivered", "undelivered"))
        counts.append(report)
    summary = world.gateway.summary()["receipts"]
    known = sum(line["status"] is not None for line in world.gateway.recipients().values())
    return counts if not summary["pending"] and told >= known else None
