// npm openid-client in the profiles of FAPI, with DPoP keys and with certificates, from the pushed or signed request to the
// gateway and back by refresh tokens. Speaks JSON lines: its public keys first, then for each flow a URL to open and what
// came of it.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'
import { tlsFetch } from './tls_fetch.mjs'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
const key = { key: pair.privateKey, kid: 'app' }
say({ jwks: { keys: [{ kty, crv, x, y, kid: 'app', alg: 'ES256', use: 'sig' }] } })

const ask = await read()
const issuer = new URL(ask.issuer)

const fetchWith = (identity) => tlsFetch(ask.ca, identity)

const refusal = (error) => error.error ?? error.cause?.error ?? error.cause?.[0]?.parameters?.error ?? error.cause?.[0]?.scheme ?? String(error)
const call = (config, token, options) =>
  client.fetchProtectedResource(config, token, new URL(ask.resource), 'GET', undefined, undefined, options)
    .then((answer) => answer.status, (error) => error.status ?? error.cause?.status ?? refusal(error))

const asks = {
  'fapi1-advanced': (config, parameters) => {
    client.useJwtResponseMode(config)
    return client.buildAuthorizationUrlWithJAR(config, parameters, key)
  },
  hybrid: (config, parameters) => {
    client.useCodeIdTokenResponseType(config)
    client.enableDetachedSignatureResponseChecks(config)
    return client.buildAuthorizationUrlWithJAR(config, parameters, key)
  },
  'fapi2-security': (config, parameters, options) => client.buildAuthorizationUrlWithPAR(config, parameters, options),
  'fapi2-message-signing': async (config, parameters, options) => {
    client.useJwtResponseMode(config)
    const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, key)
    return client.buildAuthorizationUrlWithPAR(config, signed.searchParams, options)
  },
}

for (const { id, way, binding, redirect } of ask.flows) {
  const identity = binding === 'mtls' ? ask.identity : undefined
  const metadata = {
    authorization_signed_response_alg: 'ES256', id_token_signed_response_alg: 'ES256',
    use_mtls_endpoint_aliases: binding === 'mtls',
  }
  const authentication = binding === 'mtls' ? client.TlsClientAuth() : client.PrivateKeyJwt(key)
  const config = await client.discovery(issuer, id, metadata, authentication, {
    execute: [client.allowInsecureRequests], [client.customFetch]: fetchWith(identity),
  })
  config[client.customFetch] = fetchWith(identity)
  const options = binding === 'dpop' ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) } : undefined
  const stranger = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) }
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const url = await asks[way](config, {
    redirect_uri: redirect, scope: 'openid offline_access orders.read', prompt: 'consent', state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }, options)
  say({ id, open: url.href })
  const back = new URL((await read()).url)
  const tokens = await client.authorizationCodeGrant(config, back, {
    pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
  }, undefined, options)
  const first = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, options)
  const second = await client.refreshTokenGrant(config, first.refresh_token, undefined, options)
  // Where they are rotated, a spent one would end the grant.
  const third = way.startsWith('fapi2') ? await client.refreshTokenGrant(config, tokens.refresh_token, undefined, options) : {}
  const bare = await client.discovery(issuer, id, metadata, authentication, {
    execute: [client.allowInsecureRequests], [client.customFetch]: fetchWith(),
  })
  bare[client.customFetch] = fetchWith()
  const unbound = await client.refreshTokenGrant(binding === 'mtls' ? bare : config, second.refresh_token)
    .then(() => 'accepted', refusal)
  say({
    id,
    type: tokens.token_type.toLowerCase(),
    claims: JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url')).cnf,
    gateway: await call(config, tokens.access_token, options),
    refreshed: await call(config, second.access_token, options),
    withoutKey: await call(bare, tokens.access_token),
    withAnother: binding === 'dpop' ? await call(config, tokens.access_token, stranger) : undefined,
    rotated: first.refresh_token !== tokens.refresh_token,
    unbound,
    secrets: [tokens, first, second, third].flatMap((one) => [one.access_token, one.refresh_token]).filter(Boolean),
  })
}
process.exit(0)
