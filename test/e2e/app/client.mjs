// Asks TARGET by its DNS name over and over, each time anew; prints a line a second, and each failure.
import { get } from 'node:http'

const { TARGET } = process.env
let requests = 0
let failures = 0

const ask = () =>
  new Promise((resolve) => {
    const startedAt = performance.now()
    let reached = 'looking up the name'
    const failed = (error) =>
      resolve(`${error} after ${Math.round(performance.now() - startedAt)} ms, while ${reached}`)
    const request = get(TARGET, { agent: false, timeout: 20_000 }, (response) => {
      response.resume()
      response.on('error', failed)
      response.on('end', () =>
        response.statusCode === 200 ? resolve(undefined) : failed(response.statusCode),
      )
    })
    request.on('socket', (socket) => {
      socket.on('lookup', (error, address) => {
        if (!error) reached = `connecting to ${address}`
      })
      socket.on('connect', () => {
        reached = 'waiting for the answer'
      })
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', failed)
  })

setInterval(() => console.log(`requests ${requests} failures ${failures}`), 1_000)
process.on('SIGTERM', () => process.exit(0))
for (;;) {
  const failure = await ask()
  requests++
  if (failure) {
    failures++
    console.log(`failed ${new Date().toISOString()} ${failure}`)
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
}
