#!/bin/bash
# openai 6.49.0 (Node) shows the reason of a failed request only if the body has an `error` member. For the bodies of
# FastAPI ({"detail": ...}) and of SGLang ({"object": "error", "message": ...}) its message is "400 status code (no body)",
# although there is a body of valid JSON, and `error.error` is undefined. 7.59.0 shows all three.
#
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 6.49.0 7.59.0; do
  npm install --silent --no-audit --no-fund --prefix "$folder/$version" "openai@$version"
done
cat > "$folder/run.mjs" <<'NODE'
import http from 'node:http'
import { createRequire } from 'node:module'
const [folder, version] = process.argv.slice(2)
const { default: OpenAI } = createRequire(`${folder}/${version}/run.js`)('openai')
const bodies = {
  openai: { error: { message: 'the reason' } },
  fastapi: { detail: 'the reason' },
  sglang: { object: 'error', message: 'the reason', code: 400 },
}
let body
const server = http.createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
})
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
const client = new OpenAI({ baseURL: `http://127.0.0.1:${server.address().port}/v1`, apiKey: 'x', maxRetries: 0 })
for (const [name, value] of Object.entries(bodies)) {
  body = value
  try {
    await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'x' }] })
  } catch ({ message }) {
    console.log(`openai ${version}, body of ${name}: ${message}`)
  }
}
server.close()
server.closeAllConnections()
NODE
for version in 6.49.0 7.59.0; do timeout 60 node "$folder/run.mjs" "$folder" "$version"; done | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
openai 6.49.0, body of openai: 400 the reason
openai 6.49.0, body of fastapi: 400 status code (no body)
openai 6.49.0, body of sglang: 400 status code (no body)
openai 7.59.0, body of openai: 400 the reason
openai 7.59.0, body of fastapi: 400 {"detail":"the reason"}
openai 7.59.0, body of sglang: 400 the reason
SEEN
