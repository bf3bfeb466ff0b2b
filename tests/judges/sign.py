"""Delivery reports as vendors' gateways call: made and signed with their own libraries, and found genuine by those.

Reads `{kind: {"url": …, "secret": …}}`, writes `{kind: {"method": …, "query": …, "headers": {…}, "body": …}}`, both JSON.
A method that is left out is POST, a query that of the URL.
"""

import base64
import hashlib
import json
import sys
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from messagebird.request_validator import RequestValidator as MessageBird
from plivo.utils import signature_v3 as plivo
from telnyx.lib.webhook_verification import verify_webhook_signature
from twilio.request_validator import RequestValidator as Twilio
from vonage_http_client.auth import Auth as Vonage
from vonage_jwt.verify_jwt import verify_signature

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
NOW = int(time.time())


def of_twilio(url: str, secret: str) -> dict:
    report = {"MessageSid": "SM1f0e", "MessageStatus": "delivered", "To": "+447700900123", "From": "Zoë & Co", "ErrorCode": ""}
    signature = Twilio(secret).compute_signature(url, report)
    assert Twilio(secret).validate(url, report, signature)
    return form(report, {"x-twilio-signature": signature})


def of_plivo(url: str, secret: str) -> dict:
    report = {"MessageUUID": "a-1", "Status": "delivered", "To": "447700900123", "From": "Zoë & Co", "ErrorCode": "000"}
    nonce = "12345678901234567890"
    text = plivo.construct_post_url(url, report).decode()
    signature = plivo.get_signature_v3(secret.encode(), text, nonce).decode()
    assert plivo.validate_v3_signature("POST", url, nonce, secret, signature, report)
    return form(report, {"x-plivo-signature-v3": signature, "x-plivo-signature-v3-nonce": nonce})


def of_vonage_sms(url: str, secret: str) -> dict:
    report = {"msisdn": "447700900123", "to": "Zoë & Co=", "messageId": "0C1", "status": "delivered", "err-code": "0"}
    report["timestamp"] = str(NOW)
    auth = Vonage(api_key="abcd1234", signature_secret=secret, signature_method="sha256")
    report["sig"] = auth.sign_params(dict(report))
    assert auth.check_signature(dict(report))
    return form(report, {})


def of_vonage_messages(url: str, secret: str) -> dict:
    body = json.dumps({"message_uuid": "a-1", "to": "447700900123", "status": "delivered"})
    claims = {"iat": NOW, "iss": "Vonage", "payload_hash": sha256(body)}
    token = jwt.encode(claims, secret, algorithm="HS256")
    assert verify_signature(token, secret)
    return {"headers": JSON | {"authorization": f"Bearer {token}"}, "body": body}


def of_messagebird(url: str, secret: str) -> dict:
    report = {"id": "a-1", "recipient": "447700900123", "status": "delivered", "statusErrorCode": ""}
    query = url.split("?")[1] + "&" + urllib.parse.urlencode(report)
    url = url.split("?")[0] + "?" + query
    claims = {"iss": "MessageBird", "nbf": NOW, "exp": NOW + 60, "url_hash": sha256(url)}
    token = jwt.encode(claims, secret, algorithm="HS256")
    assert MessageBird(secret).validate_signature(token, url, b"") == claims
    return {"method": "GET", "query": query, "headers": {"messagebird-signature-jwt": token}, "body": ""}


def of_telnyx(url: str, secret: str) -> dict:
    """`secret` is the seed of a key, in hexadecimal."""
    payload = {"id": "a-1", "to": [{"phone_number": "+447700900123", "status": "delivered"}], "errors": []}
    body = json.dumps({"data": {"event_type": "message.finalized", "payload": payload}})
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    signature = key.sign(f"{NOW}|{body}".encode())
    headers = {"telnyx-signature-ed25519": base64.b64encode(signature).decode(), "telnyx-timestamp": str(NOW)}
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    verify_webhook_signature(body, headers, public)
    return {"headers": JSON | headers, "body": body}


def form(report: dict, headers: dict) -> dict:
    return {"headers": FORM | headers, "body": urllib.parse.urlencode(report)}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump({kind: globals()[f"of_{kind}"](**call) for kind, call in asked.items()}, sys.stdout)
