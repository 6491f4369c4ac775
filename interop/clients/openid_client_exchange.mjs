// npm openid-client trading tokens (RFC 8693) and bringing assertions (RFC 7523): JSON lines in and out, one request each.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const say = (value) => console.log(JSON.stringify(value))
for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line)
  const config = await client.discovery(new URL(ask.issuer), ask.client, undefined, client.ClientSecretBasic(ask.secret), {
    execute: [client.allowInsecureRequests],
  })
  const parameters = new URLSearchParams(ask.parameters)
  say(await client.genericGrantRequest(config, ask.grant, parameters).then((tokens) => tokens, (error) => ({ error: error.error ?? String(error) })))
}
