"""Job: the prompt and the answer of a request, as its page shows them, where they were logged.

Law: only for who may see logged calls, of a request that they may see. Text of strangers: never marked safe.
"""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from billing.models import CallBody, UsageRecord


def shown(record: UsageRecord, user: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """For the page of a request which is visible to this user."""
    if not user.has_perm("billing.view_callbody"):  # type: ignore[union-attr]
        return {}
    call = CallBody.objects.filter(request_id=record.request_id).first()
    bodies = [] if call is None else [indented(call.request_body), indented(call.response_body)]
    return {"bodies": bodies, "logs_bodies": bool(settings.LOGGED_BODY_BYTES)}


def indented(text: str) -> str:
    """JSON on lines of its own, everything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
