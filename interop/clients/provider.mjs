// npm oidc-provider as somebody else's authorization server: opaque tokens with introspection, and JWTs for a resource.
import { Provider } from 'oidc-provider'
import { createServer } from 'node:http'

const server = createServer()
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const url = `http://127.0.0.1:${server.address().port}`
const secret = process.env.PROVIDER_SECRET
const client = (client_id) => ({
  client_id, client_secret: secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
})
const provider = new Provider(url, {
  clients: [client('caller'), client('gateway')],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_, resource) => ({
        scope: 'orders.read', audience: resource, accessTokenFormat: resource.includes('opaque') ? 'opaque' : 'jwt',
        jwt: { sign: { alg: 'RS256' } }, accessTokenTTL: 600,
      }),
    },
  },
})
server.on('request', provider.callback())
console.log(JSON.stringify({ issuer: url }))
process.stdin.resume().on('end', () => process.exit(0))
