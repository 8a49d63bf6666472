#!/bin/bash
# Caddy 2.6.2 (Debian 12) ends a chunked response as if it were complete if the server behind it breaks it off: the client
# gets the last chunk, and nothing says that something is missing. Its own log says "aborting with incomplete response".
# RFC 9112 section 7.1 and 8: a message without its last chunk is incomplete, and a proxy must not make it look complete.
# Caddy 2.8.0 cuts the connection instead (issue 5951).
#
# Seen: curl ends with 18 without Caddy and with 0 behind it.
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
children=
trap 'kill $children; rm -rf "$folder"' EXIT
chmod 755 "$folder"
(cd "$folder" && apt-get download caddy=2.6.2-5 > download.log 2>&1 && dpkg -x caddy_*.deb caddy)
cat > "$folder/server.py" <<'PYTHON'
"""A response that breaks off after its first chunk."""
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"d\r\ndata: hello\n\n\r\n")
        time.sleep(0.2)
        self.close_connection = True

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 "$folder/server.py" > "$folder/port" &
children=$!
until [ -s "$folder/port" ]; do sleep 0.1; done
port=$(cat "$folder/port")
own=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '{\n  admin off\n  auto_https off\n}\nhttp://127.0.0.1:%s {\n  reverse_proxy 127.0.0.1:%s\n}\n' "$own" "$port" > "$folder/Caddyfile"
XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder "$folder/caddy/usr/bin/caddy" run --adapter caddyfile --config "$folder/Caddyfile" 2> "$folder/caddy.log" &
children="$children $!"
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$own/" && break; [ $? = 7 ] || break; sleep 0.1; done
for name in "without Caddy:$port" "behind Caddy 2.6.2:$own"; do
  code=0
  curl -sS -N -o "$folder/body" "http://127.0.0.1:${name##*:}/" 2> /dev/null || code=$?
  echo "${name%:*}: exit code of curl $code, body: $(head -1 "$folder/body")"
done | tee "$folder/seen"
grep -c 'aborting with incomplete response' "$folder/caddy.log" > /dev/null
diff "$folder/seen" - <<'SEEN'
without Caddy: exit code of curl 18, body: data: hello
behind Caddy 2.6.2: exit code of curl 0, body: data: hello
SEEN
