// Octokit's device flow, with nothing changed but its base URL: prints the code, waits until somebody has decided, asks who it was.
import { createOAuthDeviceAuth } from '@octokit/auth-oauth-device'
import { Octokit } from '@octokit/core'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const ask = JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const octokit = new Octokit({
  baseUrl: `${ask.issuer}/api/v3`,
  authStrategy: createOAuthDeviceAuth,
  auth: { clientType: 'oauth-app', clientId: ask.client, scopes: ['read:user'], onVerification: say },
})
const outcome = await octokit.request('GET /user').then(
  async ({ data }) => ({ user: data, ...(await octokit.auth({ type: 'oauth' })) }),
  (error) => ({ error: error.response?.data?.error ?? String(error) }),
)
say(outcome)
process.exit(0)
