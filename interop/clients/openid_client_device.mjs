// npm openid-client as a device (RFC 8628): asks for codes, polls until somebody has decided, prints what it got.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const config = await client.discovery(new URL(ask.issuer), ask.client, undefined, client.None(), {
  execute: [client.allowInsecureRequests],
})
const codes = await client.initiateDeviceAuthorization(config, { scope: ask.scope })
say(codes)
const outcome = await client
  .pollDeviceAuthorizationGrant(config, codes, undefined, { signal: AbortSignal.timeout(60_000) })
  .then((tokens) => ({ tokens, claims: tokens.claims() }), (error) => ({ error: error.error ?? String(error) }))
say(outcome)
process.exit(0)
