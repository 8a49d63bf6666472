#!/bin/bash
# openai-node 6.49.0 raises no error for the event `error` of a streamed response of OpenAI's Responses API, as OpenAI
# documents it (https://platform.openai.com/docs/api-reference/responses-streaming/error: type, code, message, param,
# sequence_number). The stream yields it like any other event and ends as if it were complete, so that a program that
# reads only texts takes a broken response for a whole one. With a member `error` in the same event it raises the message.
#
# Ends with 0 as long as that is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund openai@6.49.0 > install.log 2>&1
cat > client.mjs <<'JS'
import { createServer } from 'node:http'
import OpenAI from 'openai'

const documented = { type: 'error', code: 'server_error', message: 'on fire', param: null, sequence_number: 1 }
const events = { documented, 'with error': { ...documented, error: { message: 'on fire' } } }

for (const [name, event] of Object.entries(events)) {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`event: error\ndata: ${JSON.stringify(event)}\n\n`)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const baseURL = `http://127.0.0.1:${server.address().port}/v1`
  const client = new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0 })
  try {
    const stream = await client.responses.create({ model: 'm', input: 'x', stream: true })
    for await (const { type } of stream) console.log(`${name}: yields ${type}`)
    console.log(`${name}: ends without an error`)
  } catch (error) {
    console.log(`${name}: raises ${error.message}`)
  }
  server.close()
}
JS
node client.mjs | tee seen
diff seen - <<'SEEN'
documented: yields error
documented: ends without an error
with error: raises on fire
SEEN
