"""Where the simulator posts its receipts in a benchmark: each call becomes the event that a function URL would make of it,
after the recorded one in `events/`, and is given to whoever takes it.
"""

import base64
import copy
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from runtime_api import read_body

ROOT = Path(__file__).resolve().parents[2]
RECORDED = json.loads((ROOT / "events/webhook-url.json").read_text())

Event = dict[str, Any]
Take = Callable[[Event], dict[str, Any]]


class HooksDoor:
    """`take` answers as the function `webhook` does, and is called by one thread at a time."""

    def __init__(self, port: int, take: Take):
        self.take = take
        self.url = f"http://127.0.0.1:{port}"
        self.mutex = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def event_of(method: str, path: str, headers: dict[str, str], body: bytes) -> Event:
    event = copy.deepcopy(RECORDED)
    raw_path, _, query = path.partition("?")
    event["rawPath"], event["rawQueryString"] = raw_path, query
    event.pop("queryStringParameters", None)
    event["headers"] = {name.lower(): value for name, value in headers.items()}
    event["requestContext"]["http"] |= {"method": method, "path": raw_path}
    event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return event


def _handler(door: HooksDoor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = read_body(self)
            with door.mutex:
                answer = door.take(event_of(self.command, self.path, dict(self.headers), body))
            content = (answer.get("body") or "").encode()
            self.send_response_only(answer["statusCode"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:
            """Silent: a query string can name people."""

    return Handler
