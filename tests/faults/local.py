"""The tooling of the local stack, as the other files here use it."""

import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra/local"))

import keeper  # noqa: E402
from demo_api import Api, Refused, upload  # noqa: E402
from stack import STACK, Stack  # noqa: E402

PATIENCE = 6


class PatientApi(Api):
    """Asks again when it was refused or not answered: the stack is being broken. What is made twice is a draft at worst."""

    def _call(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Any:
        for pause in range(1, PATIENCE):
            try:
                return super()._call(method, path, body, headers)
            except Refused:
                time.sleep(pause)
        return super()._call(method, path, body, headers)

    def once(self, path: str, body: dict[str, Any], idempotency_key: str) -> Any:
        """Asks once, whatever comes of it."""
        return super()._call("POST", path, body, {"Idempotency-Key": idempotency_key})


__all__ = ["ROOT", "STACK", "Api", "PatientApi", "Refused", "Stack", "keeper", "upload"]
