// Both ends of a conversation that tells who was seen: `node peer.mjs` answers TCP (HTTP) and UDP on PORT with its name
// and the address it was asked from; `node peer.mjs '<asks as JSON>'` asks, and prints the answers.
import { createSocket } from 'node:dgram'
import { lookup, Resolver } from 'node:dns/promises'
import { createServer, get } from 'node:http'

const PATIENCE_MS = 2000

function serve(port) {
  const answer = (from) => JSON.stringify({ by: process.env.POD_NAME, from: from.replace(/^::ffff:/, '') })
  createServer((request, response) => {
    if (request.url === '/big') return response.end(Buffer.alloc(4 << 20, 'x'))
    response.end(answer(request.socket.remoteAddress))
  }).listen(port)
  const udp = createSocket('udp4')
  udp.on('message', (_, from) => udp.send(answer(from.address), from.port, from.address))
  udp.bind(port)
}

const tcp = (target, path = '/') =>
  new Promise((resolve, reject) => {
    const request = get(`http://${target}${path}`, { agent: false, timeout: PATIENCE_MS }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve(path === '/big' ? text.length : JSON.parse(text)))
    })
    request.on('timeout', () => request.destroy(new Error('silence')))
    request.on('error', reject)
  })

const udp = (target) =>
  new Promise((resolve, reject) => {
    const [host, port] = target.split(':')
    const socket = createSocket('udp4')
    const timer = setTimeout(() => socket.close(() => reject(new Error('silence'))), PATIENCE_MS)
    socket.on('error', reject)
    socket.on('message', (text) => {
      clearTimeout(timer)
      socket.close(() => resolve(JSON.parse(String(text))))
    })
    socket.connect(Number(port), host, () => socket.send('?'))
  })

const names = new Resolver({ timeout: PATIENCE_MS, tries: 1 })
const kinds = {
  tcp,
  udp,
  big: (target) => tcp(target, '/big'),
  /** As programs do: by the search domains of resolv.conf. */
  lookup: async (name) => (await lookup(name, { all: true })).map((a) => a.address).sort(),
  /** `SRV _http._tcp.web.default.svc.cluster.local` */
  dns: async (question) => {
    const [type, name] = question.split(' ')
    return (await names.resolve(name, type))
      .map((r) => (typeof r === 'string' ? r : `${r.port} ${r.name}`))
      .sort()
  },
}

async function ask([kind, target]) {
  try {
    return await kinds[kind](target)
  } catch (error) {
    return { error: error.code ?? error.message }
  }
}

const asks = process.argv[2]
if (asks === undefined) serve(Number(process.env.PORT ?? 8080))
else console.log(JSON.stringify(await Promise.all(JSON.parse(asks).map(ask))))
