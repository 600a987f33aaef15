/** The worker thread's entry: owns the database, answers one request after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { StoreDatabase } from './database.ts'
import { failureOf, leavesDoubt } from './failures.ts'
import { type Opened, type Reply, type Request, unpackCommits } from './messages.ts'

const port = parentPort!
const { path } = workerData as { path: string }
let database: StoreDatabase | undefined
/** The newest revision that an answer may have shown: a file that is opened again must have it. */
let shown = 1

function perform(request: Request): unknown {
  if (request.op === 'close') return database?.close()
  database ??= new StoreDatabase(path, shown)
  switch (request.op) {
    case 'write':
      return database.write(unpackCommits(request.commits), request.previous)
    case 'page':
      return database.page(request.request)
    case 'log':
      return database.log(request.request)
    case 'due':
      return database.due(request.now, request.limit)
    case 'compact':
      return database.compact(request.revision)
    case 'sizeBytes':
      return database.sizeBytes()
    default:
      return request satisfies never
  }
}

const DOING: Record<Request['op'], string> = {
  write: 'write to',
  page: 'read',
  log: 'read',
  due: 'read',
  compact: 'compact',
  sizeBytes: 'measure',
  close: 'close',
}

/** Lets go of a database in doubt; the next request opens the file again and finds what is really on disk. */
function letGo(): void {
  try {
    database?.close()
  } catch {}
  database = undefined
}

port.on('message', (request: Request) => {
  let reply: Reply
  try {
    reply = { result: perform(request) }
    shown = Math.max(shown, database?.revision ?? 1)
  } catch (error) {
    if (leavesDoubt(error)) letGo()
    reply = { failure: failureOf(error, `${DOING[request.op]} the store ${JSON.stringify(path)}`) }
  }
  port.postMessage(reply)
  if (request.op === 'close') port.close()
})

function open(): Opened {
  try {
    database = new StoreDatabase(path)
    shown = database.revision
    return { state: database.state }
  } catch (error) {
    return { failure: failureOf(error, `open the store ${JSON.stringify(path)}`) }
  }
}

const opened = open()
port.postMessage(opened)
if ('failure' in opened) port.close()
