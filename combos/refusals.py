"""Why a request is not answered.

    Refusal                     status, message, code, param, retry_after
    +-- InvalidBody       400   not JSON, or wrong in its own dialect
    +-- WrongKey          401   none, unknown, switched off or expired: one and the same answer
    +-- LockedOut         429   one wrong key too many from there; a valid one is still accepted
    +-- UnknownModel      404   names what comes close
    +-- EmptyCombo        404   nothing of what its targets name exists
    +-- UnknownResponse   404   a previous response that is not kept, or belongs to another key
    +-- AmbiguousModel    400   names the candidates
    +-- NothingConnected  400   says where to add a connection
    +-- NoTarget          400   a combo none of whose targets may be asked
    +-- NotSpoken         400   the provider's wire format cannot be reached from this one
    +-- BodyTooLarge      413
    +-- SpentUp           429   a budget is used up: of the key, its user, its team or everybody
    +-- KeyBusy           429   the key's own limits: requests or tokens a minute, requests at once
    +-- Unpriced          403   a budget is asked to hold what nobody knows the price of
    +-- ScopeMissing      403   a good key that does not open this endpoint
    +-- WrongAddress      403   a good key that is not for use from there
    +-- ForbiddenModel    403   a good key, and nothing of what it asks for is allowed to it
    +-- AllFailed               the last candidate's own status; lists every attempt

They carry facts. Each dialect puts them into its own shape.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from billing.budgets import standing
from billing.budgets.allowances import Allowance
from billing.models import Level
from health.words import span

WHOSE = {**standing.WHOSE, Level.KEY: "this key"}
"""As whoever asks would say it."""
KEY_LIMITS = {
    "requests_per_minute": "send {number} requests a minute",
    "tokens_per_minute": "use {number} tokens a minute",
    "concurrent": "run {number} requests at once",
}

MOST_NAMED = 10


class Refusal(Exception):
    status = 500
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidBody(Refusal):
    status = 400

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class WrongKey(Refusal):
    status = 401
    code = "invalid_api_key"

    def __init__(self, why: str = "") -> None:
        """`why` is for the log alone."""
        self.why = why
        super().__init__("This request needs a valid API key. Make one under API keys in the dashboard.")


class LockedOut(Refusal):
    status = 429
    code = "locked_out"

    def __init__(self, address: str, seconds: float) -> None:
        super().__init__(
            f"Too many wrong API keys came from {address}: others are not even looked at for {span(seconds)}."
            " A valid key is accepted all the same."
        )
        self.retry_after = seconds


class UnknownModel(Refusal):
    status = 404
    code = "model_not_found"
    param = "model"

    def __init__(self, model: str, close: Sequence[str], alias: str = "") -> None:
        """`alias`: the one that stands for it."""
        self.model, self.alias = model, alias
        hint = f" Did you mean {', '.join(close)}?" if close else " GET /v1/models lists what there is."
        stands = f", for which the alias `{shortened(alias)}` stands" if alias else ""
        super().__init__(f"There is no model `{shortened(model)}`{stands}.{hint}")


class EmptyCombo(Refusal):
    status = 404
    code = "model_not_found"
    param = "model"

    def __init__(self, combo: str) -> None:
        super().__init__(f"The combo `{combo}` leads nowhere: what its targets name was removed or switched off.")


class UnknownResponse(Refusal):
    status = 404
    code = "previous_response_not_found"
    param = "previous_response_id"

    def __init__(self, response: str) -> None:
        super().__init__(f"There is no stored response `{shortened(response)}` of this key.")


class AmbiguousModel(Refusal):
    status = 400
    code = "ambiguous_model"
    param = "model"

    def __init__(self, model: str, candidates: Sequence[str]) -> None:
        self.candidates = candidates
        super().__init__(f"Several providers serve `{shortened(model)}`. Name one of {', '.join(candidates)}.")


class NothingConnected(Refusal):
    status = 400
    code = "no_connection"
    param = "model"

    def __init__(self, provider: str, where: str) -> None:
        super().__init__(f"{provider} has no usable connection. Add or enable one at {where}.")


class NoTarget(Refusal):
    status = 400
    code = "no_target"
    param = "model"

    def __init__(self, combo: str) -> None:
        super().__init__(f"No target of the combo `{shortened(combo)}` may be asked: all that are left have weight 0.")


class NotSpoken(Refusal):
    status = 400
    code = "unsupported_dialect"
    param = "model"

    def __init__(self, provider: str, dialect: str) -> None:
        super().__init__(f"{provider} speaks `{dialect}`, which cannot be reached from this endpoint yet.")


class BodyTooLarge(Refusal):
    status = 413
    code = "request_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request is larger than {limit >> 20} MiB.")


class SpentUp(Refusal):
    status = 429
    code = "insufficient_quota"

    def __init__(self, allowance: Allowance, ends: datetime, retry_after: float, *, is_reserved: bool) -> None:
        """`ends`: when its window does, in the time zone that it is told in."""
        whose = WHOSE[allowance.level].format(subject=shortened(allowance.subject))
        budget = f"The {allowance.period} budget of {whose}, {allowance.limit_usd.normalize():f} US$,"
        if is_reserved:
            said = "has nothing left beside what requests that are running may cost. Try again when they have ended."
        else:
            said = f"is used up. It begins anew at {ends:%Y-%m-%d %H:%M %Z}."
        super().__init__(f"{budget} {said}")
        self.retry_after = retry_after


class KeyBusy(Refusal):
    status = 429
    code = "rate_limit_exceeded"

    def __init__(self, limit: str, number: int, retry_after: float) -> None:
        super().__init__(f"This key may {KEY_LIMITS[limit].format(number=number)}. Try again in {span(retry_after)}.")
        self.retry_after = retry_after


class Unpriced(Refusal):
    status = 403
    code = "unknown_price"
    param = "model"

    def __init__(self, provider: str, model: str) -> None:
        super().__init__(
            f"What `{shortened(model)}` of {provider} costs is unknown, so a budget could not hold it. "
            "Give it a price under Prices, or allow unknown prices under Money settings."
        )


class ScopeMissing(Refusal):
    status = 403
    code = "insufficient_scope"

    def __init__(self, scope: str, scopes: Iterable[str]) -> None:
        has = ", ".join(sorted(scopes))
        super().__init__(f"This key has no scope `{scope}`, which asking models needs. It has: {has}.")


class WrongAddress(Refusal):
    status = 403
    code = "address_not_allowed"

    def __init__(self, address: str) -> None:
        super().__init__(f"This key may not be used from {shortened(address)}. Its page lists the addresses it is for.")


class ForbiddenModel(Refusal):
    status = 403
    code = "model_not_allowed"
    param = "model"

    def __init__(self, model: str, models: Sequence[str], providers: Sequence[str]) -> None:
        may = [f"models {_few(models)}"] if models else []
        may += [f"providers {_few(providers)}"] if providers else []
        super().__init__(f"This key may not use `{shortened(model)}`. It may use: {'; '.join(may)}.")


class AllFailed(Refusal):
    code: str | None = "upstream_error"
    route = ""
    """What became of the candidates, for a header."""

    def __init__(self, message: str, status: int, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.attempts: list[dict[str, str | int]] = []
        """Who was asked or passed over, for programs."""


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(f"`{shortened(name)}`" for name in names[:MOST_NAMED]) + more


def shortened(text: str, most: int = 120) -> str:
    return text if len(text) <= most else text[:most] + "..."
