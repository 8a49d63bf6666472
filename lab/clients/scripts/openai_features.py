"""The official OpenAI client for Python: what its users call, and what they see when something fails."""

import asyncio

import openai
from pydantic import BaseModel

from checks import DECODE, GATEWAY, KEY, Deltas, check, idle, raised, set_knobs, until, sum_of

CHAT = [{"role": "user", "content": "Write a story."}]
STREAMS = 100
BROKEN_STREAMS = 40

client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=60)
chat = client.chat.completions
complete = client.completions


def stream_facts():
    """Role chunks, tokens of the usage chunk, finish reasons."""
    roles, finishes, usages = 0, [], []
    options = {"include_usage": True}
    for chunk in chat.create(model="sim", messages=CHAT, max_tokens=20, stream=True, stream_options=options):
        if chunk.usage:
            usages.append(chunk.usage.completion_tokens)
        for choice in chunk.choices:
            roles += choice.delta.role is not None and choice.delta.content in (None, "")
            if choice.finish_reason:
                finishes.append(choice.finish_reason)
    return (roles, finishes, usages)


class Person(BaseModel):
    name: str
    age: int


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def tool_call():
    [call] = chat.create(model="sim", messages=CHAT, tools=[TOOL], max_tokens=60).choices[0].message.tool_calls
    return call.function.name


def streamed_samples():
    samples, ids = set(), set()
    for chunk in chat.create(model="sim", messages=CHAT, max_tokens=5, n=3, stream=True):
        ids.add(chunk.id)
        samples.update(choice.index for choice in chunk.choices)
    return (sorted(samples), len(ids))


def choices_of(prompt):
    answer = complete.create(model="sim", prompt=prompt, max_tokens=5)
    return (len(answer.choices), answer.usage.completion_tokens)


def request_id():
    answer = chat.create(model="sim", messages=CHAT, max_tokens=2, extra_headers={"x-request-id": "lab-1"})
    return answer._request_id


def timed_out():
    error = raised(lambda: chat.create(model="sim", messages=CHAT, max_tokens=2000, timeout=0.5))
    return (type(error).__name__, idle())


def left_stream():
    stream = chat.create(model="sim", messages=CHAT, max_tokens=5000, stream=True)
    for _ in zip(range(5), stream):
        pass
    stream.close()
    return idle()


def cancelled():
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0) as own:
            call = own.chat.completions.create(model="sim", messages=CHAT, max_tokens=5000)
            task = asyncio.create_task(call)
            await asyncio.to_thread(until, lambda: sum_of("running") > 0, "the request runs")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    return idle()


def concurrent():
    async def one(own):
        stream = await own.chat.completions.create(model="sim", messages=CHAT, max_tokens=8, stream=True)
        return sum([1 async for chunk in stream if chunk.choices and chunk.choices[0].delta.content])

    async def run():
        async with openai.AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0) as own:
            return await asyncio.gather(*(one(own) for _ in range(50)))

    return sum(1 for contents in asyncio.run(run()) if contents > 0)


def wrong_key():
    error = raised(lambda: client.with_options(api_key="wrong").chat.completions.create(model="sim", messages=CHAT))
    return (type(error).__name__, error.status_code, "Unauthorized" in str(error))


def short_streams():
    """Every stream is read to its end, which this client takes to be at `[DONE]`."""
    deltas = Deltas()
    for _ in range(STREAMS):
        for _ in chat.create(model="sim", messages=CHAT, max_tokens=4, stream=True):
            pass
    return (deltas.outcomes(STREAMS), deltas.abort_calls())


