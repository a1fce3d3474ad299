"""What vendors write in their errors, and what they mean by it: the only place that knows their words.

A table and patterns, no code. A text is an error's sentence and, after it, its codes; see `error_bodies`. Patterns are
searched in order, so that what is certain stands before what is broad. A gap in a pattern is bounded, since an upstream
may write what it likes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from providers.failure_kinds import FailureKind


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind for these statuses with such a text. An error inside a 200 that names no status counts as a 502."""

    kind: FailureKind
    statuses: frozenset[int]
    pattern: re.Pattern[str]


def _rule(kind: FailureKind, statuses: set[int], *patterns: str) -> Rule:
    return Rule(kind, frozenset(statuses), re.compile("|".join(patterns), re.I))


_REFUSED = {400, 403, 404, 405, 409, 413, 415, 422}
"""What was wrong is somewhere in the request, says the vendor."""
_FAILED = {500, 502, 503}
_PAUSED = {*_REFUSED, *_FAILED, 401, 402, 429}

RULES = (
    # Thoughts that another vendor signed, of which the request can do without.
    _rule(
        FailureKind.FOREIGN_REASONING,
        {400, 404, 422, 502},
        r"(invalid|corrupted|not valid|cannot be (modified|verified)|could not be (verified|decrypted))"
        r".{0,40}(signature|encrypted.content)",
        r"(signature|encrypted.content|thinking.{1,12}blocks).{0,80}"
        r"(invalid|not valid|corrupted|cannot be modified|could not be (verified|decrypted))",
        r"invalid_encrypted_content|item with id .?rs_\w+.? not found",
    ),
    # Allowances of a day and longer: Groq's "tokens per day (TPD)", Google's quotaId, Codex, Claude, z.ai, OpenRouter.
    _rule(
        FailureKind.QUOTA,
        _PAUSED,
        r"per.?day\b|PerDay|\((RPD|TPD)\)|\bdaily\b.{0,40}(limit|quota)|(limit|quota).{0,40}\b(per day|daily|today)\b",
        r"(weekly|monthly|5.hour|five.hour|hourly).{0,40}(limit|quota|cap)\b|MONTHLY_REQUEST_COUNT",
        r"usage_limit_reached|usage_limit_exceeded|usage limit|reached your specified api usage limits",
        r"quota will reset|exhausted your capacity on this model|reached for this month|calls ?/ ?month",
    ),
    # Limits of a minute, which some vendors call a quota, and which some answer with 413 or inside a 200.
    _rule(
        FailureKind.RATE_LIMIT,
        {400, 403, 413, 429, *_FAILED},
        r"per.?min(ute)?\b|PerMinute|\((RPM|TPM|ITPM|OTPM)\)|per.?second\b|please retry in [0-9.]+ ?m?s\b",
        r"rate.?limit|too many (concurrent )?requests|throttl|RateQuota|request rate|requests list|concurrency",
        r"too many tokens, please wait|calls ?/ ?minute|request_rate|^allocated quota exceeded",
        r"\u901f\u7387\u9650\u5236|\u9891\u7387\u8fc7\u9ad8|\u5e76\u53d1\u6570\u8fc7\u9ad8",
    ),
    # Money, or an allowance whose time nobody names.
    _rule(
        FailureKind.QUOTA,
        _PAUSED,
        r"insufficient.?(quota|balance|credit|funds)|(exceeded|exhausted) (your )?(current |free )?(allocated )?quota",
        r"quota.{0,20}(exceeded|exhausted|used up|exceed)|exceeded_current_quota|out of (credits|quota)|FreeTierOnly",
        r"credit balance|(negative|no remaining|not enough|run out of|more|used all available) (balance|credits?)\b",
        r"billing.?(hard.?limit|not.?active|details)|payment.?required|spend(ing)?.?limit|key limit exceeded|arrears",
        r"recharge|top up|balance (is )?(too low|insufficient)|\u6b20\u8d39|\u4f59\u989d\u4e0d\u8db3",
    ),
    # Keys and accounts. Google says 400 of a bad key, and 403 of an API that its project has not enabled.
    _rule(
        FailureKind.CREDENTIAL,
        {400, 403, 429, *_FAILED},
        r"(invalid|incorrect|expired|revoked|missing|unknown|bad) (api|access|auth\w*|bearer)?.?(key|token)\b",
        r"(api|access).?(key|token).{0,20}(not valid|expired|invalid|revoked|disabled|leaked)|invalid_?api_?key",
        r"api_key_invalid|authentication.?(error|failed|fails)|unauthenticated|unauthorized",
        r"bearer token .{0,40}invalid",
        r"\b(account|organi[sz]ation|project|team|workspace|consumer|api.?key)\b[^.]{0,40}\b"
        r"(suspended|disabled|deactivated|banned|blocked|locked|inactive)\b",
        r"service_disabled|has not been used in project|access to the current AK|(plan|package|subscription)"
        r"[^.]{0,40} expired",
        r"(location|country|region|territory).{0,30}(not supported|unsupported)|unsupported_country",
        r"insufficient (permission|scope)|missing scopes|login (required|expired)",
    ),
    # Models this connection may not use.
    _rule(
        FailureKind.MODEL_ACCESS,
        {400, 401, 404, *_FAILED},
        r"(not|no|n't) (have |been |be )?(access|permi\w+|allowed|authori[sz]ed|entitled|granted).{0,60}\bmodel",
        r"\bmodel\b.{0,60}(access denied|not (allowed|permitted|enabled|included)|requires? (a )?(paid|plan))",
        r"key_model_access_denied|data policy|no allowed providers|usage_not_included",
    ),
    # Features of OpenRouter's endpoints, before its word for a model that is gone.
    _rule(
        FailureKind.UNSUPPORTED_FEATURE,
        {404},
        r"no endpoints found that support|only supported in v1|not a chat model",
    ),
    _rule(
        FailureKind.MODEL_GONE,
        {400, 403, 422},
        r"\bmodels?\b.{0,80}(not found|(does not|doesn't|not) exist|no longer|decommissioned|deprecated|retired"
        r"|is not available|has been (removed|shut down))",
        r"not a valid model|no endpoints found|requested model is not supported|model not support",
    ),
    _rule(
        FailureKind.MODEL_GONE,
        {400, 403, 422, *_FAILED},
        r"model_?not_?(found|exist|supported)|invalid_model_id|model_decommissioned",
        r"(unknown|invalid|no such|unrecognized) model\b",
        r"\u6a21\u578b\u4e0d\u5b58\u5728",
    ),
    # More than the model's window takes, in whoever's words.
    _rule(
        FailureKind.CONTEXT_TOO_LONG,
        {400, 403, 413, 422, *_FAILED},
        r"context.?(length|window|size).?exceeded|exceed_context_size|max_prompt_tokens_exceeded|string_above_max_length",
        r"CONTENT_LENGTH_EXCEEDS|request_too_large|maximum (context|prompt|input|model) (length|size)|max_seq_len",
        r"exceed.{0,60}(context|max_model_len|(max(imum)?|total|model) (number of )?(input |prompt )?(token|length))",
        r"(context|prompt|sequence|input (tokens?|length|size|text)).{0,60}exceed|string too long",
        r"(longer|greater) than .{0,30}context",
        r"(prompt|input|request|messages?|conversation|query|content)( text)? (is |are )?too (long|large)",
        r"too many (input |prompt )?tokens|too large for model|token (count|limit).{0,40}exceed|model token limit",
        r"reduce the length of|(length of all messages|total length).{0,20}too long|range of input length should be",
        r"[0-9]+ tokens > [0-9]+ maximum|Prompt \u8d85\u957f",
    ),
    # What another target may be able to do.
    _rule(
        FailureKind.UNSUPPORTED_FEATURE,
        {400, 415, 422, 501},
        r"(does|do|did|is|are|was)(n't| not) (currently |yet )?(support|enabled|available|permitted|allowed|accept)",
        r"not supported|unsupported.?(parameter|value|feature|content|media|country|api)",
        r"only supported (by|with|in|for)",
        r"(unknown|unrecognized|unexpected|extra) (parameter|name|field|input|argument|keyword|request argument)",
        r"not (multimodal|compatible)|cannot find field|(tool.choice|tool use).{0,20}requires",
        r"supports at most|maximum allowed number of output tokens",
    ),
    # 498 is Cohere's for what it will not answer, and Groq's for want of capacity.
    _rule(
        FailureKind.CALLERS_FAULT,
        {403, 498, *_FAILED},
        r"content.?(policy|filter|moderat)|flagged|moderation|sensitive|unsafe|usage guidelines",
    ),
    _rule(
        FailureKind.OVERLOADED,
        _FAILED,
        r"overloaded|(at|over|no|exceeded|exhausted).{0,12}capacity|capacity.{0,12}(exceeded|exhausted)",
        r"high (demand|load|traffic)|(server|service|system) is (too )?busy|temporarily unavailable|loading model",
    ),
)  # fmt: skip

