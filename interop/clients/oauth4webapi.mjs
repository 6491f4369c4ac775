// npm oauth4webapi, by itself: code + PKCE, PAR, JAR, JARM, DPoP with nonces, the device flow, introspection as JSON and as
// JWT (RFC 9701), revocation, and client credentials with every client authentication there is.
// Speaks JSON lines: its public key first, then questions to the person and what it got.
import * as oauth from 'oauth4webapi'
import https from 'node:https'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const pair = await oauth.generateKeyPair('ES256', { extractable: true })
const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
const key = { key: pair.privateKey, kid: 'app' }
say({ jwks: { keys: [{ kty, crv, x, y, kid: 'app', alg: 'ES256', use: 'sig' }] } })

const ask = await read()
const relaxed = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ask.issuer)
const as = await oauth.discoveryRequest(issuer, relaxed).then((answer) => oauth.processDiscoveryResponse(issuer, answer))
const secrets = []
const keep = (tokens) => {
  for (const name of ['access_token', 'refresh_token', 'id_token']) if (tokens[name]) secrets.push(tokens[name])
  return tokens
}
const refusal = (error) => error.error ?? error.cause?.[0]?.parameters?.error ?? error.cause?.[0]?.scheme ?? String(error)

// fetch with a client certificate, trusting the instance's authority.
const withCertificate = ({ cert, key }) => (url, options) =>
  new Promise((resolve, reject) => {
    const headers = Object.fromEntries(new Headers(options.headers))
    const tls = { ca: readFileSync(ask.ca), cert: readFileSync(cert), key: readFileSync(key), agent: false }
    const request = https.request(url, { method: options.method, headers, ...tls }, async (answer) => {
      const body = Buffer.concat(await answer.toArray())
      const kept = Object.entries(answer.headers).map(([name, value]) => [name, String(value)])
      resolve(new Response(body, { status: answer.statusCode, headers: kept }))
    })
    request.on('error', reject).end(String(options.body ?? ''))
  })

// Sends the person away and comes back with a code, through what `change` makes of the request.
async function code(client, authentication, change, dpop) {
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const parameters = new URLSearchParams({
    client_id: client.client_id, redirect_uri: ask.redirect, response_type: 'code', scope: 'openid offline_access orders.read',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state, nonce,
  })
  const { sent = parameters, validate = oauth.validateAuthResponse } = (await change?.(parameters)) ?? {}
  const url = new URL(as.authorization_endpoint)
  url.search = sent.toString()
  say({ open: url.href })
  const back = await validate(as, client, new URL((await read()).url), state)
  const request = () =>
    oauth.authorizationCodeGrantRequest(as, client, authentication, back, ask.redirect, verifier, { DPoP: dpop, ...relaxed })
  const process = async () =>
    oauth.processAuthorizationCodeResponse(as, client, await request(), { expectedNonce: nonce, requireIdToken: true })
  const tokens = await process().catch((error) => {
    if (dpop && oauth.isDPoPNonceError(error)) return process()
    throw error
  })
  return keep(tokens)
}

async function pushed(client, authentication, parameters, dpop) {
  const push = async () =>
    oauth.processPushedAuthorizationResponse(
      as, client, await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, { DPoP: dpop, ...relaxed }))
  const { request_uri } = await push().catch((error) => {
    if (dpop && oauth.isDPoPNonceError(error)) return push()
    throw error
  })
  return { sent: new URLSearchParams({ client_id: client.client_id, request_uri }) }
}

const flows = {}

// Public: code + PKCE, userinfo, refresh, revocation of the refresh token.
{
  const client = { client_id: 'o4w-public' }
  const tokens = await code(client, oauth.None())
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const userinfo = await oauth.processUserInfoResponse(
    as, client, claims.sub, await oauth.userInfoRequest(as, client, tokens.access_token, relaxed))
  const refresh = async (token) =>
    oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, relaxed))
  const refreshed = keep(await refresh(tokens.refresh_token))
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, client, oauth.None(), refreshed.refresh_token, relaxed))
  const after = await refresh(refreshed.refresh_token).then(() => 'accepted', refusal)
  flows.public = { sub: userinfo.sub === claims.sub, rotated: refreshed.refresh_token !== tokens.refresh_token, after }
}

// With a key: pushed, signed, answered by JWT.
{
  const client = { client_id: 'o4w-signer', authorization_signed_response_alg: 'ES256' }
  const authentication = oauth.PrivateKeyJwt(key)
  const plain = await code(client, authentication, (parameters) => pushed(client, authentication, parameters))
  const signed = await code(client, authentication, async (parameters) => ({
    sent: new URLSearchParams({
      client_id: client.client_id, request: await oauth.issueRequestObject(as, client, parameters, key),
    }),
  }))
  const both = await code(client, authentication, async (parameters) => {
    parameters.set('response_mode', 'jwt')
    const request = await oauth.issueRequestObject(as, client, parameters, key)
    const push = await pushed(client, authentication, new URLSearchParams({ client_id: client.client_id, request }))
    const validate = (as, client, back, state) => oauth.validateJwtAuthResponse(as, client, back, state, relaxed)
    return { ...push, validate }
  })
  flows.signer = [plain, signed, both].map((tokens) => oauth.getValidatedIdTokenClaims(tokens).aud)
}

