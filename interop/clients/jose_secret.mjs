// npm jose verifies a token with a shared secret, and refuses it flipped, for another audience, and by the JWKS of its issuer.
// Asked on standard input, answers on standard output.
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { readFileSync } from 'node:fs'

const ask = JSON.parse(readFileSync(0, 'utf8'))
const secret = new TextEncoder().encode(ask.secret)
const options = { issuer: ask.issuer, audience: ask.audience, algorithms: ['HS256'], typ: 'at+jwt' }
const refused = (token, key, changes) =>
  jwtVerify(token, key, { ...options, ...changes }).then(() => 'accepted', (error) => error.code)
const { payload } = await jwtVerify(ask.token, secret, options)
console.log(JSON.stringify({
  claims: payload,
  flipped: await refused(ask.flipped, secret, {}),
  elsewhere: await refused(ask.token, secret, { audience: 'https://elsewhere.example' }),
  published: await refused(ask.token, createRemoteJWKSet(new URL(ask.jwks)), {}),
}))