WRONG_PLACE = re.compile(
    r"^\W*((404|405)\W+)?((page|path|resource|route|url|endpoint)\W+)?(not found|method not allowed)\b(?!.*\bmodel)"
    r"|invalid url|unknown (request )?url|no (such )?route|\broute .{0,80}not found|cannot (POST|GET) /"
    r"|requested (url|path|resource) .{0,80}(not found|not exist)|no static resource|(url|api).?not.?found",
    re.I,
)
"""What a 404 or 405 says that is about the address, not the model."""

ONE_MODEL = re.compile(r"\bmodels?\b|PerModel|base_model|RESOURCE_EXHAUSTED", re.I)
"""A limit that counts each model by itself names one. Google's all do, named or not."""
WHOLE_ACCOUNT = re.compile(
    r"\b(your|this|the|for|per).(api.?key|account|organi[sz]ation|org|team|workspace|project|user|subscription|plan)\b"
    r"|account.level|across all|copilot token usage|usage_limit|global rate|user_request_rate|trial key",
    re.I,
)

_LENGTH = r"[0-9][0-9.]*\s*(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b"
_LENGTHS = rf"(?P<length>(?:{_LENGTH}[\s,]*(?:and\s+)?)+|(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+)"
_DATE = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:T| at | )(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]{1,9})?)"
_ZONE = r"\s?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?"
_COMING_BACK = r"\b(?:again|retry|resets?|wait|until|available|access)\b[^.]{0,24}?"
WAITS = (
    re.compile(rf"{_COMING_BACK}\b(?:in|after|for)\s+{_LENGTHS}", re.I),
    re.compile(rf"\b(?:wait|retry)\s+{_LENGTHS}", re.I),
    re.compile(rf"{_COMING_BACK}\b(?:(?:at|on|until)\s+)?{_DATE}{_ZONE}", re.I),
)
"""Where a sentence says when to come back: "try again in 6m0s", "resets at 2026-01-01T00:00:00Z"."""

