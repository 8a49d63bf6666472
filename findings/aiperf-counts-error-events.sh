#!/bin/bash
# aiperf 0.13.0 counts a streamed chat response as valid if the server reports a failure inside the stream, as SGLang and
# vLLM do: some tokens, then `data: {"error": {...}}`, then `data: [DONE]`. It leaves the event out and takes the tokens
# before it for the whole output, so that a server that fails in every response has an error rate of 0.
#
# Seen: 10 requests that all end with an error event, request_count 10, no error_request_count.
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check uv==0.13.9
VIRTUAL_ENV=$folder/env "$folder/env/bin/uv" pip install --quiet aiperf==0.13.0 transformers==5.24.0 tokenizers==0.23.3
export HF_HOME="$folder/hub-home" HF_HUB_OFFLINE=1
cat > "$folder/tokenizer.py" <<'PYTHON'
"""A byte-level tokenizer in the cache of the hub's client, where aiperf looks for it."""
import glob, pathlib, sys, sysconfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

repository = pathlib.Path(sys.argv[1]) / "hub" / "models--x--y"
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
tokenizer.train(sorted(glob.glob(f"{sysconfig.get_paths()['stdlib']}/*.py"))[:20], trainer)
PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(repository / "snapshots" / ("1" * 40))
(repository / "refs").mkdir()
(repository / "refs" / "main").write_text("1" * 40)
PYTHON
"$folder/env/bin/python" "$folder/tokenizer.py" "$HF_HOME"
cat > "$folder/server.py" <<'PYTHON'
"""Every stream: three tokens, an error event, [DONE], all in a response that ends cleanly."""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ERROR = {"error": {"message": "the engine failed", "type": "internal_error", "code": 500}}


def token(text):
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for data in [*(json.dumps(value) for value in [token("a"), token(" b"), token(" c"), ERROR]), "[DONE]"]:
            event = f"data: {data}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 "$folder/server.py" > "$folder/port" &
server=$!
until [ -s "$folder/port" ]; do sleep 0.1; done
timeout 400 "$folder/env/bin/aiperf" profile --model m --url "http://127.0.0.1:$(cat "$folder/port")" --endpoint-type chat --streaming \
  --tokenizer x/y --synthetic-input-tokens-mean 16 --output-tokens-mean 8 --request-count 10 --concurrency 2 \
  --workers-max 1 --record-processors 1 --no-server-metrics --no-gpu-telemetry --ui-type none \
  --output-artifact-dir "$folder/out" > "$folder/aiperf.log" 2>&1 || { tail -20 "$folder/aiperf.log"; exit 1; }
python3 - "$folder/out/profile_export_aiperf.json" <<'PYTHON' | tee "$folder/seen"
import json, sys

result = json.load(open(sys.argv[1]))
print("request_count:", result["request_count"]["avg"], "error_request_count:", (result.get("error_request_count") or {}).get("avg"))
PYTHON
grep -qE '^request_count: 10(\.0)? error_request_count: None$' "$folder/seen"
