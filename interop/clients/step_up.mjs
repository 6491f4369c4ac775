// npm openid-client against a route that asks for a stronger sign-in (RFC 9470): the challenge's own parameters go into
// the next authorization request. Speaks JSON lines: prints URLs to open, reads the URLs it was called back with.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const ask = await read()
const config = await client.discovery(new URL(ask.issuer), ask.web, undefined, client.None(), { execute: [client.allowInsecureRequests] })

async function authorize(more) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: ask.redirect,
    scope: 'openid orders.read',
    resource: ask.resource,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...more,
  })
  say({ open: url.href })
  const back = await read()
  return client.authorizationCodeGrant(config, new URL(back.url), { pkceCodeVerifier: verifier, expectedState: state })
}

async function call(token) {
  try {
    const answer = await client.fetchProtectedResource(config, token, new URL(ask.route), 'GET')
    return { status: answer.status }
  } catch (error) {
    if (!(error instanceof client.WWWAuthenticateChallengeError)) throw error
    return { status: error.status, ...error.cause[0].parameters }
  }
}

const weak = await authorize({ acr_values: ask.weak })
const refused = await call(weak.access_token)
const { acr_values, max_age } = refused
const strong = await authorize({ acr_values, max_age })
const passed = await call(strong.access_token)
say({ refused, passed, acr: [weak.claims().acr, strong.claims().acr], supported: config.serverMetadata().acr_values_supported,
  secrets: [weak.access_token, strong.access_token] })
process.exit(0)