// DPoP from the pushed request to the token, the server asking for nonces.
{
  const client = { client_id: 'o4w-dpop' }
  const dpop = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const tokens = await code(client, oauth.None(), (parameters) => pushed(client, oauth.None(), parameters, dpop), dpop)
  const refreshed = await oauth.processRefreshTokenResponse(
    as, client, await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token, { DPoP: dpop, ...relaxed }))
  const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const stolen = async () =>
    oauth.processRefreshTokenResponse(as, client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshed.refresh_token, { DPoP: thief, ...relaxed }))
  await stolen().catch(() => 'a nonce first')
  flows.dpop = { type: tokens.token_type, stolen: await stolen().then(() => 'accepted', refusal) }
  keep(refreshed)
}

// The device flow.
{
  const client = { client_id: 'o4w-device' }
  const codes = await oauth.processDeviceAuthorizationResponse(
    as, client, await oauth.deviceAuthorizationRequest(as, client, oauth.None(), { scope: 'openid orders.read' }, relaxed))
  secrets.push(codes.device_code)
  const poll = async () =>
    oauth.processDeviceCodeResponse(
      as, client, await oauth.deviceCodeGrantRequest(as, client, oauth.None(), codes.device_code, relaxed))
  const early = await poll().then(() => 'accepted', refusal)
  say({ device: codes })
  await read()
  const tokens = keep(await poll())
  flows.device = { early, scope: tokens.scope, again: await poll().then(() => 'accepted', refusal) }
}

// Client credentials, by every way a client can say who it is.
{
  const certificate = (name) => ({ [oauth.customFetch]: withCertificate(ask.certificates[name]) })
  const ways = {
    client_secret_basic: [oauth.ClientSecretBasic(ask.secrets.client_secret_basic)],
    client_secret_post: [oauth.ClientSecretPost(ask.secrets.client_secret_post)],
    client_secret_jwt: [oauth.ClientSecretJwt(ask.secrets.client_secret_jwt)],
    private_key_jwt: [oauth.PrivateKeyJwt(key)],
    tls_client_auth: [oauth.TlsClientAuth(), certificate('tls_client_auth')],
    self_signed_tls_client_auth: [oauth.TlsClientAuth(), certificate('self_signed_tls_client_auth')],
  }
  flows.authentication = {}
  for (const [name, [authentication, more]] of Object.entries(ways)) {
    const client = { client_id: `o4w-${name}`, use_mtls_endpoint_aliases: more !== undefined }
    const tokens = await oauth.clientCredentialsGrantRequest(as, client, authentication, { scope: 'orders.read' }, { ...relaxed, ...more })
      .then((answer) => oauth.processClientCredentialsResponse(as, client, answer))
    flows.authentication[name] = keep(tokens).scope
  }
  // A public client has nothing of its own to ask for.
  const client = { client_id: 'o4w-public' }
  flows.none = await oauth.clientCredentialsGrantRequest(as, client, oauth.None(), {}, relaxed)
    .then((answer) => oauth.processClientCredentialsResponse(as, client, answer)).then(() => 'accepted', refusal)
}

// Introspection as JSON and, for a resource server registered for it, as a signed JWT (RFC 9701); then revocation.
{
  const owner = { client_id: 'o4w-client_secret_basic' }
  const basic = oauth.ClientSecretBasic(ask.secrets.client_secret_basic)
  const token = keep(await oauth.clientCredentialsGrantRequest(as, owner, basic, { scope: 'orders.read' }, relaxed)
    .then((answer) => oauth.processClientCredentialsResponse(as, owner, answer))).access_token
  const look = async (more) => {
    const client = { client_id: 'o4w-resource', ...more }
    const authentication = oauth.ClientSecretPost(ask.secrets.resource)
    const answer = await oauth.introspectionRequest(as, client, authentication, token, { requestJwtResponse: Boolean(more), ...relaxed })
    const type = answer.headers.get('content-type')
    const told = await oauth.processIntrospectionResponse(as, client, answer)
    if (more) await oauth.validateApplicationLevelSignature(as, answer, relaxed)
    return { type, active: told.active, scope: told.scope, client: told.client_id }
  }
  flows.introspection = [await look(), await look({ introspection_signed_response_alg: 'ES256' })]
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, owner, basic, token, relaxed))
  flows.revoked = (await look()).active
}

say({ flows, secrets })
process.exit(0)
