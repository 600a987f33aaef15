// Answers HTTP on 8080 with who it is, and echoes on 7000. Ends at once on SIGTERM, unless it is told to drain.
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'

const { POD_NAME, VERSION = '1', ON_TERM = 'exit' } = process.env
const me = JSON.stringify({ pod: POD_NAME, version: VERSION, boot: `${Date.now()}-${process.pid}` })
let draining = false

const http = createHttpServer((_request, response) => {
  // Who keeps a connection learns with an answer that it is the last one.
  if (draining) response.setHeader('connection', 'close')
  response.setHeader('content-type', 'application/json').end(me)
})
http.keepAliveTimeout = 600_000
http.listen(8080)

const echo = createServer((socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})
echo.listen(7000)

process.on('SIGTERM', () => {
  if (ON_TERM === 'exit') process.exit(0)
  draining = true
  setTimeout(() => process.exit(0), 4_000)
})
