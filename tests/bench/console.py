"""`make bench-console`: how long the console's server takes for each page, what the page weighs, and what it reads.

Each page is asked for several times with few contacts in the account, then with many. The local emulator's tables take longer
the more they hold, so what proves that a list of millions pages like one of a hundred is what it asks the database for: calls and
read units are the same.
"""

import argparse
import gzip
import html
import http.client
import re
import statistics
import sys
import time
import urllib.parse
from typing import Any, NamedTuple

from counting_proxy import CountingProxy
from show import save, say, table
from world import DOOR, EMULATOR, LOCAL, Api, World

FEW = 100
AT_ONCE = 1_000
SESSION = "__Host-carillon"


class ConsoleWorld(World):
    def arrange(self) -> None:
        # The account that the first member is of.
        self.values = self.stack.read_env()
        self.api = Api(self.stack.url, self.values["API_KEY"])


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()


class Browser:
    """One that keeps the cookies of a sign-in, by host and port."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}

    def ask(self, url: str, form: dict[str, str] | None = None) -> Answer:
        parts = urllib.parse.urlsplit(url)
        kept = self.cookies.setdefault(parts.netloc, {})
        headers = {"accept-encoding": "gzip", "cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["content-type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        try:
            connection.request("GET" if form is None else "POST", parts._replace(scheme="", netloc="").geturl(), body, headers)
            answer = connection.getresponse()
            found = Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        for cookie in found.headers.get_all("set-cookie", []):
            name, _, value = cookie.split(";")[0].partition("=")
            kept[name] = value
        return found

    def follow(self, url: str) -> tuple[str, Answer]:
        answer = self.ask(url)
        while answer.status in (302, 303, 307):
            url = urllib.parse.urljoin(url, answer.headers["location"])
            answer = self.ask(url)
        return url, answer

    def sign_in(self, console: str, email: str, password: str) -> None:
        at, page = self.follow(f"{console}/sign-in/start?to=%2Foverview")
        form = re.search(r"<form[^>]*>.*?</form>", page.text, re.DOTALL)
        if not form:
            raise SystemExit(f"no form to sign in with at {at}")
        fields = {}
        for field in re.findall(r"<input[^>]*>", form[0]):
            attributes = {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', field)}
            if "name" in attributes:
                fields[attributes["name"]] = attributes.get("value", "")
        fields |= {"username": email, "password": password}
        action = re.search(r'action="([^"]*)"', form[0])
        answer = self.ask(urllib.parse.urljoin(at, html.unescape(action[1]) if action else ""), fields)
        if answer.status not in (302, 303):
            raise SystemExit(f"signing in is answered with {answer.status}")
        self.follow(urllib.parse.urljoin(at, answer.headers["location"]))


def fill(api: Api, first: int, count: int) -> None:
    for start in range(first, count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count))
        contacts = [{"number": f"+4915{110_000_000 + n}", "attributes": {"name": f"Ada {n}"}} for n in numbers]
        api.post("/v1/contacts/batch", {"contacts": contacts})


def pages(browser: Browser, console: str) -> list[str]:
    _, page = browser.follow(f"{console}/overview")
    sidebar = re.search(r'<nav[^>]*class="side.*?</nav>', page.text, re.DOTALL)
    if not sidebar:
        raise SystemExit("the console shows no navigation: is anybody signed in?")
    found = re.findall(r'href="(/[^"]*)"', sidebar[0])
    contact = re.search(r'href="(/contacts/con_[^"]*)"', browser.ask(f"{console}/contacts").text)
    return [*dict.fromkeys(found), "/campaigns/new", *([contact[1]] if contact else [])]


def measured(browser: Browser, console: str, proxy: CountingProxy, path: str, times: int) -> dict[str, Any]:
    browser.ask(console + path)
    proxy.take()
    milliseconds = []
    for _ in range(times):
        began = time.perf_counter()
        answer = browser.ask(console + path)
        milliseconds.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise SystemExit(f"{path} is answered with {answer.status}")
    calls = [tally for call, tally in proxy.take().items() if call.service == "dynamodb"]
    return {
        "p50_ms": statistics.median(milliseconds),
        "p95_ms": statistics.quantiles(milliseconds, n=20)[18],
        "bytes": len(answer.body),
        "calls": sum(tally.calls for tally in calls) / times,
        "read_units": sum(tally.read_units for tally in calls) / times,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    proxy = CountingProxy(f"127.0.0.1:{EMULATOR}")
    result: dict[str, dict[str, Any]] = {}
    try:
        with ConsoleWorld(LOCAL, functions_endpoint=proxy.url) as world:
            console, browser = f"http://127.0.0.1:{DOOR}", Browser()
            browser.sign_in(console, world.values["CONSOLE_EMAIL"], world.values["CONSOLE_PASSWORD"])
            before = 0
            for count in (FEW, arguments.contacts):
                say(f"{count:,} contacts")
                fill(world.api, before, count)
                before = count
                for path in pages(browser, console):
                    path_shown = re.sub(r"con_\w+", "{id}", path)
                    result.setdefault(path_shown, {})[count] = measured(browser, console, proxy, path, arguments.times)
    finally:
        proxy.close()
    head = ["page", "bytes", "p50 ms", "p95 ms", "calls", "read units", f"p95 ms at {arguments.contacts:,}", "calls", "read units"]
    rows = []
    for path, (few, many) in ((path, tuple(found.values())) for path, found in result.items()):
        row = [path, f"{few['bytes']:,}", f"{few['p50_ms']:.0f}", f"{few['p95_ms']:.0f}", f"{few['calls']:.1f}", f"{few['read_units']:.1f}"]
        rows.append([*row, f"{many['p95_ms']:.0f}", f"{many['calls']:.1f}", f"{many['read_units']:.1f}"])
    table(head, rows)
    save("bench-console", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
