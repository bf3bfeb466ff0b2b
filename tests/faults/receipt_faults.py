"""Receipts come twice, in the wrong order, before the answer, forged, about nobody; `receipts` ends without warning."""

import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request
from collections import Counter

from gateways import DOCUMENT
from rules import INTERNAL_ERROR, Injection, Kill, Moment, Rule
from scenario import AT_MOST_ONCE, Scenario, World, campaigns

KILLS = 20
STRANGERS = 30


def _killed(moment: Moment):
    def breaks(world: World) -> None:
        world.rule("receipts", Kill(moment), KILLS, 0.5)

    return breaks


def _not_on_the_queue(inject: Injection):
    """Receipts are known by their messages, so those of other scenarios are hit too: their gateways come again as well."""

    def breaks(world: World) -> None:
        on_queue = Rule("to receipts", lambda call: call.kind == "to receipts", inject, KILLS, world.seed, 0.1)
        world.rules.append(on_queue)

    return breaks


def _nothing(world: World) -> None:
    """The simulator does it."""


def _everyone(status: str, *suffixes: str):
    def expects(world: World, found) -> list[str]:
        chosen = [message for number, message in found.messages.items() if number.endswith(suffixes or ("",))]
        other = Counter(message[3] for message in chosen if message[3] != status)
        wrong = [f"{dict(other)} where all should be {status}"] if other else []
        if forged := world.gateway.summary()["receipts"]["forged_acknowledged"]:
            wrong.append(f"{forged} forged receipts were answered with yes")
        return wrong

    return expects


def _receipts(*receipts: str, **more):
    return [{"receipts": list(receipts), "delay_ms": [0, 1_500]} | more]


def _posted(world: World) -> int:
    summary = world.gateway.summary()["receipts"]
    return summary["posted"] + summary["forged"]


# name, words, rules of the simulator, what everyone must be
ODD = [
    ("duplicated", "each receipt three times", _receipts("DELIVRD", "DELIVRD", "DELIVRD"), "delivered"),
    ("reordered", "a network's word after the delivery", _receipts("DELIVRD", "ACCEPTD"), "delivered"),
    ("overtaken", "a failure after the delivery", _receipts("DELIVRD", "UNDELIV"), "delivered"),
    ("corrected", "a delivery after the failure", _receipts("UNDELIV", "DELIVRD"), "delivered"),
    ("early", "receipts before the answer to the send", _receipts("DELIVRD", early=True), "delivered"),
    ("forged", "a forged rejection before each receipt", _receipts("!REJECTD", "DELIVRD"), "delivered"),
    ("unheard-of", "a status that nobody knows", _receipts("WEIRD"), "sent"),
]


def _with_strangers(world: World) -> None:
    """Receipts with the right signature about messages that never were, while the true ones come."""
    campaigns(world)
    secret = json.loads(DOCUMENT.read_text())["credentials"]["signing"]
    for _ in range(STRANGERS):
        made_up = f"msg_{secrets.token_hex(16)}.1.{secrets.token_hex(4)}"
        body = json.dumps({"id": "sim-0", "ref": made_up, "status": "UNDELIV", "error": "011"}).encode()
        _post(f"{world.hooks_url}?m={made_up}", body, secret)


def _post(url: str, body: bytes, secret: str) -> None:
    at = str(int(time.time()))
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(url, data=body, headers={"X-Timestamp": at, "X-Signature": signature})
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError:
        # Refused, which is as good: what counts is that nothing changes.
        return


SCENARIOS = [
    Scenario(
        f"receipts-killed-{name}",
        f"`receipts` killed {words}",
        AT_MOST_ONCE,
        _killed(moment),
        gateway=[],
        recipients=800,
        expects=_everyone("delivered"),
    )
    for name, words, moment in (
        ("before-write", "before its write", Moment.BEFORE),
        ("after-write", "between its write and the acknowledgement", Moment.AFTER),
    )
] + [
    Scenario(
        f"receipts-{name}",
        f"receipts: {what}",
        AT_MOST_ONCE,
        _nothing,
        gateway=rules,
        recipients=200,
        misbehaved=_posted,
        misbehaves=200,
        expects=_everyone(status),
    )
    for name, what, rules, status in ODD
]
SCENARIOS += [
    Scenario(
        f"webhook-{name}",
        f"`webhook` {words}",
        AT_MOST_ONCE,
        _not_on_the_queue(inject),
        gateway=[],
        recipients=600,
        expects=_everyone("delivered"),
    )
    for name, words, inject in (
        ("killed-before", "killed before a receipt was on the queue", Kill(Moment.BEFORE)),
        ("killed-after", "killed when a receipt was on the queue, before its answer", Kill(Moment.AFTER)),
        ("refused", "refused by the queue", INTERNAL_ERROR),
    )
]
SCENARIOS.append(
    Scenario(
        "receipts-unknown",
        "receipts: about messages that never were",
        AT_MOST_ONCE,
        _nothing,
        _with_strangers,
        gateway=[],
        recipients=200,
        misbehaved=lambda world: STRANGERS,
        misbehaves=STRANGERS,
        expects=_everyone("delivered"),
    )
)
