"""`make bench-cold`: what a new environment of each function costs, next to a function that does nothing.

Each run starts a release binary against a mock Runtime API, waits for its first poll, and gives it one event. The events
are the recorded ones with the ids of a real campaign in them, so that every first invocation does its real work: the
tables, queues and files are the emulator's, behind a proxy that speaks TLS as AWS does. A round's message goes from `api`
through `send` and the simulator to `webhook` and `receipts`; `dispatch` finds nothing to do, and `prepare` comes at the
end, since a campaign that is prepared gives the dispatcher work.

Measured: bytes of the binary, CPU (user and system, all threads) and peak RSS of its process, seen from outside.
"""

import copy
import json
import queue
import ssl
import statistics
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from counting_proxy import CountingProxy
from hooks_door import HooksDoor
from runtime_api import Function, Usage
from show import save, say, table
from world import HOOKS, ROOT, STATE, DrivenWorld, binary, log_of, numbers, set_rules, sqs_event

ROUNDS = 15
ORDER = ("bare", "api", "prepare", "dispatch", "send", "webhook", "receipts")
# The dispatcher stops looking 8 s before its end, so this is one look.
DISPATCH_SECONDS = 8.5
MIB = 1024 * 1024


class Rounds:
    def __init__(self, world: DrivenWorld, proxy: CountingProxy, trust: dict[str, str]):
        self.world, self.proxy, self.trust = world, proxy, trust
        self.posted: queue.Queue[dict[str, Any]] = queue.Queue()
        self.runs: dict[str, list[tuple[Usage, Usage]]] = {name: [] for name in ORDER}
        self.numbers = iter(numbers(10 * ROUNDS))

    def run(self) -> None:
        """The functions in an order in which each finds what it needs."""
        self.once("bare", {})
        answer = self.once("api", self.api_event())
        if answer["statusCode"] != 202:
            raise SystemExit(f"`api` refused the message: {answer['body']}")
        self.once("dispatch", json.loads((ROOT / "events/dispatch-schedule.json").read_text()), DISPATCH_SECONDS)
        self.once("send", self.next_of("LANE_HIGH", "send-sqs.json"))
        answer = self.once("webhook", self.posted.get(timeout=30))
        if answer["statusCode"] != 200:
            raise SystemExit(f"`webhook` refused the receipt: {answer['body']}")
        self.once("receipts", self.next_of("RECEIPTS", "receipts-sqs.json"))

    def prepare(self) -> None:
        self.world.campaign([next(self.numbers) for _ in range(3)])
        self.once("prepare", self.next_of("PREPARE", "prepare-sqs.json"))

    def once(self, name: str, event: dict[str, Any], timeout_seconds: float | None = None) -> Any:
        if name == "bare":
            function = Function(name, binary(name), {}, log_of("bare"))
        else:
            function = self.world.function(name, self.proxy.url, timeout_seconds)
        function.add_environment(self.trust)
        with function:
            started = function.start()
            invoked = function.invoke(event)
        if failures := (invoked.answer or {}).get("batchItemFailures"):
            raise SystemExit(f"`{name}` gave back {failures} (log: {function.log})")
        self.runs[name].append((started, invoked.total))
        return invoked.answer

    def api_event(self) -> dict[str, Any]:
        event = json.loads((ROOT / "events/api-http.json").read_text())
        event["headers"] |= {
            "authorization": f"Bearer {self.world.values['API_KEY']}",
            "idempotency-key": str(uuid.uuid4()),
        }
        body = json.loads(event["body"]) | {"to": [next(self.numbers)]}
        event["body"] = json.dumps(body)
        return event

    def next_of(self, name: str, recorded: str) -> dict[str, Any]:
        messages = list(self.world.receive(name, 1, wait_seconds=15))
        if not messages:
            raise SystemExit(f"nothing came to the queue {name}")
        return sqs_event(recorded, messages)


def keep(posted: queue.Queue[dict[str, Any]], event: dict[str, Any]) -> dict[str, Any]:
    posted.put(copy.deepcopy(event))
    return {"statusCode": 200, "body": "OK"}


def certificate() -> tuple[Path, Path, Path]:
    """A certificate for loopback, its key, and the machine's own roots with it at the end."""
    key, made, roots = (STATE / name for name in ("tls.key", "tls.pem", "roots.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    known = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")
    roots.write_text((known.read_text() if known.exists() else "") + made.read_text())
    return made, key, roots


def spread(values: list[float], digits: int = 1) -> str:
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}..{high})"


def result(runs: dict[str, list[tuple[Usage, Usage]]]) -> dict[str, Any]:
    found = {}
    for name, pairs in runs.items():
        found[name] = {
            "binary_bytes": binary(name).stat().st_size,
            "init_cpu_ms": [started.cpu_seconds * 1000 for started, _ in pairs],
            "first_cpu_ms": [total.cpu_seconds * 1000 for _, total in pairs],
            "init_wall_ms": [started.wall_seconds * 1000 for started, _ in pairs],
            "peak_rss_mib": [total.peak_rss_bytes / MIB for _, total in pairs],
        }
    return found


def show(found: dict[str, Any]) -> None:
    bare = found["bare"]
    head = ["function", "MB", "x", "CPU ms to first poll", "x", "CPU ms to end of first", "x", "peak RSS MiB", "x"]
    rows = []
    for name in ORDER:
        one = found[name]
        row = [name, f"{one['binary_bytes'] / 1e6:.2f}", f"{one['binary_bytes'] / bare['binary_bytes']:.1f}"]
        for measure in ("init_cpu_ms", "first_cpu_ms", "peak_rss_mib"):
            ratio = statistics.median(one[measure]) / statistics.median(bare[measure])
            row += [spread(one[measure]), f"{ratio:.1f}"]
        rows.append(row)
    table(head, rows)
    say(f"medians of {len(bare['init_cpu_ms'])} runs (least..most); x: to `bare`, which only runs lambda_runtime")
    say("goal: to the first poll at most 2 x for `send` and `webhook`")


def main() -> int:
    STATE.mkdir(parents=True, exist_ok=True)
    made, key, roots = certificate()
    with DrivenWorld() as world:
        proxy = CountingProxy(world.stack.emulator, tls=(made, key))
        rounds = Rounds(world, proxy, {"SSL_CERT_FILE": str(roots)})
        door = HooksDoor(HOOKS, lambda event: keep(rounds.posted, event))
        try:
            set_rules({"receipts": ["DELIVRD"], "delay_ms": [0, 0]})
            for number in range(ROUNDS):
                say(f"round {number + 1} of {ROUNDS}")
                rounds.run()
            for _ in range(ROUNDS):
                rounds.prepare()
        finally:
            door.close()
            proxy.close()
    found = result(rounds.runs)
    show(found)
    save("bench-cold", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
