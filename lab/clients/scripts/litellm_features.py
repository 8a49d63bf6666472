"""LiteLLM's SDK, as an application or a proxy of its own uses it."""

import litellm

from checks import DECODE, GATEWAY, KEY, Deltas, check, idle, raised, set_knobs

CHAT = [{"role": "user", "content": "Write a story."}]
STREAMS = 20
COMMON = {"api_base": f"{GATEWAY}/v1", "api_key": KEY, "max_retries": 0}

litellm.suppress_debug_info = True
litellm.telemetry = False


def chat(model="openai/sim", **fields):
    return litellm.completion(model=model, messages=CHAT, **COMMON, **fields)


def stream_facts(model):
    usages, finishes = [], []
    options = {"include_usage": True}
    for chunk in chat(model, max_tokens=20, stream=True, stream_options=options):
        if getattr(chunk, "usage", None):
            usages.append(chunk.usage.completion_tokens)
        finishes += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
    return (finishes, usages[-1:])


def broken_streams():
    deltas = Deltas()
    errors = []
    set_knobs(DECODE, resetMidStreamProb=0.3)
    try:
        for _ in range(STREAMS):
            try:
                for _ in chat(max_tokens=30, stream=True):
                    pass
            except Exception as error:  # noqa: BLE001
                errors.append(str(error))
    finally:
        set_knobs(DECODE, resetMidStreamProb=0)
    broken = deltas.outcomes(STREAMS).get("broken", 0)
    named = sum("decode engine" in error for error in errors)
    return {"some broke": broken > 0, "client counts the same": len(errors) == broken, "messages passed on": named == broken}


def left_stream():
    stream = chat(max_tokens=5000, stream=True)
    for _ in zip(range(5), stream):
        pass
    stream.completion_stream.close()
    return idle()


check("openai/ chat: tokens", 20, lambda: chat(max_tokens=20).usage.completion_tokens)
check("openai/ stream: finish, usage", (["length"], [20]), lambda: stream_facts("openai/sim"))
check("hosted_vllm/ stream: finish, usage", (["length"], [20]), lambda: stream_facts("hosted_vllm/sim"))
check("n = 3", 3, lambda: len(chat(max_tokens=5, n=3).choices))
check(
    "text_completion",
    5,
    lambda: litellm.text_completion(
        model="text-completion-openai/sim", prompt="Once", max_tokens=5, **COMMON
    ).usage.completion_tokens,
)
check(
    "request that is not valid",
    ("BadRequestError", True),
    lambda: (lambda e: (type(e).__name__, "max_tokens" in str(e)))(raised(lambda: chat(max_tokens=-1))),
)
check(
    f"{STREAMS} streams, 30 % break off",
    {"some broke": True, "client counts the same": True, "messages passed on": True},
    broken_streams,
)
check("stream left: engines become idle", "idle", left_stream)
