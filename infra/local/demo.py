"""`make demo`: a campaign of 10,000 recipients on the local stack, from the CSV to the last delivery report.

Runs after `make up`, from anywhere; can be run again.
"""

import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import demo_report
import simulator
from demo_api import Api, Refused, upload
from demo_recipients import Recipients, generate

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"

STALL_SECONDS = 180
POLL_SECONDS = 1.0
FINISHED = {"finished"}
GIVEN_UP = {"failed", "cancelled"}


def main() -> int:
    try:
        return run()
    except Refused as why:
        print(f"\nThe demo stopped: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe demo was interrupted; the stack and the campaign go on.", file=sys.stderr)
        return 130


def run() -> int:
    LOCAL.mkdir(exist_ok=True)
    say("Starting the gateway simulator.")
    simulator.start(ROOT)
    api = sign_in()
    ensure_gateway(api)

    recipients = generate()
    say(f"Uploading a CSV of {recipients.uploaded:,} rows, some of them bad, some twice.")
    campaign = create_campaign(api, recipients)
    say(f"Starting campaign {campaign}.")
    began = time.monotonic()
    api.post(f"/v1/campaigns/{campaign}/start", {}, idempotency_key=f"demo-{uuid.uuid4()}")
    counts = follow(api, campaign, began)
    seconds = time.monotonic() - began

    summary = simulator.settled()
    result = demo_report.result(counts, seconds, summary)
    demo_report.save(result, LOCAL / "demo.json")
    demo_report.show(result)
    wrong = demo_report.wrong_with(result, recipients, summary, simulator.recipients())
    for sentence in wrong:
        print(f"It doesn't add up: {sentence}", file=sys.stderr)
    if not wrong:
        say("All numbers add up. The stack stays up; the README has lines to try, `make down` ends it.")
    return 1 if wrong else 0


def say(sentence: str) -> None:
    print(f"==> {sentence}", flush=True)


def sign_in() -> Api:
    """The API with the key of `.local/env`; an account and its key are made when there is none."""
    env = read_env()
    if "API_URL" not in env:
        raise Refused("`.local/env` names no API_URL. `make up` starts the stack and writes it.")
    key = env.get("API_KEY") or make_account()
    return Api(env["API_URL"], key)


def read_env() -> dict[str, str]:
    path = LOCAL / "env"
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def make_account() -> str:
    say("Making an account and its first API key.")
    made = subprocess.run(
        ["make", "--no-print-directory", "account", "NAME=Demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    key = read_env().get("API_KEY")
    shown = re.search(r"car_live_\w+", made.stdout)
    if made.returncode != 0 or not (key or shown):
        raise Refused(f"`make account` gave no API key: {made.stderr.strip()[-300:]}")
    return key or shown.group()


def ensure_gateway(api: Api) -> None:
    """The account's only gateway is its route."""
    gateway = simulator.gateway()
    names = {known.get("name") for known in api.get("/v1/gateways")["data"]}
    if gateway["name"] not in names:
        say("Registering the simulator as the account's gateway.")
        api.post("/v1/gateways", gateway)


def create_campaign(api: Api, recipients: Recipients) -> str:
    """The id of a campaign that is ready to start."""
    slot = api.post("/v1/uploads", {})
    upload(slot["url"], slot["fields"], recipients.content)
    campaign = api.post(
        "/v1/campaigns",
        {
            "name": "Demo",
            "class": "transactional",
            "audience": {"type": "upload", "upload": slot["id"]},
            "content": {"text": "Hi {{name}}, your table is free from 8. Reply STOP to opt out."},
            "sender": "Carillon",
            "lane": "low",
        },
    )
    return campaign["id"]


def follow(api: Api, campaign: str, began: float) -> dict[str, int]:
    """Shows the progress until the batch is finished and no slot is in flight; the answer is its last counts."""
    progress = demo_report.Progress()
    last: tuple[Any, ...] = ()
    moved = time.monotonic()
    try:
        while True:
            state = api.get(f"/v1/campaigns/{campaign}")["status"]
            counts = demo_report.counts_of(api.get(f"/v1/campaigns/{campaign}/report"))
            now = time.monotonic()
            progress.show(state, counts, now - began)
            if state in FINISHED and counts["in_flight"] == 0:
                return counts
            if state in GIVEN_UP:
                raise Refused(f"Campaign {campaign} is {state}.")
            if (state, *counts.values()) != last:
                last, moved = (state, *counts.values()), now
            elif now - moved > STALL_SECONDS:
                raise Refused(f"Nothing moved for {STALL_SECONDS} s; {counts['in_flight']:,} slots are in flight.")
            time.sleep(POLL_SECONDS)
    finally:
        progress.end()


if __name__ == "__main__":
    sys.exit(main())
