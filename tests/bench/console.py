"""`make bench-console`: how long the console's server takes for each page, what the page weighs, and what it reads.

Each page is asked for several times with a hundred contacts in the account, all on one list, then with a million. The time without
what the page waits for tables is beside the whole: the rest is the emulator's tables, DynamoDB's time follows the read units.
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
import uuid
from typing import Any, NamedTuple

from counting_proxy import CountingProxy
from show import save, say, table
from world import DOOR, EMULATOR, LOCAL, Api, World, upload

FEW = 100
LONGEST_IMPORT_SECONDS = 40 * 60


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


def fill(api: Api, everybody: str, count: int) -> None:
    """By an import, as somebody would."""
    slot = api.post("/v1/uploads", {})
    rows = "".join(f"+4915{110_000_000 + row},Ada {row}\n" for row in range(count))
    upload(slot["url"], slot["fields"], f"phone,name\n{rows}".encode())
    made = api.post("/v1/imports", {"upload": slot["id"], "lists": [everybody]}, str(uuid.uuid4()))
    until = time.monotonic() + LONGEST_IMPORT_SECONDS
    while (now := api.get(f"/v1/imports/{made['id']}"))["status"] == "importing" and time.monotonic() < until:
        time.sleep(1)
    counts = now["counts"]
    if now["status"] != "done" or counts["created"] + counts["updated"] + counts["unchanged"] != count:
        raise SystemExit(f"the import of {count:,} contacts: {now['status']}, {counts}")


def pages(browser: Browser, console: str, everybody: str) -> dict[str, str]:
    """Addresses, by what they are called here."""
    _, page = browser.follow(f"{console}/overview")
    sidebar = re.search(r'<nav[^>]*class="side.*?</nav>', page.text, re.DOTALL)
    if not sidebar:
        raise SystemExit("the console shows no navigation: is anybody signed in?")
    found = {path: path for path in re.findall(r'href="(/[^"]*)"', sidebar[0])}
    found["/campaigns/new"] = "/campaigns/new"
    found["/lists"] = "/lists"
    found["/lists/{id}"] = f"/lists/{everybody}"
    found["/contacts?list={id}"] = f"/contacts?list={everybody}"
    for name in ("/contacts", "/lists/{id}", "/contacts?list={id}"):
        shown = browser.ask(console + found[name]).text
        onward = re.search(r'href="([^"]*[?&;]cursor=[^"]*)"', shown)
        if not onward:
            raise SystemExit(f"{name} shows no way to its second page")
        found[f"{name}, page 2"] = html.unescape(onward[1])
        contact = re.search(r'href="(/contacts/cnt_[^"]*)"', shown)
        found["/contacts/{id}"] = contact[1] if contact else found["/contacts"]
    return found


def measured(browser: Browser, console: str, proxy: CountingProxy, path: str, times: int) -> dict[str, Any]:
    browser.ask(console + path)
    proxy.take()
    milliseconds, others = [], []
    for _ in range(times):
        proxy.waited()
        began = time.perf_counter()
        answer = browser.ask(console + path)
        milliseconds.append((time.perf_counter() - began) * 1000)
        others.append(milliseconds[-1] - proxy.waited() * 1000)
        if answer.status != 200:
            raise SystemExit(f"{path} is answered with {answer.status}")
    taken = proxy.take()
    reads = [tally for call, tally in taken.items() if call.service == "dynamodb"]
    return {
        "p50_ms": statistics.median(milliseconds),
        "p95_ms": p95(milliseconds),
        "without_tables_p95_ms": p95(others),
        "bytes": len(answer.body),
        "calls": sum(tally.calls for tally in reads) / times,
        "read_units": sum(tally.read_units for tally in reads) / times,
    }


def p95(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=20)[18]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    proxy = CountingProxy(f"127.0.0.1:{EMULATOR}")
    result: dict[str, dict[int, dict[str, Any]]] = {}
    try:
        with ConsoleWorld(LOCAL, functions_endpoint=proxy.url) as world:
            console, browser = f"http://127.0.0.1:{DOOR}", Browser()
            browser.sign_in(console, world.values["CONSOLE_EMAIL"], world.values["CONSOLE_PASSWORD"])
            everybody = world.api.post("/v1/lists", {"name": "Everybody"})["id"]
            for count in (FEW, arguments.contacts):
                say(f"importing {count:,} contacts")
                proxy.counting = False
                fill(world.api, everybody, count)
                proxy.counting = True
                say("asking for pages")
                for name, path in pages(browser, console, everybody).items():
                    result.setdefault(name, {})[count] = measured(browser, console, proxy, path, arguments.times)
    finally:
        proxy.close()
    head = ["page", "contacts", "bytes", "p50 ms", "p95 ms", "p95 ms without tables", "calls", "read units"]
    rows = []
    for name, by_count in result.items():
        for count, found in by_count.items():
            figures = [f"{found[figure]:.0f}" for figure in ("p50_ms", "p95_ms", "without_tables_p95_ms")]
            rows.append([name, f"{count:,}", f"{found['bytes']:,}", *figures, f"{found['calls']:.1f}", f"{found['read_units']:.1f}"])
            name = ""
    table(head, rows)
    save("bench-console", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
