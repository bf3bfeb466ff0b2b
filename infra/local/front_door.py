"""One address for the local stack, as a CDN would give it: carriers' calls and short links go to their function URL,
everything else to the HTTP API. Method, headers, raw path, raw query and body pass unchanged. Loopback only.
"""

import argparse
import http.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authorization"}


def handler(emulator: str, routes: list[tuple[str, str]]) -> type[BaseHTTPRequestHandler]:
    class FrontDoor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body of an answer leave together: apart, each would wait 40 ms for the other's acknowledgement.
        disable_nagle_algorithm = True
        wbufsize = -1

        def forward(self) -> None:
            body = self.body()
            host = next(host for prefix, host in routes if self.path.startswith(prefix))
            headers = [(k, v) for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP | {"host", "content-length"}]
            upstream = http.client.HTTPConnection(emulator, timeout=60)
            try:
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                upstream.putheader("host", host)
                upstream.putheader("x-forwarded-for", self.client_address[0])
                for name, value in headers:
                    upstream.putheader(name, value)
                if body or self.command not in ("GET", "HEAD", "OPTIONS"):
                    upstream.putheader("content-length", str(len(body)))
                upstream.endheaders(body)
                self.answer(upstream.getresponse())
            except OSError as error:
                self.send_error(502, f"the stack does not answer: {error}")
            finally:
                upstream.close()

        def body(self) -> bytes:
            if "chunked" not in self.headers.get("transfer-encoding", "").lower():
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(chunks)

        def answer(self, response: http.client.HTTPResponse) -> None:
            body = response.read()
            self.send_response_only(response.status)
            for name, value in response.getheaders():
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            if response.status not in (204, 304):
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *values) -> None:
            """Silent: a query string can name people."""

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = forward

    return FrontDoor


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", required=True, help="host:port")
    parser.add_argument("--route", nargs=2, action="append", required=True, metavar=("PREFIX", "HOST"))
    arguments = parser.parse_args()
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(
        ("127.0.0.1", arguments.port), handler(arguments.emulator, [tuple(route) for route in arguments.route])
    )
    server.serve_forever()
