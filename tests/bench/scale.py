"""`make test-scale`: a campaign of 100,000 recipients through the deployed local stack.

Fails unless every recipient reached the gateway exactly once and the counts add up. A tenth of them get a receipt: each is
a call to the emulator's function URL, which takes longer than the sending of many. Shows the peak memory of `prepare` and
`send` next to what the template gives them: the emulator runs functions as processes, and doesn't enforce their memory.
"""

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import Any

from show import save, say, table
from world import EMULATOR, LOCAL, STACK, World, numbers, set_rules, simulator

WATCHED = ("prepare", "send-bulk")
MIB = 1024 * 1024
STALL_SECONDS = 300
# The share of recipients that get a receipt.
RECEIPTS = 0.1


class PeakMemory:
    """VmHWM of the functions' processes of our emulator, looked at while they run."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self.processes: dict[str, set[str]] = {}
        self._known: dict[str, str | None] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                self._look(process)

    def _look(self, process: Path) -> None:
        try:
            if process.name not in self._known:
                self._known[process.name] = _function_of(process)
            if function := self._known[process.name]:
                lines = (process / "status").read_text().splitlines()
                line = next(line for line in lines if line.startswith("VmHWM"))
                peak = int(line.split()[1]) * 1024
                self.bytes[function] = max(peak, self.bytes.get(function, 0))
                self.processes.setdefault(function, set()).add(process.name)
        except (OSError, StopIteration):
            # It ended while we looked.
            self._known.pop(process.name, None)


def _function_of(process: Path) -> str | None:
    pairs = (process / "environ").read_bytes().decode(errors="replace").split("\0")
    variables = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if not variables.get("AWS_ENDPOINT_URL", "").endswith(f":{EMULATOR}"):
        return None
    return variables.get("AWS_LAMBDA_FUNCTION_NAME", "").removeprefix(f"{STACK}-") or None


def follow(world: World, campaign: str) -> dict[str, int]:
    """Its counts when all is sent and every receipt is counted."""
    last, moved, began = None, time.monotonic(), time.monotonic()
    while True:
        state = world.api.get(f"/v1/campaigns/{campaign}")["status"]
        counts = world.api.get(f"/v1/campaigns/{campaign}/report")["counts"]
        waiting = sum(counts.get(word, 0) for word in ("scheduled", "queued", "held", "sending"))
        posted = simulator.summary()["receipts"]
        now = time.monotonic()
        words = [f"{count:,} {word}" for word, count in counts.items() if count]
        say(f"{now - began:5.0f} s  {state}: {', '.join(words)}")
        ended = sum(counts.get(word, 0) for word in ("delivered", "undelivered", "expired"))
        if state == "finished" and not waiting and not posted["pending"] and ended == posted["acknowledged"]:
            return counts
        if (state, counts) != last:
            last, moved = (state, counts), now
        elif now - moved > STALL_SECONDS:
            raise SystemExit(f"nothing moved for {STALL_SECONDS} s")
        time.sleep(10)


def wrong_with(counts: dict[str, int], expected: set[str], seen: list[dict[str, Any]]) -> list[str]:
    reached = {recipient["to"] for recipient in seen}
    wrong = []
    if (together := sum(counts.values())) != len(expected):
        wrong.append(f"the counts are {together:,} together, and {len(expected):,} were accepted")
    if missing := len(expected - reached):
        wrong.append(f"{missing:,} recipients never reached the gateway")
    if strangers := len(reached - expected):
        wrong.append(f"{strangers:,} numbers reached the gateway that nobody asked for")
    if repeated := sum(recipient["requests"] != 1 for recipient in seen):
        wrong.append(f"{repeated:,} recipients were not sent exactly once")
    told = sum(recipient["status"] == "DELIVRD" for recipient in seen)
    if counts.get("delivered", 0) != told:
        wrong.append(f"{counts.get('delivered', 0):,} are delivered, and the gateway reported {told:,}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipients", type=int, default=100_000)
    arguments = parser.parse_args()
    to = numbers(arguments.recipients)
    with World(LOCAL) as world, PeakMemory() as memory:
        set_rules({"share": 1 - RECEIPTS, "receipts": []}, {"receipts": ["DELIVRD"], "delay_ms": [500, 3000]})
        began = time.monotonic()
        counts = follow(world, world.campaign(to))
        seconds = time.monotonic() - began
        wrong = wrong_with(counts, set(to), simulator.recipients())
        given = {name: world.settings(name)["MemorySize"] for name in WATCHED}
    peaks = {name: memory.bytes.get(name, 0) / MIB for name in WATCHED}
    wrong += [f"`{name}` took more memory than it is given" for name in WATCHED if not 0 < peaks[name] < given[name]]

    started = {name: len(memory.processes.get(name, ())) for name in WATCHED}
    rows = [[name, f"{peaks[name]:.1f}", str(given[name]), str(started[name])] for name in WATCHED]
    table(["function", "peak RSS MiB", "MemorySize", "environments"], rows)
    say(f"{arguments.recipients:,} recipients in {seconds:.0f} s, each at the gateway once" if not wrong else "it failed")
    result = {"recipients": arguments.recipients, "seconds": round(seconds), "counts": counts}
    save("test-scale", result | {"peak_rss_mib": peaks})
    for sentence in wrong:
        print(f"wrong: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
