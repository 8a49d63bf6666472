"""What the client scripts share: checks, the gateway's metrics, and the control port of the simulated engines.

A check is printed as one line of JSON, which the lab turns into a row of its table. The addresses are in the environment.
"""

import json
import os
import re
import time
import urllib.request

GATEWAY = os.environ["LAB_GATEWAY"]
ADMIN = os.environ["LAB_ADMIN"]
CONTROL = os.environ["LAB_CONTROL"]
KEY = os.environ["LAB_KEY"]

DECODE = "decode/0"
WAIT_LIMIT_S = 20


def check(what, expected, see):
    """Calls `see` and prints what it returned and what was expected. An exception is something seen, too."""
    try:
        seen = see()
        right = seen == expected
    except Exception as error:  # noqa: BLE001
        seen, right = f"{type(error).__name__}: {error}", False
    print(json.dumps({"what": what, "expected": str(expected), "seen": str(seen), "isRight": right}), flush=True)


def raised(function):
    """The exception that `function` raises."""
    try:
        function()
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError("nothing was raised")


def outcomes():
    """Number of requests by outcome, of all endpoints, from the gateway's metrics."""
    text = get(f"{ADMIN}/metrics").decode()
    counts = {}
    for outcome, value in re.findall(r'^pdgw_router_requests_total\{[^}]*outcome="([\w-]+)"\} (\d+)', text, re.MULTILINE):
        counts[outcome] = counts.get(outcome, 0) + int(value)
    return counts


def counters():
    """Counters of the simulated engines by name."""
    return json.loads(get(f"{CONTROL}/counters"))


def sum_of(counter):
    return sum(engine[counter] for engine in counters().values())


def set_knobs(engine, **knobs):
    body = json.dumps({"engine": engine, "knobs": knobs}).encode()
    urllib.request.urlopen(f"{CONTROL}/knobs", data=body, timeout=10).read()


def until(condition, what):
    """Waits until `condition` is true. The state must be one that stays."""
    give_up = time.monotonic() + WAIT_LIMIT_S
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what}: not within {WAIT_LIMIT_S} s")
        time.sleep(0.02)


class Deltas:
    """Counts how many requests ended, and how, since this object was created."""

    def __init__(self):
        self._before = outcomes()
        self._aborts = sum_of("abortCalls")
        self._disconnected = counters()[DECODE]["disconnected"]

    def outcomes(self, requests):
        """Waits until `requests` have ended. Outcomes that did not occur are left out."""
        until(lambda: sum(self._now().values()) >= requests, f"{requests} requests have ended")
        return {outcome: count for outcome, count in self._now().items() if count > 0}

    def abort_calls(self):
        return sum_of("abortCalls") - self._aborts

    def disconnected(self):
        """Responses of decode whose connection ended before them."""
        return counters()[DECODE]["disconnected"] - self._disconnected

    def _now(self):
        return {outcome: count - self._before.get(outcome, 0) for outcome, count in outcomes().items()}


def idle():
    """Waits until no engine runs a request."""
    until(lambda: sum_of("running") == 0, "the engines are idle")
    return "idle"


def get(url):
    return urllib.request.urlopen(url, timeout=10).read()
