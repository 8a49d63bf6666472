"""The official OpenAI client for Python before a gateway that runs one request and queues one."""

import threading

import openai

from checks import GATEWAY, KEY, check

CHAT = [{"role": "user", "content": "Write a story."}]
CLIENTS = 5


def at_once(max_retries):
    """What each of several clients gets that ask at the same time: an answer or an exception."""
    client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=max_retries, timeout=60)
    results = []

    def run():
        try:
            results.append(client.chat.completions.create(model="sim", messages=CHAT, max_tokens=30))
        except openai.APIError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def refusals():
    errors = [result for result in at_once(0) if isinstance(result, Exception)]
    return {
        "some refused": len(errors) > 0,
        "all RateLimitError": all(isinstance(error, openai.RateLimitError) for error in errors),
        "retry-after 1 to 60": all(1 <= int(error.response.headers["retry-after"]) <= 60 for error in errors),
        "request id": all(error.request_id for error in errors),
    }


check(
    f"{CLIENTS} at once, no retries",
    dict.fromkeys(["some refused", "all RateLimitError", "retry-after 1 to 60", "request id"], True),
    refusals,
)
check(
    f"{CLIENTS} at once, retries after Retry-After: answered",
    CLIENTS,
    lambda: sum(not isinstance(result, Exception) for result in at_once(10)),
)
