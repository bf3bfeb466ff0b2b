"""Whether calls to webhooks are genuine, by the reference library of Standard Webhooks.

Reads `[{"secret": …, "headers": {…}, "body": …}]`, writes a list of `true` and `false`, both JSON.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def genuine(call: dict) -> bool:
    try:
        Webhook(call["secret"]).verify(call["body"], call["headers"])
    except WebhookVerificationError:
        return False
    return True


if __name__ == "__main__":
    json.dump([genuine(call) for call in json.load(sys.stdin)], sys.stdout)
