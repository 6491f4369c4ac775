// npm openid-client against the authorization server: discovery, code + PKCE, userinfo, refresh, client credentials,
// introspection, revocation. Speaks JSON lines: prints the URL to open, reads the URL it was called back with, prints what it got.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const ask = await read()
const relaxed = { execute: [client.allowInsecureRequests] }
const issuer = new URL(ask.issuer)

// A public client: authorization code with PKCE.
const web = await client.discovery(issuer, ask.web, undefined, client.None(), relaxed)
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const url = client.buildAuthorizationUrl(web, {
  redirect_uri: ask.redirect,
  scope: 'openid profile email offline_access orders.read',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
})
say({ open: url.href })
const back = await read()
const tokens = await client.authorizationCodeGrant(web, new URL(back.url), {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  idTokenExpected: true,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(web, tokens.access_token, claims.sub)
const refreshed = await client.refreshTokenGrant(web, tokens.refresh_token)

// The code again: refused, and what it gave is withdrawn (RFC 6749 §4.1.2).
const replay = await client
  .authorizationCodeGrant(web, new URL(back.url), { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce })
  .then(() => 'accepted', (error) => error.error)

// A confidential client with its secret in the header.
const resource = await client.discovery(issuer, ask.resource, undefined, client.ClientSecretBasic(ask.resourceSecret), relaxed)
const own = await client.clientCredentialsGrant(resource, { scope: 'orders.read' })
const service = await client.discovery(issuer, ask.service, undefined, client.ClientSecretPost(ask.serviceSecret), relaxed)
const posted = await client.clientCredentialsGrant(service, { scope: 'orders.read' })
const live = await client.tokenIntrospection(resource, own.access_token)
await client.tokenRevocation(resource, own.access_token)
const revoked = await client.tokenIntrospection(resource, own.access_token)
const replayed = await client.tokenIntrospection(resource, refreshed.access_token)
const wrong = await client.discovery(issuer, ask.resource, undefined, client.ClientSecretBasic('wrong'), relaxed)
const refused = await client.clientCredentialsGrant(wrong, {}).then(() => 'accepted', (error) => error.cause?.[0]?.scheme ?? error.error)

say({ claims, userinfo, scope: tokens.scope, refreshed: Boolean(refreshed.access_token), rotated: refreshed.refresh_token !== tokens.refresh_token,
  posted: posted.scope, replay, live, revoked, replayed, refused, secrets: [tokens.access_token, tokens.refresh_token, refreshed.access_token, refreshed.refresh_token, own.access_token, posted.access_token] })
process.exit(0)
