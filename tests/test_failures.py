"""What an upstream's failure means, in the words of real vendors."""

import pytest

from combos.reactions import REACTIONS
from providers import failures
from providers.failures import FailureKind

K = FailureKind

BY_STATUS = {
    400: K.CALLERS_FAULT,
    401: K.CREDENTIAL,
    402: K.QUOTA,
    403: K.MODEL_ACCESS,
    404: K.MODEL_GONE,
    405: K.NETWORK,
    408: K.TRANSIENT,
    409: K.TRANSIENT,
    410: K.MODEL_GONE,
    413: K.CONTEXT_TOO_LONG,
    418: K.CALLERS_FAULT,
    422: K.CALLERS_FAULT,
    425: K.TRANSIENT,
    429: K.RATE_LIMIT,
    498: K.OVERLOADED,
    499: K.TRANSIENT,
    500: K.TRANSIENT,
    501: K.UNSUPPORTED_FEATURE,
    502: K.TRANSIENT,
    503: K.OVERLOADED,
    504: K.TRANSIENT,
    520: K.TRANSIENT,
    529: K.OVERLOADED,
    599: K.TRANSIENT,
}


@pytest.mark.parametrize(("status", "kind"), BY_STATUS.items())
def test_a_status_alone_makes_a_kind(status: int, kind: FailureKind) -> None:
    assert failures.classify(status, "it went wrong") is kind


def test_every_kind_has_a_reaction() -> None:
    assert set(REACTIONS) == set(FailureKind)