def broken_streams():
    """Counts of the client, of the gateway and of the engine; and whether each exception has the message of its event."""
    deltas = Deltas()
    messages = []
    set_knobs(DECODE, resetMidStreamProb=0.3)
    try:
        for _ in range(BROKEN_STREAMS):
            try:
                for _ in chat.create(model="sim", messages=CHAT, max_tokens=30, stream=True):
                    pass
            except openai.APIError as error:
                messages.append(str(error))
    finally:
        set_knobs(DECODE, resetMidStreamProb=0)
    counts = deltas.outcomes(BROKEN_STREAMS)
    by_engine = deltas.disconnected()
    named = sum("engine" in message for message in messages)
    return {
        "some broke": 0 < len(messages) < BROKEN_STREAMS,
        "gateway counts the same": counts.get("broken", 0) == len(messages),
        "engine counts the same": by_engine == len(messages),
        "others ok": counts.get("ok", 0) == BROKEN_STREAMS - len(messages),
        "messages passed on": named == len(messages),
    }


ALL_TRUE = dict.fromkeys(
    ["some broke", "gateway counts the same", "engine counts the same", "others ok", "messages passed on"], True
)

# First of all, because the gateway repeats the aborts of other requests after some time.
check(f"{STREAMS} streams of 4 tokens: outcomes, abort calls", ({"ok": STREAMS}, 0), short_streams)
check("models: list, retrieve", (["sim"], "sim"), lambda: ([m.id for m in client.models.list()], client.models.retrieve("sim").id))
check("chat: tokens", 20, lambda: chat.create(model="sim", messages=CHAT, max_tokens=20).usage.completion_tokens)
check("stream: role once, finish, usage", (1, ["length"], [20]), stream_facts)
check("tools", "weather", tool_call)
check(
    "parse into a pydantic model",
    "Person",
    lambda: type(chat.parse(model="sim", messages=CHAT, response_format=Person).choices[0].message.parsed).__name__,
)
check(
    "response_format json_object",
    True,
    lambda: chat.create(model="sim", messages=CHAT, response_format={"type": "json_object"}).choices[0].message.content[0] == "{",
)
check(
    "logprobs, top_logprobs",
    (10, {2}),
    lambda: (
        lambda rows: (len(rows), {len(row.top_logprobs) for row in rows})
    )(chat.create(model="sim", messages=CHAT, max_tokens=10, logprobs=True, top_logprobs=2).choices[0].logprobs.content),
)
check("n = 3", (3, 15), lambda: (lambda a: (len(a.choices), a.usage.completion_tokens))(chat.create(model="sim", messages=CHAT, max_tokens=5, n=3)))
check("n = 3, streamed, one id", ([0, 1, 2], 1), streamed_samples)
check("completions: text", (1, 5), lambda: choices_of("Once upon a time"))
check("completions: list of texts", (2, 10), lambda: choices_of(["Once upon", "a time"]))
check("completions: token ids", (1, 5), lambda: choices_of([11, 12, 13]))
check("completions: list of token ids", (2, 10), lambda: choices_of([[11, 12], [13]]))
check("x-request-id comes back", "lab-1", request_id)
check("50 streams at once", 50, concurrent)
check("timeout of the client: engines become idle", ("APITimeoutError", "idle"), timed_out)
check("stream left: engines become idle", "idle", left_stream)
check("call cancelled: engines become idle", "idle", cancelled)
check("wrong key", ("AuthenticationError", 401, True), wrong_key)
check(
    "unknown model",
    ("NotFoundError", True),
    lambda: (lambda e: (type(e).__name__, "nope" in str(e)))(raised(lambda: client.models.retrieve("nope"))),
)
check(
    "endpoint that is not served",
    ("NotFoundError", True),
    lambda: (lambda e: (type(e).__name__, "/v1/embeddings" in str(e)))(raised(lambda: client.embeddings.create(model="sim", input="a"))),
)
check(
    "request that is not valid",
    ("BadRequestError", True),
    lambda: (lambda e: (type(e).__name__, "max_tokens" in str(e)))(raised(lambda: chat.create(model="sim", messages=CHAT, max_tokens=-1))),
)
check(f"{BROKEN_STREAMS} streams, 30 % break off", ALL_TRUE, broken_streams)
