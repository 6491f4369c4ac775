// An external issuer made with npm oauth2-mock-server. JSON lines in and out: {"token": claims, "header": more} → a token
// of the newest key; {"rotate": "ES256"} → a new key beside the old; {"forget": true} → only the newest is published;
// {"fetches": true} → how often the keys were fetched.
import { OAuth2Issuer, OAuth2Service } from 'oauth2-mock-server'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

const say = (value) => console.log(JSON.stringify(value))
const issuer = new OAuth2Issuer()
const service = new OAuth2Service(issuer)
let fetches = 0
const server = createServer((request, response) => {
  if (request.url.endsWith('/jwks')) fetches += 1
  service.requestHandler(request, response)
})
await new Promise((done) => server.listen(0, '127.0.0.1', done))
issuer.url = `http://127.0.0.1:${server.address().port}`
let key = await issuer.keys.generate('RS256')
let forgotten = false
const all = issuer.keys.toJSON.bind(issuer.keys)
issuer.keys.toJSON = (secret) => all(secret).filter((one) => !forgotten || one.kid === key.kid)
say({ issuer: issuer.url })

for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line)
  if (ask.token) {
    const scopesOrTransform = (header, payload) => {
      Object.assign(header, ask.header)
      Object.assign(payload, ask.token)
    }
    say({ token: await issuer.buildToken({ kid: key.kid, scopesOrTransform }) })
  } else if (ask.rotate) {
    key = await issuer.keys.generate(ask.rotate)
    say({ kid: key.kid })
  } else if (ask.forget) {
    forgotten = true
    say({ forgotten })
  } else {
    say({ fetches })
  }
}
