"""A small Lambda Runtime API on loopback, and a function's binary that runs against it, one invocation at a time.

What a process has used is read from outside: its CPU clock and its VmHWM, at the moments when it calls.
"""

import json
import queue
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PREFIX = "/2018-06-01/runtime/"
REGION = "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:"


class Broken(Exception):
    """A function that ended, said that it failed, or said nothing in time; the text names it."""


@dataclass(frozen=True)
class Usage:
    """Of a process, since it was started."""

    cpu_seconds: float
    wall_seconds: float
    peak_rss_bytes: int


@dataclass(frozen=True)
class Invoked:
    answer: Any
    """From the event to the answer; the peak is the process's."""
    spent: Usage
    """From the start of the process to the answer."""
    total: Usage


class Function:
    """One environment of a function: use it in `with`, which ends its process."""

    def __init__(self, name: str, binary: Path, environment: dict[str, str], log: Path, timeout_seconds: float = 60):
        self.name, self.binary, self.log, self.timeout = name, binary, log, timeout_seconds
        self._environment = environment
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        # What the process tells: ("poll" | "response" | "error", content, its usage by then).
        self._calls: queue.Queue[tuple[str, bytes, Usage]] = queue.Queue()
        self._known = threading.Event()

    def add_environment(self, variables: dict[str, str]) -> None:
        self._environment |= variables

    def __enter__(self) -> "Function":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": f"bench-{self.name}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        self._output = self.log.open("ab")
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            [str(self.binary)],
            env=environment | self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
        )
        self._known.set()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._events.put(("", b""))
        self._server.shutdown()
        self._server.server_close()
        self._output.close()

    def start(self) -> Usage:
        """Waits for the first poll: what INIT has cost."""
        return self._wait("poll")[1]

    def invoke(self, event: Any) -> Invoked:
        """After `start` or another invocation."""
        began = self.usage()
        self._events.put((str(uuid.uuid4()), json.dumps(event).encode()))
        content, total = self._wait("response")
        self._wait("poll")
        spent = Usage(
            cpu_seconds=total.cpu_seconds - began.cpu_seconds,
            wall_seconds=total.wall_seconds - began.wall_seconds,
            peak_rss_bytes=total.peak_rss_bytes,
        )
        return Invoked(json.loads(content or b"null"), spent, total)

    def usage(self) -> Usage:
        # It may poll before its own start has returned here.
        self._known.wait()
        pid = self.process.pid
        # The CPU clock of another process, all of its threads: linux, posix-timers.h, CPUCLOCK_SCHED.
        cpu = time.clock_gettime((~pid << 3) | 2)
        status = Path(f"/proc/{pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return Usage(cpu, time.monotonic() - self._started, int(peak.split()[1]) * 1024)

    def _wait(self, expected: str) -> tuple[bytes, Usage]:
        until = time.monotonic() + self.timeout
        while time.monotonic() < until:
            try:
                said, content, usage = self._calls.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise Broken(f"`{self.name}` ended with {self.process.returncode} (log: {self.log})") from None
                continue
            if said == "error":
                raise Broken(f"`{self.name}` failed: {content[:500].decode(errors='replace')} (log: {self.log})")
            if said == expected:
                return content, usage
        raise Broken(f"`{self.name}` made no {expected} in {self.timeout:.0f} s (log: {self.log})")


def read_body(handler: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in handler.headers.get("transfer-encoding", "").lower():
        return handler.rfile.read(int(handler.headers.get("content-length", 0)))
    chunks = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        chunks.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return b"".join(chunks)


def _handler(function: Function) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            function._calls.put(("poll", b"", function.usage()))
            request, event = function._events.get()
            if not request:
                self.close_connection = True
                return
            deadline = time.time() + function.timeout
            self._answer(
                200,
                event,
                {
                    "Lambda-Runtime-Aws-Request-Id": request,
                    "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": ARN + function.name,
                    "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
                },
            )

        def do_POST(self) -> None:
            usage = function.usage()
            content = read_body(self)
            function._calls.put(("response" if self.path.endswith("/response") else "error", content, usage))
            self._answer(202, b'{"status":"OK"}', {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: object) -> None:
            """Silent."""

    return RuntimeApi
