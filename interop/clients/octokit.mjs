// Octokit's OAuth application, with nothing changed but its base URL: web flow, GET /user, check, reset and delete of tokens
// and of the grant. Speaks JSON lines: prints the URL to open, reads the URL it was called back with, prints what it got.
import { OAuthApp } from '@octokit/oauth-app'
import { Octokit } from '@octokit/core'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))
const refusal = (error) => ({ status: error.status, message: error.message })

const ask = await read()
const app = new OAuthApp({
  clientType: 'oauth-app',
  clientId: ask.client,
  clientSecret: ask.secret,
  Octokit: Octokit.defaults({ baseUrl: `${ask.issuer}/api/v3` }),
})

const signIn = async (state) => {
  const { url } = app.getWebFlowAuthorizationUrl({ state, redirectUrl: ask.redirect, scopes: ['read:user', 'orders.read'] })
  say({ open: url })
  const back = new URL((await read()).url)
  if (back.searchParams.get('state') !== state) throw new Error(`called back with ${back}`)
  return back.searchParams.get('code')
}

const code = await signIn('one')
const { authentication } = await app.createToken({ code })
const replay = await app.createToken({ code }).then(() => 'accepted', refusal)

// The code again has ended what it gave (RFC 6749 §4.1.2); another sign-in, this time without being asked.
const ended = await app.checkToken({ token: authentication.token }).then(() => 'alive', refusal)
const { authentication: second } = await app.createToken({ code: await signIn('two') })
const octokit = await app.getUserOctokit({ token: second.token })
const user = await octokit.request('GET /user')
const checked = await app.checkToken({ token: second.token })
const { data: reset } = await app.resetToken({ token: second.token })
const old = await octokit.request('GET /user').then(() => 'accepted', refusal)
const fresh = new Octokit({ baseUrl: `${ask.issuer}/api/v3`, auth: reset.token })
const again = await fresh.request('GET /user')
say({
  replay,
  ended,
  token: second.token,
  scopes: second.scopes,
  user: user.data,
  headers: { scopes: user.headers['x-oauth-scopes'], client: user.headers['x-oauth-client-id'] },
  checked: checked.data,
  reset,
  old,
  again: again.data.login,
})

// What the caller does with the token at the gateway, and then the end of it.
await read()
const deleted = await app.deleteToken({ token: reset.token })
const gone = await fresh.request('GET /user').then(() => 'accepted', refusal)
const { authentication: third } = await app.createToken({ code: await signIn('three') })
const withdrawn = await app.deleteAuthorization({ token: third.token })
const unknown = await app.checkToken({ token: third.token }).then(() => 'alive', refusal)
say({ deleted: deleted.status, gone, third: third.token, withdrawn: withdrawn.status, unknown })
process.exit(0)
