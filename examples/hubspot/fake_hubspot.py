"""As much of HubSpot's API for contacts as the bridge uses, for its test: four contacts on two pages, search, change.

https://developers.hubspot.com/docs/api/crm/contacts. It is asked with the token `test`; `GET /changed` shows what was changed.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CONTACTS = {
    "101": {"phone": "+447700900123", "firstname": "Ann", "lastname": "Lee", "sms_opted_out": None},
    "102": {"phone": "+44 7700 900124", "firstname": "Bob", "lastname": None, "sms_opted_out": "true"},
    "103": {"phone": "(+44) 7700-900125", "firstname": "Cy", "lastname": "Doe", "sms_opted_out": "false"},
    # Of the simulated gateway: answers STOP.
    "104": {"phone": "+15005550017", "firstname": "Di", "lastname": "Fox", "sms_opted_out": None},
}
PAGE = 2
changed: dict[str, dict] = {}


class HubSpot(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/changed":
            return self.answer(changed)
        if self.refused():
            return
        query = parse_qs(url.query)
        after = int(query.get("after", ["0"])[0])
        names = query["properties"][0].split(",")
        found = [
            {"id": key, "properties": {name: person.get(name) for name in names}} for key, person in CONTACTS.items()
        ]
        page = {"results": found[after : after + PAGE]}
        if after + PAGE < len(found):
            page["paging"] = {"next": {"after": str(after + PAGE)}}
        self.answer(page)

    def do_POST(self) -> None:
        if self.refused():
            return
        [group] = self.body()["filterGroups"]
        [wanted] = group["filters"]
        assert wanted["operator"] == "EQ"
        fits = lambda person: person[wanted["propertyName"]] == wanted["value"]
        self.answer({"results": [{"id": key, "properties": person} for key, person in CONTACTS.items() if fits(person)]})

    def do_PATCH(self) -> None:
        if self.refused():
            return
        key = self.path.rsplit("/", 1)[1]
        properties = self.body()["properties"]
        CONTACTS[key].update(properties)
        changed.setdefault(key, {}).update(properties)
        self.answer({"id": key, "properties": CONTACTS[key]})

    def refused(self) -> bool:
        if self.headers["authorization"] == "Bearer test":
            return False
        self.answer({"category": "INVALID_AUTHENTICATION"}, 401)
        return True

    def body(self) -> dict:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def answer(self, body: dict, status: int = 200) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), HubSpot)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
