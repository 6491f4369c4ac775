// npm oauth4webapi asks a person in the background by requests that it signs (OpenID Connect CIBA §7.1.1), and is refused
// those that were sent before, are signed by another algorithm or key, or not signed at all.
// Speaks JSON lines: its public keys first, then what it got, and the tokens when it is told to fetch them.
import * as oauth from 'oauth4webapi'
import { exportJWK } from 'jose'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const pairs = {}
for (const alg of ['ES256', 'PS256']) pairs[alg] = await oauth.generateKeyPair(alg, { extractable: true })
const keys = await Promise.all(
  Object.entries(pairs).map(async ([alg, pair]) => ({ ...(await exportJWK(pair.publicKey)), kid: alg, alg, use: 'sig' })))
say({ jwks: { keys } })

const ask = await hear()
const relaxed = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ask.issuer)
const as = await oauth.discoveryRequest(issuer, relaxed).then((answer) => oauth.processDiscoveryResponse(issuer, answer))
const client = { client_id: ask.client }
const key = { key: pairs.ES256.privateKey, kid: 'ES256' }
const authentication = oauth.PrivateKeyJwt(key)

const sign = (by = key, change) =>
  oauth.issueRequestObject(as, client, new URLSearchParams(ask.parameters), by, change && { [oauth.modifyAssertion]: change })
const send = async (parameters) => {
  const answer = await oauth.backchannelAuthenticationRequest(as, client, authentication, new URLSearchParams(parameters), relaxed)
  return oauth.processBackchannelAuthenticationResponse(as, client, answer)
}
const refused = (parameters) =>
  send(parameters).then(() => 'accepted', (error) => ({ status: error.status, error: error.error, text: error.error_description }))

const request = await sign()
const started = await send({ request })
const stranger = await oauth.generateKeyPair('ES256')
say({
  started,
  advertised: as.backchannel_authentication_request_signing_alg_values_supported,
  refused: {
    replayed: await refused({ request }),
    otherAlgorithm: await refused({ request: await sign({ key: pairs.PS256.privateKey, kid: 'PS256' }) }),
    otherKey: await refused({ request: await sign({ key: stranger.privateKey, kid: 'ES256' }) }),
    otherServer: await refused({ request: await sign(key, (_, claims) => { claims.aud = 'https://elsewhere.example' }) }),
    unsigned: await refused(ask.parameters),
    beside: await refused({ request: await sign(), binding_message: 'another' }),
  },
})
await hear()
const answer = await oauth.backchannelAuthenticationGrantRequest(as, client, authentication, started.auth_req_id, relaxed)
const tokens = await oauth.processBackchannelAuthenticationGrantResponse(as, client, answer)
say({ tokens, claims: oauth.getValidatedIdTokenClaims(tokens) })
process.exit(0)
