"""Streams read with httpx and requests-like tools, which take `data: [DONE]` for the end and close the connection there."""

import json

import httpx
from pydantic import BaseModel, StrictInt

from checks import DECODE, GATEWAY, KEY, Deltas, check, set_knobs

URL = f"{GATEWAY}/v1/chat/completions"
HEADERS = {"authorization": f"Bearer {KEY}"}
STREAMS = 100


class ErrorBody(BaseModel):
    """As genai-bench reads it: an integer."""

    message: str
    code: StrictInt


class ErrorEvent(BaseModel):
    error: ErrorBody


def body(tokens):
    return {"model": "sim", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": tokens, "stream": True}


def short_streams():
    deltas = Deltas()
    for _ in range(STREAMS):
        with httpx.stream("POST", URL, headers=HEADERS, json=body(4), timeout=60) as response:
            for line in response.iter_lines():
                if line == "data: [DONE]":
                    break
    return (deltas.outcomes(STREAMS), deltas.abort_calls())


def broken_stream(path, request):
    """The last event, and how the body ended."""
    set_knobs(DECODE, resetMidStreamProb=1)
    last, ending = "", "clean"
    try:
        with httpx.stream("POST", f"{GATEWAY}{path}", headers=HEADERS, json=request, timeout=60) as response:
            for line in response.iter_lines():
                last = line or last
    except httpx.RemoteProtocolError:
        ending = "cut off"
    finally:
        set_knobs(DECODE, resetMidStreamProb=0)
    return (ErrorEvent.model_validate_json(last.removeprefix("data: ")).error.code, ending)


NATIVE = {"text": "Hello", "sampling_params": {"max_new_tokens": 40, "ignore_eos": True}, "stream": True}
COMPLETION = {"model": "sim", "prompt": "Hello", "max_tokens": 40, "stream": True}

check(f"{STREAMS} streams of 4 tokens: outcomes, abort calls", ({"ok": STREAMS}, 0), short_streams)
for name, path, request in [
    ("chat", "/v1/chat/completions", body(40)),
    ("completions", "/v1/completions", COMPLETION),
    ("generate", "/generate", NATIVE),
]:
    check(
        f"{name} stream breaks off: integer code of the last event, end of the body",
        (502, "cut off"),
        lambda path=path, request=request: broken_stream(path, request),
    )
