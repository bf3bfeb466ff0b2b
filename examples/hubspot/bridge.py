"""HubSpot and Carillon: contacts in, opt-outs and deliveries back.

`python bridge.py import` brings every contact that has a phone number. `python bridge.py serve 8000` is a webhook for
`contact.*` and `message.delivered`: who opted out has `sms_opted_out`, who got a message has `sms_last_delivered`.

CARILLON_URL, CARILLON_KEY, WEBHOOK_SECRET; HUBSPOT_URL (https://api.hubapi.com), HUBSPOT_TOKEN of a private app with the
scopes crm.objects.contacts.read and .write. Make the two properties of contacts first: a checkbox and a date with time.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

sys.path.append(str(Path(__file__).parents[1] / "python"))

import verify_webhook
from send_otp import call

TOGETHER = 100


def hubspot(method: str, path: str, body: dict | None = None) -> dict:
    request = urllib.request.Request(
        os.environ.get("HUBSPOT_URL", "https://api.hubapi.com") + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": "Bearer " + os.environ["HUBSPOT_TOKEN"], "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def pages():
    """https://developers.hubspot.com/docs/api/crm/contacts: pages of a hundred."""
    query = {"limit": TOGETHER, "properties": "phone,firstname,lastname,sms_opted_out"}
    while True:
        page = hubspot("GET", "/crm/v3/objects/contacts?" + urlencode(query))
        yield page["results"]
        after = page.get("paging", {}).get("next", {}).get("after")
        if after is None:
            return
        query["after"] = after


def import_contacts() -> dict:
    """May be repeated: a contact is found again by its number."""
    totals = {"created": 0, "updated": 0, "unchanged": 0, "rejected": 0}
    for page in pages():
        by_number = {}
        for person in (result["properties"] for result in page):
            number = "".join(sign for sign in person.get("phone") or "" if sign in "+0123456789")
            if number and person.get("sms_opted_out") != "true":
                by_number[number] = person
        contacts = [
            {"number": number, "attributes": {"first_name": person.get("firstname") or "", "last_name": person.get("lastname") or ""}}
            for number, person in by_number.items()
        ]
        if contacts:
            result = call("POST", "/v1/contacts/batch", {"contacts": contacts})
            totals = {name: count + result[name] for name, count in totals.items()}
    return totals


def change(number: str, properties: dict) -> None:
    search = {
        "filterGroups": [{"filters": [{"propertyName": "phone", "operator": "EQ", "value": number}]}],
        "properties": ["phone"],
        "limit": TOGETHER,
    }
    for person in hubspot("POST", "/crm/v3/objects/contacts/search", search)["results"]:
        hubspot("PATCH", f"/crm/v3/objects/contacts/{person['id']}", {"properties": properties})


def tell(event: dict) -> None:
    """Each of them may come twice: the same is written twice."""
    data = event["data"]
    match event["type"]:
        case "contact.opted_out" | "contact.opted_in":
            change(data["number"], {"sms_opted_out": str(event["type"] == "contact.opted_out").lower()})
        case "message.delivered":
            # Events of messages carry no number: who may read messages asks for it.
            message = call("GET", f"/v1/messages/{data['message']}")
            change(message["to"], {"sms_last_delivered": event["timestamp"]})


class Bridge(verify_webhook.Receiver):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            sent = verify_webhook.verify(os.environ["WEBHOOK_SECRET"], headers, body)
        except verify_webhook.Forged:
            return self.answer(401)
        try:
            for event in sent["data"]["events"] if sent["type"] == "batch" else [sent]:
                tell(event)
        except urllib.error.URLError:
            # HubSpot has too much to do, or Carillon: it comes again.
            return self.answer(503)
        self.answer(204)


if __name__ == "__main__":
    if sys.argv[1] == "import":
        print(json.dumps(import_contacts()))
    else:
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Bridge)
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
