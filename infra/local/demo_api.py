"""A caller of Carillon's API that speaks plain sentences when something is refused."""

import json
import secrets
import urllib.error
import urllib.request
from typing import Any


class Refused(Exception):
    """A call that didn't do what it should; the text is for the person at the terminal."""


class Api:
    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._key = key

    def get(self, path: str) -> Any:
        return self._call("GET", path, None, {})

    def post(self, path: str, body: dict[str, Any], idempotency_key: str | None = None) -> Any:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._call("POST", path, body, headers)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Whatever was changed since it was read."""
        return self._call("PATCH", path, body, {"If-Match": "*"})

    def _call(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=content, method=method, headers=headers)
        request.add_header("Authorization", f"Bearer {self._key}")
        if content is not None:
            request.add_header("Content-Type", "application/json")
        answer = fetch(request, f"{method} {path}")
        return json.loads(answer) if answer else None


def fetch(request: urllib.request.Request, what: str) -> bytes:
    """The answer's body; `what` names the call in an error."""
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise Refused(f"{what} was answered with {error.code}: {_reason(error.read())}") from error
    except (urllib.error.URLError, OSError) as error:
        raise Refused(f"{what} got no answer ({error}). Is the stack up? `make up` starts it.") from error


def _reason(body: bytes) -> str:
    """What a problem+json says, or the beginning of anything else."""
    try:
        problem = json.loads(body)
        words = [problem.get("code"), problem.get("detail") or problem.get("title"), problem.get("errors")]
        return " ".join(str(word) for word in words if word)
    except (ValueError, AttributeError):
        return body[:300].decode(errors="replace")


def upload(url: str, fields: dict[str, str], content: bytes) -> None:
    """A presigned POST: the fields as they were given, then the file."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = 'Content-Disposition: form-data; name="file"; filename="recipients.csv"\r\nContent-Type: text/csv'
    parts += [f"--{boundary}\r\n{head}\r\n\r\n".encode(), content, f"\r\n--{boundary}--\r\n".encode()]
    request = urllib.request.Request(url, data=b"".join(parts), method="POST")
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    fetch(request, "The upload of the CSV")
