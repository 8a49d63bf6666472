#!/bin/bash
# The two official OpenAI clients do opposite things with `Retry-After: 121`, which RFC 9110 allows (any number of seconds):
# openai 3.57.0 (Python) does not retry at all, although max_retries is 2; openai 7.59.0 (Node) ignores the header and sends
# its retries within seconds. openai 6.49.0 (Node) waits: measured once, 242 s for two retries; not run here.
#
# Seen: 1 request by Python, 3 requests within 10 s by Node. With `Retry-After: 1` both send 3.
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check openai==3.57.0
npm install --silent --no-audit --no-fund --prefix "$folder" openai@7.59.0
cat > "$folder/server.py" <<'PYTHON'
"""Answers 503 with the Retry-After that the path begins with; GET /count returns and resets the number of requests."""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

count = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global count
        self.reply(200, str(count).encode())
        count = 0

    def do_POST(self):
        global count
        count += 1
        self.rfile.read(int(self.headers["content-length"]))
        self.reply(503, b'{"error": {"message": "busy"}}', self.path.split("/")[1])

    def reply(self, status, body, retry_after=None):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if retry_after is not None:
            self.send_header("retry-after", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
cat > "$folder/client.py" <<'PYTHON'
import sys, openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="x", max_retries=2)
try:
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
except openai.InternalServerError:
    pass
PYTHON
cat > "$folder/client.mjs" <<'NODE'
import OpenAI from 'openai'
const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'x', maxRetries: 2 })
await client.chat.completions
  .create({ model: 'm', messages: [{ role: 'user', content: 'x' }] })
  .catch(error => { if (!(error instanceof OpenAI.InternalServerError)) throw error })
NODE
python3 "$folder/server.py" > "$folder/port" &
server=$!
until [ -s "$folder/port" ]; do sleep 0.1; done
origin="http://127.0.0.1:$(cat "$folder/port")"
requests() { # RETRY_AFTER COMMAND...
  local seconds=$1
  shift
  timeout 120 "$@" "$origin/$seconds/v1"
  python3 -c "import urllib.request; print(urllib.request.urlopen('$origin/count').read().decode())"
}
for seconds in 1 121; do
  python=$(requests $seconds "$folder/env/bin/python" "$folder/client.py")
  node=$(requests $seconds node "$folder/client.mjs")
  echo "Retry-After: $seconds: requests by openai 3.57.0 (Python): $python, by openai 7.59.0 (Node): $node"
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
Retry-After: 1: requests by openai 3.57.0 (Python): 3, by openai 7.59.0 (Node): 3
Retry-After: 121: requests by openai 3.57.0 (Python): 1, by openai 7.59.0 (Node): 3
SEEN
