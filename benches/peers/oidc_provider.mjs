// npm oidc-provider as it comes, in memory: client credentials, introspection, refresh, code + PKCE with a live session,
// device codes and backchannel requests.
import { Provider } from 'oidc-provider'
import { createServer } from 'node:http'
import { generateKeyPairSync } from 'node:crypto'

const [port, algorithm, secret, redirect] = process.argv.slice(2)
const url = `http://127.0.0.1:${port}`
const key = algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...key.privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: algorithm }

// The adapter it comes with forgets all but the newest thousand entries; this one forgets nothing.
const entries = new Map()
const names = new Map()
class Memory {
  constructor(model) {
    this.key = (id) => `${model}:${id}`
  }
  async upsert(id, payload) {
    entries.set(this.key(id), payload)
    if (payload.uid) names.set(payload.uid, this.key(id))
  }
  async find(id) {
    return entries.get(this.key(id))
  }
  async findByUid(uid) {
    return entries.get(names.get(uid))
  }
  async findByUserCode() {}
  async consume(id) {
    entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000)
  }
  async destroy(id) {
    entries.delete(this.key(id))
  }
  async revokeByGrantId() {}
}

const provider = new Provider(url, {
  adapter: Memory,
  jwks: { keys: [jwk] },
  clientDefaults: { id_token_signed_response_alg: algorithm },
  cookies: { keys: ['a key for the cookies of this benchmark'] },
  clients: [
    { client_id: 'service', client_secret: secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
      token_endpoint_auth_method: 'client_secret_post' },
    { client_id: 'tv', token_endpoint_auth_method: 'none', grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      redirect_uris: [], response_types: [] },
    { client_id: 'bank', client_secret: secret, grant_types: ['urn:openid:params:grant-type:ciba', 'refresh_token'], redirect_uris: [],
      response_types: [], token_endpoint_auth_method: 'client_secret_post', backchannel_token_delivery_mode: 'poll' },
    { client_id: 'web', token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [redirect],
      response_types: ['code'] },
  ],
  scopes: ['openid', 'offline_access', 'orders.read'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  // Whatever a signed-in person's client asks for was agreed to before.
  loadExistingGrant: async (context) => {
    const known = context.oidc.session.grantIdFor(context.oidc.client.clientId)
    if (known) return provider.Grant.find(known)
    const grant = new provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId })
    grant.addOIDCScope('openid offline_access orders.read')
    grant.addResourceScope('https://bench.example.com', 'orders.read')
    await grant.save()
    return grant
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    // Nobody is asked here: what was decided is made below.
    ciba: { enabled: true, deliveryModes: ['poll'] },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://bench.example.com',
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'orders.read', accessTokenFormat: resource.includes('opaque') ? 'opaque' : 'jwt', jwt: { sign: { alg: algorithm } }, accessTokenTTL: 600,
      }),
    },
  },
  interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
})
// What alice has decided elsewhere, as its own pages would have left it: what the clients poll with, a line each.
const models = { 'device-code': { model: provider.DeviceCode, id: 'tv' }, ciba: { model: provider.BackchannelAuthenticationRequest, id: 'bank' } }
async function decided({ model, id }, count) {
  const client = await provider.Client.find(id)
  const secrets = []
  for (let number = 0; number < count; number++) {
    const grant = new provider.Grant({ clientId: id, accountId: 'alice' })
    grant.addOIDCScope('openid offline_access orders.read')
    grant.addResourceScope('https://bench.example.com', 'orders.read')
    const request = new model({
      client, accountId: 'alice', acr: 'urn:mace:incommon:iap:bronze', amr: ['pwd'], authTime: Math.floor(Date.now() / 1000), grantId: await grant.save(),
      scope: 'openid offline_access orders.read', resource: 'https://bench.example.com', params: { client_id: id }, userCode: `user-code-${number}`,
    })
    secrets.push(await request.save())
  }
  return secrets.join('\n') + '\n'
}
const callback = provider.callback()
createServer(async (request, response) => {
  if (request.url.startsWith('/decided/')) {
    const asked = new URL(request.url, url)
    response.end(await decided(models[asked.pathname.split('/')[2]], Number(asked.searchParams.get('count'))))
  } else if (request.url.startsWith('/sign-in/')) {
    await provider.interactionFinished(request, response, { login: { accountId: 'alice' } })
  } else {
    callback(request, response)
  }
}).listen(Number(port), '127.0.0.1')
