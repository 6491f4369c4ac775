// npm openid-client with pushed, signed and encrypted authorization requests, and answers by form, by JWT and with an ID
// token. Speaks JSON lines: its public keys first, then for each flow a URL to open and what came back.
import * as client from 'openid-client'
import * as jose from 'jose'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
const key = { key: pair.privateKey, kid: 'app' }
say({ jwks: { keys: [{ kty, crv, x, y, kid: 'app', alg: 'ES256', use: 'sig' }] } })

const ask = await read()
const issuer = new URL(ask.issuer)
const relaxed = { execute: [client.allowInsecureRequests] }
const metadata = { authorization_signed_response_alg: 'ES256', id_token_signed_response_alg: 'ES256' }

// Signed with our key, then encrypted to the one that the server publishes for it (RFC 9101 §6.1).
async function encrypted(config, parameters) {
  const { keys } = await (await fetch(config.serverMetadata().jwks_uri)).json()
  const theirs = keys.find((jwk) => jwk.use === 'enc')
  const signed = await new jose.SignJWT({ ...parameters, response_type: 'code', client_id: ask.client })
    .setProtectedHeader({ alg: 'ES256', kid: 'app', typ: 'oauth-authz-req+jwt' })
    .setIssuer(ask.client).setAudience(ask.issuer).setIssuedAt().setNotBefore('0s').setExpirationTime('5m')
    .sign(pair.privateKey)
  const sealed = await new jose.CompactEncrypt(new TextEncoder().encode(signed))
    .setProtectedHeader({ alg: theirs.alg, enc: 'A256GCM', kid: theirs.kid, cty: 'oauth-authz-req+jwt' })
    .encrypt(await jose.importJWK(theirs, theirs.alg))
  const url = new URL(config.serverMetadata().authorization_endpoint)
  url.searchParams.set('client_id', ask.client)
  url.searchParams.set('request', sealed)
  return url
}

const flows = {
  par: (config, parameters) => client.buildAuthorizationUrlWithPAR(config, parameters),
  jar: (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, key),
  jwe: encrypted,
  jarm: (config, parameters) => {
    client.useJwtResponseMode(config)
    return client.buildAuthorizationUrlWithPAR(config, parameters)
  },
  form_post: (config, parameters) => client.buildAuthorizationUrl(config, { ...parameters, response_mode: 'form_post' }),
  hybrid: (config, parameters) => {
    client.useCodeIdTokenResponseType(config)
    return client.buildAuthorizationUrl(config, parameters)
  },
}

for (const [name, build] of Object.entries(flows)) {
  const config = await client.discovery(issuer, ask.client, metadata, client.PrivateKeyJwt(key), relaxed)
  const verifier = client.randomPKCECodeVerifier()
  const [state, nonce] = [client.randomState(), client.randomNonce()]
  const url = await build(config, {
    redirect_uri: ask.redirect,
    scope: 'openid orders.read',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  })
  say({ flow: name, open: url.href })
  const back = await read()
  const answer = back.form
    ? new Request(ask.redirect, { method: 'POST', body: new URLSearchParams(back.form) })
    : new URL(back.url)
  const tokens = await client.authorizationCodeGrant(config, answer, {
    pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
  })
  say({ flow: name, sub: tokens.claims().sub, scope: tokens.scope, token: tokens.access_token })
}
// The same key for a client that calls in its own name.
const robot = await client.discovery(issuer, ask.robot, undefined, client.PrivateKeyJwt(key), relaxed)
const own = await client.clientCredentialsGrant(robot, { scope: 'orders.read' })
say({ scope: own.scope, token: own.access_token })
process.exit(0)
