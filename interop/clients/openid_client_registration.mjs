// npm openid-client registers itself (RFC 7591) and then does what any client does: code + PKCE, userinfo, refresh.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const config = await client.dynamicClientRegistration(
  new URL(ask.issuer),
  {
    client_name: 'Registered by openid-client',
    redirect_uris: [ask.redirect],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_post', // what this library sends
    scope: 'openid profile offline_access',
  },
  undefined,
  { execute: [client.allowInsecureRequests] },
)
const metadata = config.clientMetadata()
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: ask.redirect,
  scope: 'openid profile offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
})
say({ open: address.href })

const { url } = JSON.parse((await lines.next()).value)
const tokens = await client.authorizationCodeGrant(config, new URL(url), {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
})
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
say({
  metadata: { ...metadata, client_secret: undefined, registration_access_token: undefined },
  claims,
  userinfo,
  refreshed: Boolean(refreshed.access_token),
  secrets: [
    metadata.client_secret, metadata.registration_access_token, tokens.access_token, tokens.refresh_token,
    refreshed.access_token, refreshed.refresh_token,
  ],
})
process.exit(0)
