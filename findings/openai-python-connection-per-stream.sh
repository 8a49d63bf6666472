#!/bin/bash
# openai 3.57.0 (Python) opens a new TCP connection for every streamed response, although its HTTP client keeps
# connections alive: it stops to read at `data: [DONE]` and closes the response, whose last chunk is then unread, even if
# that has arrived together with `[DONE]`. Whole responses share one connection.
#
# Seen: 20 whole responses over 1 connection, 20 streams over 20 connections. Whoever counts connections, or pays for a TLS
# handshake, pays once per stream; a server must not take the early close for a client that left.
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check openai==3.57.0
cat > "$folder/run.py" <<'PYTHON'
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import openai

CALLS = 20
EVENT = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}
WHOLE = {"id": "1", "object": "chat.completion", "created": 1, "model": "m",
         "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]}
connections = 0


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        global connections
        connections += 1
        super().setup()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        if body.get("stream"):
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            # The events, [DONE] and the last chunk in one write.
            self.wfile.write(chunk(b"data: %s\n\n" % json.dumps(EVENT).encode()) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        else:
            data = json.dumps(WHOLE).encode()
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="x", max_retries=0)


def used(stream):
    global connections
    connections = 0
    for _ in range(CALLS):
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=stream)
        if stream:
            for _ in answer:
                pass
    return connections


print(f"openai {openai.__version__}: connections for {CALLS} whole responses: {used(False)}, for {CALLS} streams: {used(True)}")
PYTHON
timeout 60 "$folder/env/bin/python" "$folder/run.py" | tee "$folder/seen"
# The first stream finds the connection of the whole responses.
grep -qE 'whole responses: 1, for 20 streams: (19|20)$' "$folder/seen"
