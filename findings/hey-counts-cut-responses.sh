#!/bin/bash
# hey 0.1.4 (Debian 12) counts a response whose body breaks off as good: [200], and nothing under "Error distribution". It
# does not look at the error with which the body ends, neither for a chunked body nor for one that is shorter than its
# Content-Length. curl ends with 18 on both. A load test with hey cannot see streams that break.
#
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
chmod 755 "$folder"
(cd "$folder" && apt-get download hey=0.1.4-2+b4 > download.log 2>&1 && dpkg -x hey_*.deb hey)
cat > "$folder/server.py" <<'PYTHON'
"""GET /chunked and /length: a response that breaks off after its first bytes."""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", "1000")
        self.end_headers()
        self.wfile.write(b"5\r\nhello\r\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 "$folder/server.py" > "$folder/port" &
server=$!
until [ -s "$folder/port" ]; do sleep 0.1; done
origin="http://127.0.0.1:$(cat "$folder/port")"
for path in chunked length; do
  code=0
  curl -sS -o /dev/null "$origin/$path" 2> /dev/null || code=$?
  timeout 60 "$folder/hey/usr/bin/hey" -n 20 -c 2 "$origin/$path" > "$folder/hey.log"
  statuses=$(sed -n 's/^ *\(\[200\]\)\t*\([0-9]* responses\)$/\1 \2/p' "$folder/hey.log")
  errors=$(grep -c 'Error distribution' "$folder/hey.log" || true)
  echo "$path: exit code of curl $code; hey: $statuses, lists of errors: $errors"
done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
chunked: exit code of curl 18; hey: [200] 20 responses, lists of errors: 0
length: exit code of curl 18; hey: [200] 20 responses, lists of errors: 0
SEEN
