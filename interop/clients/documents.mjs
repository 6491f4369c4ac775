// A host with the metadata document of a client (OAuth Client ID Metadata Document), over https.
import { createServer } from 'node:https'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = JSON.parse((await lines.next()).value)
const server = createServer({ cert: readFileSync(ask.cert), key: readFileSync(ask.key) }, (request, response) => {
  const { port } = server.address()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({
    client_id: `https://localhost:${port}/client.json`, client_name: 'An assistant', redirect_uris: [ask.redirect],
    grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'none',
  }))
}).listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `https://localhost:${server.address().port}/client.json` })))
