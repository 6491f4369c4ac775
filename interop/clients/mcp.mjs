// The official MCP TypeScript SDK, both lines of it, as a client that knows nothing but the address of an MCP server:
// challenge, protected resource metadata, server metadata, registration or a metadata document, code + PKCE, step-up.
// Speaks JSON lines: prints URLs to open, reads the URLs it was called back with, prints what it got.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const ask = await read()
const { Client, StreamableHTTPClientTransport, UnauthorizedError } =
  ask.sdk === 1
    ? {
        ...(await import('@modelcontextprotocol/sdk/client/index.js')),
        ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
        ...(await import('@modelcontextprotocol/sdk/client/auth.js')),
      }
    : await import('@modelcontextprotocol/client')

// Every address that is asked, so that the test can see the way that was taken.
const asked = []
const watched = (url, options) => {
  asked.push(`${options?.method ?? 'GET'} ${url}`)
  return fetch(url, options)
}

const kept = { scopes: [] }
const provider = {
  redirectUrl: ask.redirect,
  clientMetadata: {
    client_name: 'An assistant', redirect_uris: [ask.redirect], grant_types: ask.grants, response_types: ['code'],
    token_endpoint_auth_method: 'none', application_type: 'native',
  },
  clientMetadataUrl: ask.document,
  state: () => 'a state of ours',
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; kept.scopes.push(tokens.scope) },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier },
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => { kept.discovery = state },
  discoveryState: () => kept.discovery,
  redirectToAuthorization: (url) => say({ open: url.href }),
}

// Calls a tool at an address; signs in first where that is asked.
async function call(address, tool, input) {
  for (let round = 0; round < 3; round += 1) {
    const transport = new StreamableHTTPClientTransport(new URL(address), { authProvider: provider, fetch: watched })
    const client = new Client({ name: 'interop', version: '1' })
    try {
      await client.connect(transport)
      const answer = await client.callTool({ name: tool, arguments: input })
      await client.close()
      return answer.content[0].text
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error
      const { url } = await read()
      const back = new URL(url).searchParams
      // The second line of the SDK checks `iss` (RFC 9207) by itself when it is given the whole answer.
      await transport.finishAuth(ask.sdk === 1 ? back.get('code') : back)
    }
  }
  throw new Error('asked to sign in again and again')
}

const first = await call(ask.reading, 'read_notes', {})
const second = await call(ask.reading, 'read_notes', {})
const written = await call(ask.writing, 'write_note', { note: 'tea' })
const again = await call(ask.reading, 'read_notes', {})
say({ first, second, written, again, asked, client: kept.client, scopes: kept.scopes, tokens: kept.tokens })
process.exit(0)
