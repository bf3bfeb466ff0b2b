"""A campaign through the functions' own binaries at the template's batch sizes: this plays the part of Lambda's pollers.

The functions call the emulator through counting proxies, one for each function; the simulator is the gateway.
"""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bill import Observed
from counting_proxy import Call, CountingProxy, Tally
from hooks_door import HooksDoor
from runtime_api import Function
from show import say
from world import HOOKS, DrivenWorld, deployed_as, numbers, simulator, sqs_event

PATIENCE_SECONDS = 900
FINISHED = "finished"
# A window is up to this many calls at once, and chunks of an invocation go side by side.
WINDOW = 25
CHUNK = 100
# Groups that `receipts` works on at once.
GROUPS = 32
# Ledger items that `prepare` writes at once.
WRITES = 64


@dataclass
class Worker:
    """An environment, and what was seen of its function."""

    function: Function
    proxy: CountingProxy
    seen: Observed

    def invoke(self, event: dict[str, Any]) -> Any:
        invoked = self.function.invoke(event)
        self.seen.invocations += 1
        self.seen.cpu_seconds += invoked.spent.cpu_seconds
        self.seen.seconds += invoked.spent.wall_seconds
        if failures := (invoked.answer or {}).get("batchItemFailures"):
            say(f"`{self.function.name}` gave back {len(failures)} records (log: {self.function.log})")
        return invoked.answer

    def stop_counting(self) -> None:
        self.seen.calls = self.proxy.take()
        self.seen.log_bytes = self.function.log.stat().st_size


class Drive:
    def __init__(self, world: DrivenWorld, recipients: int):
        self.world, self.recipients = world, recipients
        self.workers: dict[str, Worker] = {}
        self.over = threading.Event()
        self.broken: list[BaseException] = []

    def run(self) -> dict[str, Observed]:
        with ExitStack() as held:
            for name in ("prepare", "dispatch", "send", "webhook", "receipts"):
                self.workers[name] = self._start(name, held)
            door = HooksDoor(HOOKS, self._webhook)
            held.callback(door.close)
            self._campaign()
            for worker in self.workers.values():
                worker.stop_counting()
        seen = {name: worker.seen for name, worker in self.workers.items()}
        _waits(seen, self.world)
        return seen

    def _start(self, name: str, held: ExitStack) -> Worker:
        proxy = CountingProxy(self.world.stack.emulator)
        held.callback(proxy.close)
        function = held.enter_context(self.world.function(name, proxy.url))
        function.start()
        settings = self.world.settings(deployed_as(name))
        traced = settings["TracingConfig"]["Mode"] == "Active"
        return Worker(function, proxy, Observed(settings["MemorySize"], traced=traced))

    def _campaign(self) -> None:
        say(f"a campaign of {self.recipients:,} recipients")
        campaign = self.world.campaign(numbers(self.recipients))
        self._one_batch("prepare", "PREPARE", "prepare-sqs.json", 1)
        steps = (self._dispatch, self._send, self._receipts)
        threads = [threading.Thread(target=self._loop, args=(step,)) for step in steps]
        for thread in threads:
            thread.start()
        try:
            self._follow(campaign)
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
        if self.broken:
            raise self.broken[0]

    def _follow(self, campaign: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until and not self.broken:
            state = self.world.api.get(f"/v1/campaigns/{campaign}")["status"]
            report = self.world.api.get(f"/v1/campaigns/{campaign}/report")["counts"]
            posted = simulator.summary()["receipts"]["pending"] == 0
            in_flight = sum(report.get(word, 0) for word in ("scheduled", "queued", "held", "sending", "sent"))
            if state == FINISHED and posted and not in_flight:
                say(f"finished: {', '.join(f'{count:,} {word}' for word, count in report.items() if count)}")
                return
            time.sleep(3)
        if not self.broken:
            raise SystemExit(f"the campaign is `{state}` after {PATIENCE_SECONDS} s, its counts {report}")

    def _loop(self, step: Any) -> None:
        try:
            while not self.over.is_set():
                step()
        except BaseException as error:
            self.broken.append(error)

    def _dispatch(self) -> None:
        self._one_batch("dispatch", "DISPATCH", "dispatch-sqs.json", self.world.batch_sizes["dispatch"])

    def _send(self) -> None:
        self._one_batch("send", "LANE_LOW", "send-sqs.json", self.world.batch_sizes["send-bulk"])

    def _receipts(self) -> None:
        """A full batch, or what is left when no more reports are to come."""
        size = self.world.batch_sizes["receipts"]
        self._one_batch("receipts", "RECEIPTS", "receipts-sqs.json", size, 20)

    def _webhook(self, event: dict[str, Any]) -> dict[str, Any]:
        return self.workers["webhook"].invoke(event)

    def _one_batch(self, name: str, lane: str, recorded: str, most: int, wait_seconds: float = 3) -> None:
        messages = list(self.world.receive(lane, most, wait_seconds))
        if messages:
            worker = self.workers[name]
            worker.seen.polled += len(messages)
            worker.invoke(sqs_event(recorded, messages))


def _waits(seen: dict[str, Observed], world: DrivenWorld) -> None:
    """How many calls follow one another in all invocations of a function; side by side they are one wait."""
    beside = {"prepare": WRITES, "webhook": 1, "receipts": GROUPS, "send": world.batch_sizes["send-bulk"]}
    for name, together in beside.items():
        calls: dict[Call, Tally] = seen[name].calls
        seen[name].waits_for_aws = sum(tally.calls for tally in calls.values()) / together
    seen["send"].waits_for_gateway = seen["send"].invocations * CHUNK / WINDOW
