"""The gateway simulator as a process of the local stack, and as a gateway of an account.

It stays up after the demo, so that the README's curl lines work; `make down` ends it by its pid file.
"""

import json
import os
import time
import urllib.request
from pathlib import Path
from typing import Any

import keeper
from demo_api import Refused, fetch

PORT = int(os.environ.get("SIMULATOR_PORT", "9900"))
LIFETIME_SECONDS = 12 * 3600
URL = f"http://127.0.0.1:{PORT}"

GATEWAY = Path(__file__).with_name("simulator-gateway.json")


def start(root: Path) -> None:
    """Starts it anew: an older one may be an older build."""
    program = root / "target" / "lambda" / "gateway-simulator" / "bootstrap"
    if not program.exists():
        raise Refused(f"{program} isn't built. `make up` builds it.")
    pid_file, log = root / ".local" / "simulator.pid", root / ".local" / "simulator.log"
    keeper.stop(pid_file)
    # They open nothing but a program on loopback that sends no SMS.
    secrets = gateway()["credentials"]
    command = [str(program), "--port", str(PORT), "--token", secrets["token"], "--secret", secrets["signing"]]
    keeper.start(pid_file, log, LIFETIME_SECONDS, {}, command)
    for _ in range(100):
        # Someone else may answer on this port, so the process must live too.
        if keeper.alive(pid_file) and "listening" in log.read_text():
            return
        time.sleep(0.05)
    raise Refused(f"The simulator did not start on port {PORT}: {log.read_text().strip() or 'it said nothing'}")


def summary() -> dict[str, Any]:
    return json.loads(_get("/_sim/summary"))


def settled() -> dict[str, Any]:
    """The summary once every receipt is acknowledged or given up: it hears of an acknowledgement after its writer."""
    for _ in range(300):
        now = summary()
        if now["receipts"]["pending"] == 0:
            return now
        time.sleep(0.1)
    raise Refused(f"The simulator still has {now['receipts']['pending']:,} receipts that nobody acknowledged.")


def recipients() -> list[dict[str, Any]]:
    """What it got, number by number: to, requests, accepted, ids, status."""
    return [json.loads(line) for line in _get("/_sim/recipients").splitlines()]


def arrivals() -> list[dict[str, Any]]:
    """Each request that was read: when, for whom, of how many parts."""
    return [json.loads(line) for line in _get("/_sim/arrivals").splitlines()]


def reset() -> None:
    """No counts, the default rules, no receipts to come."""
    fetch(urllib.request.Request(f"{URL}/_sim/reset", data=b""), "POST /_sim/reset of the simulator")


def gateway() -> dict[str, Any]:
    """The simulator as an account's gateway: what `POST /v1/gateways` takes."""
    return json.loads(GATEWAY.read_text().replace("http://127.0.0.1:9900", URL))


def _get(path: str) -> bytes:
    return fetch(urllib.request.Request(URL + path), f"GET {path} of the simulator")
