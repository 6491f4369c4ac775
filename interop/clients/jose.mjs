// npm jose verifies a token from a JWKS URL, and refuses a flipped one. Asked on standard input, answers on standard output.
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { readFileSync } from 'node:fs'

const ask = JSON.parse(readFileSync(0, 'utf8'))
const keys = createRemoteJWKSet(new URL(ask.jwks))
const options = { issuer: ask.issuer, audience: ask.issuer, algorithms: [ask.algorithm], typ: 'at+jwt' }
const { payload } = await jwtVerify(ask.token, keys, options)
const flipped = await jwtVerify(ask.flipped, keys, options).then(() => 'accepted', (error) => error.code)
console.log(JSON.stringify({ claims: payload, flipped }))