WAIT_MEMBERS: Mapping[str, float] = {
    "retryDelay": 1.0,
    "retry_delay": 1.0,
    "retry_after": 1.0,
    "retryAfter": 1.0,
    "retry_after_seconds": 1.0,
    "resets_in_seconds": 1.0,
    "quotaResetDelay": 1.0,
    "resets_at": 1.0,
    "reset_at": 1.0,
    "quotaResetTimeStamp": 1.0,
    "retry_after_ms": 0.001,
    "retryAfterMs": 0.001,
}
"""Members of an error that say when to come back, and their unit in seconds."""

ZAI_CODES: Mapping[str, int] = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004", "1110", "1111", "1112", "1121", "1309"), 401),
    "1113": 402,
    **dict.fromkeys(("1220", "1311"), 403),
    **dict.fromkeys(("1211", "1221", "1222"), 404),
    **dict.fromkeys(("1210", "1212", "1213", "1214", "1215", "1261", "1300", "1301"), 400),
    **dict.fromkeys(("1302", "1303", "1304", "1305", "1308", "1310", "1313"), 429),
    **dict.fromkeys(("1120", "1230", "1234", "500"), 500),
    "1312": 503,
}
"""docs.z.ai/api-reference/api-code: the `code` of an error, and the status it means."""

MINIMAX_CODES: Mapping[str, int] = {
    **dict.fromkeys(("1002", "1041", "2045"), 429),
    **dict.fromkeys(("1004", "2049"), 401),
    **dict.fromkeys(("1008",), 402),
    "2056": 429,
    **dict.fromkeys(("1026", "1027", "1039", "1042", "2013"), 400),
    **dict.fromkeys(("1000", "1013", "1024", "1033"), 500),
    "1001": 504,
}
"""platform.minimax.io/docs/api-reference/errorcode: `base_resp.status_code`, and the status it means."""

IFLOW_CODES: Mapping[str, int] = {"434": 401, "435": 404, "438": 401, "439": 401, "449": 429}
"""The `status` in an envelope of iFlow's; it blocks keys by 434, 438 and 439."""

WORDS: Mapping[str, int] = {
    "ThrottlingException": 429,
    "ServiceQuotaExceededException": 429,
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 504,
    "ModelErrorException": 500,
    "ServiceUnavailableException": 503,
    "InternalServerException": 500,
}
"""Names of AWS's exceptions, and the status they mean."""
