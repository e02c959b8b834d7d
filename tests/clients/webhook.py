"""A sender of webhooks with the library of standardwebhooks.com.

    webhook.py URL SECRET

Calls the URL as it should be called and as it should not, and prints as JSON, for each call, the status and the body of
the answer. What they have to be says the test that starts it (tests/end_to_end/clients.rs).
"""

import datetime
import json
import sys

import httpx2
from standardwebhooks import Webhook


def main(url, secret):
    body = json.dumps({"type": "order.paid", "data": {"text": "café"}})
    now = datetime.datetime.now(tz=datetime.timezone.utc)
    other = "whsec_" + "b3RoZXIgc2VjcmV0IG90aGVyIHNlY3JldA=="

    def call(id, at=now, signed_by=secret, signed=body, also=""):
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": (also + " " + Webhook(signed_by).sign(id, at, signed)).strip(),
            "content-type": "application/json",
        }
        answer = httpx2.post(url, content=body.encode(), headers=headers, timeout=30)
        return {"status": answer.status_code, "body": answer.json()}

    ago = now - datetime.timedelta(minutes=10)
    soon = now + datetime.timedelta(minutes=10)
    print(json.dumps({
        "right": call("msg_1"),
        "again": call("msg_1"),
        "another": call("msg_2"),
        "rotated": call("msg_3", also=Webhook(other).sign("msg_3", now, body)),
        "altered": call("msg_4", signed="{}"),
        "strange": call("msg_5", signed_by=other),
        "old": call("msg_6", at=ago),
        "early": call("msg_7", at=soon),
    }))


main(*sys.argv[1:])
