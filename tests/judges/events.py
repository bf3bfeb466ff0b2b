"""Whether bodies of webhook calls are as docs/events.schema.json says. Reads a list of them, writes a list of `true` and `false`."""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/events.schema.json").read_text())

if __name__ == "__main__":
    Draft202012Validator.check_schema(SCHEMA)
    judge = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
    json.dump([judge.is_valid(body) for body in json.load(sys.stdin)], sys.stdout)