TOO_LONG = [
    (400, "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."),
    (400, "Your input exceeds the context window of this model. Please adjust your input and try again."),
    (400, "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 509178 tokens."),
    (400, "Invalid 'messages[0].content': string too long. Expected a string with maximum length 1048576"),
    (400, "prompt is too long: 209303 tokens > 200000 maximum"),
    (400, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length"),
    (413, "Request exceeds the maximum size"),
    (400, "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."),
    (400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
    (400, "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"),
    (400, "Please reduce the length of the messages or completion."),
    (413, "Request Entity Too Large"),
    (400, "the request exceeds the available context size, try increasing it"),
    (400, "The number of tokens to keep from the initial prompt is greater than the context length"),
    (400, "The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
    (400, "Input length 131393 exceeds the maximum allowed input length of 131040 tokens."),
    (400, "Input length (265330) exceeds model's maximum context length (262144)."),
    (400, "Prompt too long: 5152 tokens exceeds max_seq_len 2048 (leave room for output tokens)"),
    (400, "too many tokens: total number of tokens in the prompt exceeds the limit of 4081."),
    (400, "prompt token count of 21225 exceeds the limit of 20000"),
    (400, "invalid params, context window exceeds limit"),
    (400, "Your request exceeded model token limit: 262144 (requested: 300000)"),
    (400, "Prompt exceeds max length"),
    (400, "Prompt 超长"),
    (400, "Range of input length should be [1, 30720]"),
    (400, "The total length of all messages is too long."),
    (400, "Input is too long for requested model."),
    (403, "Input token count + max_tokens parameter must be less than the context length, but exceeds it"),
    (500, "litellm.ContextWindowExceededError: This model's maximum context length is 8192 tokens"),
]
UNSUPPORTED = [
    (400, "Unsupported parameter: 'temperature' is not supported with this model."),
    (400, "Unsupported value: 'reasoning_effort' does not support 'xhigh' with this model."),
    (400, "Invalid content type. image_url is only supported by certain models."),
    (400, "Function calling is not enabled for models/gemma-3-27b-it"),
    (404, "No endpoints found that support tool use. To learn more about provider routing, visit"),
    (404, "No endpoints found that support image input"),
    (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    (400, "messages.0.cache_control: Extra inputs are not permitted"),
    (400, 'Invalid JSON payload received. Unknown name "foo": Cannot find field.'),
    (400, "Unrecognized request argument supplied: response_format"),
    (400, "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku"),
    (400, "max_tokens is too large: 100000. This model supports at most 16384 completion tokens"),
    (400, "registry.ollama.ai/library/gemma:2b does not support tools"),
    (400, "qwen is not a multimodal model, it does not support images"),
    (404, "This model is only supported in v1/responses and not in v1/chat/completions."),
    (400, "model gpt-5-codex is not accessible via the /chat/completions endpoint unsupported_api_for_model"),
]
GONE = [
    (404, "The model `gpt-9` does not exist or you do not have access to it."),
    (404, "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent."),
    (404, "model: claude-9"),
    (404, "model 'llama9' not found, try pulling it first"),
    (400, "Model Not Exist"),
    (400, "The model `llama-2` has been decommissioned and is no longer supported."),
    (400, "foo/bar is not a valid model ID"),
    (400, "The requested model is not supported. model_not_supported"),
    (400, "Unknown Model, please check the model code."),
    (404, "No endpoints found for foo/bar."),
    (400, "Invalid model. Please select a different model to continue. INVALID_MODEL_ID"),
]
NO_ACCESS = [
    (403, "Project `proj_x` does not have access to model `gpt-5`"),
    (401, "key not allowed to access model. This key can only access models=['a'] key_model_access_denied"),
    (404, "No endpoints found matching your data policy. Enable prompt training here"),
    (404, "No allowed providers are available for the selected model."),
    (403, "To use Codex with your ChatGPT plan, upgrade to Plus usage_not_included"),
]
NOT_LET_IN = [
    (400, "API key not valid. Please pass a valid API key."),
    (403, "Generative Language API has not been used in project 1 before or it is disabled."),
    (403, "Your account has been suspended"),
    (403, "The bearer token included in the request is invalid."),
    (400, "User location is not supported for the API use."),
    (403, "Country, region, or territory not supported unsupported_country_region_territory"),
    (400, "This organization has been disabled."),
    (403, "You have insufficient permissions for this operation. Missing scopes: model.request"),
]
USED_UP = [
    (429, "You exceeded your current quota, please check your plan and billing details."),
    (400, "Your credit balance is too low to access the Anthropic API."),
    (400, "You have reached your specified API usage limits. You will regain access on 2026-02-01 at 00:00 UTC."),
    (402, "Insufficient Balance"),
    (403, "Key limit exceeded (total limit). Manage it using the keys page"),
    (
        429,
        "Your account xxx<ak-1> is suspended, please check your plan and billing details exceeded_current_quota_error",
    ),
    (403, "Your team has either used all available credits or reached its monthly spending limit."),
    (429, "The usage limit has been reached usage_limit_reached"),
    (
        429,
        "Rate limit reached for model `llama` in organization `org_1` on tokens per day (TPD): Limit 100000",
    ),
    (429, "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"),
    (429, "You have exhausted your capacity on this model. Your quota will reset after 2h7m23s."),
    (403, "The free tier of the model has been exhausted. AllocationQuota.FreeTierOnly"),
    (400, "You have reached the limit. MONTHLY_REQUEST_COUNT"),
    (400, "Maximum com.amazon.aws.codewhisperer.streaming.GenerateAssistantResponse reached for this month."),
    (429, "You are using a Trial key, which is limited to 1000 API calls / month."),
    (429, "Free allocated quota exceeded."),
    (429, "Weekly/Monthly Limit Exhausted. Your limit will reset at 2026-01-05 10:00:00"),
    (500, "insufficient balance (1008)"),
]
TOO_FAST = [
    (429, "Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Used 29000."),
    (413, "Request too large for model `llama` in organization `org_1` on tokens per minute (TPM): Limit 6000"),
    (429, "Request too large for gpt-4o on tokens per min (TPM): The input or output tokens must be reduced"),
    (429, "This request would exceed your organization's rate limit of 50,000 input tokens per minute"),
    (429, "Too many tokens, please wait before trying again."),
    (429, "Resource has been exhausted (e.g. check quota)."),
    (429, "Allocated quota exceeded, please increase your quota limit per minute"),
    (429, "google/gemma is temporarily rate-limited upstream. Please retry shortly"),
    (503, "Rate limit exceeded, please slow down"),
    (502, "当前模型已达到平台速率限制"),
    (403, "API rate limit exceeded for user ID 1."),
    (429, "Service tier capacity exceeded for this model."),
    (429, "You are using a Trial key, which is limited to 20 API calls / minute."),
    (429, "Allocated quota exceeded, please increase your quota limit."),
    (400, "Too many requests, please wait before trying again. USER_REQUEST_RATE_EXCEEDED ThrottlingException"),
]
BUSY = [
    (500, "Overloaded"),
    (502, "The model is overloaded. Please try again later."),
    (503, "This model is currently experiencing high demand."),
    (500, "The service is temporarily unavailable"),
]
OWN_FAULT = [
    (400, "messages: field required"),
    (400, "messages.1.content.0: unexpected `tool_use_id` found in `tool_result` blocks"),
    (403, "Input was flagged by moderation"),
    (498, "Your request was blocked as unsafe, see the Usage Guidelines"),
    (422, "temperature: Input should be less than or equal to 2"),
    (400, "Invalid type for 'messages': expected an array"),
    (400, "系统检测到输入或生成内容可能包含不安全或敏感内容"),
]
ELSEWHERE = [
    (404, "404 page not found"),
    (404, "Not Found"),
    (404, "Invalid URL (POST /v1/v1/chat/completions)"),
    (405, "Method Not Allowed"),
    (404, "Cannot POST /chat/completions"),
    (404, "Unknown request URL: POST /openai/chat/completions. Please check the URL for typos"),
]
SAYINGS = {
    K.CONTEXT_TOO_LONG: TOO_LONG,
    K.UNSUPPORTED_FEATURE: UNSUPPORTED,
    K.MODEL_GONE: GONE,
    K.MODEL_ACCESS: NO_ACCESS,
    K.CREDENTIAL: NOT_LET_IN,
    K.QUOTA: USED_UP,
    K.RATE_LIMIT: TOO_FAST,
    K.OVERLOADED: BUSY,
    K.CALLERS_FAULT: OWN_FAULT,
    K.NETWORK: ELSEWHERE,
}
ROWS = [(status, text, kind) for kind, sayings in SAYINGS.items() for status, text in sayings]


@pytest.mark.parametrize(("status", "text", "kind"), ROWS)
def test_vendors_words_make_a_kind(status: int, text: str, kind: FailureKind) -> None:
    assert failures.classify(status, text) is kind


@pytest.mark.parametrize("text", ["context length", "prompt", "quota", "model", "rate", "key", "not", "token"])
def test_a_word_alone_proves_nothing(text: str) -> None:
    assert failures.classify(500, text) is K.TRANSIENT
    assert failures.classify(400, text) is K.CALLERS_FAULT


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (503, "The service is not available", K.OVERLOADED),
        (503, "The model is not available right now", K.OVERLOADED),
        (500, "Feature gates are not enabled", K.TRANSIENT),
        (400, "The user message was blocked by our safety system", K.CALLERS_FAULT),
        (400, "temperature: input must not exceed 2", K.CALLERS_FAULT),
        (404, "Not Found: the model `x`", K.MODEL_GONE),
        (401, "maximum context length", K.CREDENTIAL),
        (429, "maximum context length", K.RATE_LIMIT),
    ],
)
def test_what_only_looks_like_another_kind_is_none(status: int, text: str, kind: FailureKind) -> None:
    assert failures.classify(status, text) is kind
