"""Verifies calls to a webhook, by Standard Webhooks 1.0.0, with the standard library only. `pip install standardwebhooks` does the same.

As a program it serves: `WEBHOOK_SECRET=whsec_… python verify_webhook.py 8000` prints the type of each event, once.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 300


class Forged(Exception):
    pass


def verify(secret: str, headers: dict[str, str], body: bytes) -> dict:
    """The event, or the batch of them. `headers` by their names in lower case; `body` as it came, byte by byte."""
    try:
        event_id, timestamp, signatures = (headers["webhook-" + name] for name in ("id", "timestamp", "signature"))
        if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
            raise Forged("too old")
    except (KeyError, ValueError) as error:
        raise Forged("a header is missing") from error
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # Several while a secret is rotated: any of them is good.
    if not any(hmac.compare_digest(expected, given) for given in signatures.split()):
        raise Forged("the signature is not ours")
    return json.loads(body)


class Receiver(BaseHTTPRequestHandler):
    seen: set[str] = set()  # In your service: a unique key in a table.

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            call = verify(os.environ["WEBHOOK_SECRET"], {name.lower(): value for name, value in self.headers.items()}, body)
        except Forged:
            return self.answer(401)
        for event in call["data"]["events"] if call["type"] == "batch" else [call]:
            if event["id"] not in self.seen:
                self.seen.add(event["id"])
                print(event["type"], flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
