"""Starts a campaign to some numbers and waits for its end: `python start_campaign.py "Hello {{name}}" +447700900123=Ann …`."""

import sys
import time
import uuid

from send_otp import call


def start(text: str, people: dict[str, str]) -> str:
    recipients = [{"to": number, "vars": {"name": name}} for number, name in people.items()]
    draft = {
        "name": "From the example",
        "class": "transactional",
        "content": {"text": text},
        "audience": {"type": "inline", "recipients": recipients},
    }
    campaign = call("POST", "/v1/campaigns", draft)["id"]
    # Kept with the campaign where you plan it, so that a start that is repeated starts nothing twice.
    call("POST", f"/v1/campaigns/{campaign}/start", {}, {"idempotency-key": str(uuid.uuid4())})
    return campaign


def wait(campaign: str) -> dict:
    """A webhook that wants `campaign.finished` needs no loop."""
    while call("GET", f"/v1/campaigns/{campaign}")["status"] not in ("finished", "failed", "cancelled"):
        time.sleep(1)
    return call("GET", f"/v1/campaigns/{campaign}/report")


if __name__ == "__main__":
    people = dict(argument.split("=", 1) for argument in sys.argv[2:])
    print(wait(start(sys.argv[1], people)))
