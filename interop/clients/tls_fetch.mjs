// fetch that trusts an authority of our own and shows a certificate of the client's, where it has one.
import https from 'node:https'
import { readFileSync } from 'node:fs'

export const tlsFetch = (authority, identity) => (url, options = {}) => {
  if (!String(url).startsWith('https:')) return fetch(url, options)
  const tls = identity ? { cert: readFileSync(identity.cert), key: readFileSync(identity.key) } : {}
  const headers = options.headers instanceof Headers ? Object.fromEntries(options.headers) : (options.headers ?? {})
  const ca = readFileSync(authority)
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method: options.method ?? 'GET', headers, ca, ...tls, agent: false }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => {
        const got = new Headers()
        for (const [name, value] of Object.entries(answer.headers)) [value].flat().forEach((one) => got.append(name, one))
        resolve(new Response([204, 304].includes(answer.statusCode) ? null : Buffer.concat(parts), { status: answer.statusCode, headers: got }))
      })
    })
    request.on('error', reject)
    if (options.body) request.write(String(options.body))
    request.end()
  })
}
