// npm openid-client asks a person in the background (OpenID Connect CIBA): initiates, says what it got, and polls for the
// tokens when it is told to.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const ask = await hear()
const config = await client.discovery(new URL(ask.issuer), ask.client, undefined, client.ClientSecretBasic(ask.secret), {
  execute: [client.allowInsecureRequests],
})
const started = await client
  .initiateBackchannelAuthentication(config, ask.parameters)
  .catch((error) => ({ error: error.error ?? String(error) }))
say(started)
if (!started.error) {
  await hear()
  const outcome = await client
    .pollBackchannelAuthenticationGrant(config, started, undefined, { signal: AbortSignal.timeout(60_000) })
    .then((tokens) => ({ tokens, claims: tokens.claims() }), (error) => ({ error: error.error ?? String(error) }))
  say(outcome)
}
process.exit(0)
