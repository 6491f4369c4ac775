// npm openid-client and oauth4webapi with keys of their own: DPoP with nonces (RFC 9449), certificates (RFC 8705), and
// client_secret_jwt. Speaks JSON lines: prints the URL to open, reads the URL it was called back with, prints what it got.
import * as client from 'openid-client'
import * as oauth from 'oauth4webapi'
import { createInterface } from 'node:readline'
import { tlsFetch } from './tls_fetch.mjs'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const ask = await read()
const issuer = new URL(ask.issuer)

// Notes every address it was called with.
const called = []
const fetchWith = (identity) => (url, options) => {
  called.push(String(url))
  return tlsFetch(ask.ca, identity)(url, options)
}

const configure = async (id, authentication, metadata, identity) => {
  const config = await client.discovery(issuer, id, metadata, authentication, {
    execute: [client.allowInsecureRequests], [client.customFetch]: fetchWith(identity),
  })
  config[client.customFetch] = fetchWith(identity)
  return config
}
const refusal = (error) => error.error ?? error.cause?.error ?? error.cause?.[0]?.parameters?.error ?? error.cause?.[0]?.scheme ?? String(error)
// What the gateway answers to a token, with this configuration's certificate.
const call = (config, token, options) =>
  client.fetchProtectedResource(config, token, new URL(ask.resource), 'GET', undefined, undefined, options)
    .then(async (answer) => ({ status: answer.status, body: await answer.text() }), (error) => ({ status: error.status, error: refusal(error) }))
const result = { secrets: [] }

// A public client with a DPoP key: the code, the tokens, userinfo, the refresh token and the gateway are bound to it.
const web = await configure('spa', client.None())
const pair = await client.randomDPoPKeyPair('ES256')
const DPoP = client.getDPoPHandle(web, pair)
const verifier = client.randomPKCECodeVerifier()
say({ open: client.buildAuthorizationUrl(web, {
  redirect_uri: ask.redirect, scope: 'openid email offline_access orders.read', dpop_jkt: await DPoP.calculateThumbprint(),
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state: 'x', nonce: 'n',
}).href })
const back = await read()
const tokens = await client.authorizationCodeGrant(web, new URL(back.url),
  { pkceCodeVerifier: verifier, expectedState: 'x', expectedNonce: 'n', idTokenExpected: true }, undefined, { DPoP })
const thief = client.getDPoPHandle(web, await client.randomDPoPKeyPair('ES256'))
result.dpop = {
  type: tokens.token_type,
  userinfo: (await client.fetchUserInfo(web, tokens.access_token, tokens.claims().sub, { DPoP })).email,
  gateway: await call(web, tokens.access_token, { DPoP }),
  again: await call(web, tokens.access_token, { DPoP }),
  bearer: await call(web, tokens.access_token, undefined),
  stolen: await call(web, tokens.access_token, { DPoP: thief }),
  refreshStolen: await client.refreshTokenGrant(web, tokens.refresh_token, undefined, { DPoP: thief }).then(() => 'accepted', refusal),
  refreshBearer: await client.refreshTokenGrant(web, tokens.refresh_token).then(() => 'accepted', refusal),
  refreshed: (await client.refreshTokenGrant(web, tokens.refresh_token, undefined, { DPoP })).token_type,
}
result.secrets.push(tokens.access_token, tokens.refresh_token)

// The same by the library below, which leaves the nonce to its caller.
const as = await oauth.discoveryRequest(issuer, { [oauth.allowInsecureRequests]: true }).then((answer) => oauth.processDiscoveryResponse(issuer, answer))
const service = { client_id: 'dpop-service' }
const handle = oauth.DPoP(service, await oauth.generateKeyPair('ES256'))
const own = async () => {
  const answer = await oauth.clientCredentialsGrantRequest(as, service, oauth.ClientSecretPost(ask.dpopSecret),
    new URLSearchParams({ scope: 'orders.read' }), { DPoP: handle, [oauth.allowInsecureRequests]: true })
  return oauth.processClientCredentialsResponse(as, service, answer)
}
const first = await own().then(() => 'no nonce was asked for', (error) => (oauth.isDPoPNonceError(error) ? 'use_dpop_nonce' : String(error)))
const bound = await own()
result.oauth4webapi = { first, type: bound.token_type }
result.secrets.push(bound.access_token)

// Clients known by a certificate: of the built-in authority, and of their own making.
for (const [name, id, authentication] of [
  ['tls_client_auth', 'mtls-client', client.TlsClientAuth()],
  ['self_signed_tls_client_auth', 'self-signed', client.TlsClientAuth()],
]) {
  const identity = ask.certificates[name]
  const config = await configure(id, authentication, { use_mtls_endpoint_aliases: true }, identity)
  const tokens = await client.clientCredentialsGrant(config, { scope: 'orders.read' })
  const bare = await configure(id, authentication, { use_mtls_endpoint_aliases: true })
  const other = await configure(id, authentication, { use_mtls_endpoint_aliases: true }, ask.certificates.other)
  result[name] = {
    at: called.filter((url) => url.endsWith('/token')).at(-1),
    type: tokens.token_type,
    gateway: await call(config, tokens.access_token),
    withoutCertificate: await call(bare, tokens.access_token),
    withAnother: await call(other, tokens.access_token),
    tokenWithout: await client.clientCredentialsGrant(bare, {}).then(() => 'accepted', refusal),
    tokenWithAnother: await client.clientCredentialsGrant(other, {}).then(() => 'accepted', refusal),
  }
  result.secrets.push(tokens.access_token)
}

// A secret that signs.
const signer = await configure('signer', client.ClientSecretJwt(ask.signerSecret))
const signed = await client.clientCredentialsGrant(signer, {})
const forger = await configure('signer', client.ClientSecretJwt('another secret of more than thirty-two bytes'))
result.clientSecretJwt = {
  type: signed.token_type,
  wrong: await client.clientCredentialsGrant(forger, {}).then(() => 'accepted', refusal),
}
result.secrets.push(signed.access_token)
say(result)
process.exit(0)
