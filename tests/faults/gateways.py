"""A gateway of one scenario: a simulator of its own, behind the fault proxy, as one account's gateway."""

import json
import re
import socket
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arena import GATEWAYS, LIFETIME_SECONDS, STATE, Arena
from local import ROOT, keeper

if TYPE_CHECKING:
    from scenario import Scenario

DOCUMENT = ROOT / "infra/local/simulator-gateway.json"
PROGRAM = ROOT / "target/lambda/gateway-simulator/bootstrap"


@dataclass
class Gateway:
    scenario: str
    port: int

    def rules(self, *rules: dict[str, Any], **settings: Any) -> None:
        """As in tests/simulator/rules.rs."""
        self._post("/_sim/rules", settings | {"rules": list(rules)})

    def summary(self) -> dict[str, Any]:
        return json.loads(self._fetch("/_sim/summary"))

    def recipients(self) -> dict[str, dict[str, Any]]:
        """By number: requests, accepted, ids, status."""
        lines = self._fetch("/_sim/recipients").splitlines()
        return {line["to"]: line for line in map(json.loads, lines)}

    def _post(self, path: str, document: Any) -> None:
        url = f"http://127.0.0.1:{self.port}{path}"
        urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(document).encode()), timeout=30).close()

    def _fetch(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read()


def start(arena: Arena, scenario: str) -> Gateway:
    if not PROGRAM.exists():
        raise SystemExit(f"{PROGRAM} is not built: `make build` builds it")
    secrets = json.loads(DOCUMENT.read_text())["credentials"]
    log = STATE / f"simulator-{scenario}.log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PROGRAM), "--port", str(port), "--token", secrets["token"], "--secret", secrets["signing"]]
    # A receipt is an invocation of `webhook`; the emulator takes 48 invocations at once.
    command += ["--receipt-concurrency", "3"]
    keeper.start(STATE / f"simulator-{scenario}.pid", log, LIFETIME_SECONDS, {}, command)
    for _ in range(200):
        if re.search("listening", log.read_text()):
            arena.proxy.simulators[scenario] = port
            return Gateway(scenario, port)
        time.sleep(0.05)
    raise SystemExit(f"the simulator of {scenario} does not start (log: {log})")


def document(scenario: "Scenario") -> dict[str, Any]:
    """What `POST /v1/gateways` takes: the simulator by way of the proxy, able to do what the scenario says."""
    text = DOCUMENT.read_text().replace("127.0.0.1:9900", f"127.0.0.1:{GATEWAYS}/{scenario.name}")
    made = json.loads(text)
    config = made["config"]
    config["send"]["timeout_ms"] = scenario.timeout_ms
    abilities = config["capabilities"] | {"deduplicates_for_seconds": 3_600}
    config["capabilities"] = {name: abilities[name] for name in scenario.abilities}
    return made | {"name": scenario.name, "parts_per_second": scenario.parts_per_second}
