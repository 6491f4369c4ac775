// npm openid-client asks a person in the background (OpenID Connect CIBA), and what it gets is bound to its key by DPoP
// (RFC 9449) or to its certificate (RFC 8705). Speaks JSON lines: says what it began, and when it is told that the person has
// agreed, what the token endpoint and the gateway answer with the key, without it and with another.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'
import { tlsFetch } from './tls_fetch.mjs'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const ask = await hear()
const { certificate, other } = ask.certificates ?? {}
const configure = async (identity) => {
  const authentication = certificate ? client.TlsClientAuth() : client.ClientSecretBasic(ask.secret)
  const config = await client.discovery(new URL(ask.issuer), ask.client, { use_mtls_endpoint_aliases: Boolean(certificate) },
    authentication, { execute: [client.allowInsecureRequests], [client.customFetch]: tlsFetch(ask.ca, identity) })
  config[client.customFetch] = tlsFetch(ask.ca, identity)
  return config
}
const refusal = (error) => error.error ?? error.cause?.error ?? error.cause?.[0]?.parameters?.error ?? error.cause?.[0]?.scheme ?? String(error)
const dpop = async (config) => client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

const own = await configure(certificate)
const [bare, thief] = certificate ? [await configure(), await configure(other)] : [own, own]
const proofs = ask.dpop ? { own: await dpop(own), thief: await dpop(own) } : {}

const begin = (config) => client.initiateBackchannelAuthentication(config, ask.parameters)
const poll = (config, DPoP) =>
  client.pollBackchannelAuthenticationGrant(config, started, undefined, { DPoP, signal: AbortSignal.timeout(60_000) })
const call = (config, token, DPoP) =>
  client.fetchProtectedResource(config, token, new URL(ask.resource), 'GET', undefined, undefined, { DPoP })
    .then((answer) => answer.status, (error) => error.status ?? refusal(error))

const refusedToBegin = certificate && (await begin(bare).then(() => 'accepted', refusal))
const started = await begin(own)
say({ started, refusedToBegin })
await hear()
// Whoever polls without the key gets nothing, and takes nothing away from who has it.
const unbound = await poll(bare).then(() => 'accepted', refusal)
const tokens = await poll(own, proofs.own)
say({
  unbound,
  tokens,
  jkt: await proofs.own?.calculateThumbprint(),
  gateway: {
    own: await call(own, tokens.access_token, proofs.own),
    bare: await call(bare, tokens.access_token),
    thief: await call(thief, tokens.access_token, proofs.thief),
  },
})
process.exit(0)
