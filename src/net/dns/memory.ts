import { readFileSync, statSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EndpointSlice, Service } from '../../api/index.ts'
import { type Clock, type Log, sleep } from '../../base/index.ts'
import { Cache, type Informers, type Lister } from '../../client/index.ts'
import { BY_ADDRESS, BY_SERVICE, endpointAddresses, serviceAddresses, serviceOf } from '../indexes.ts'

/** The Services and endpoints that names are answered from. */
export interface Known {
  readonly services: Lister<Service>
  readonly slices: Lister<EndpointSlice>
}

const MAX_BYTES = 64 * 1024 * 1024
const PAUSE_MS = 2_000
/** So many objects are written between two turns of the event loop. */
const SLICE = 200
const VERSION = '1'

/**
 * What the node knew when its DNS last ran, an object a line after a line with the format's version; undefined when there
 * is nothing that can be used. For the time until the API has answered, which may be away.
 */
export function recall(file: string, log: Log): Known | undefined {
  try {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY) > MAX_BYTES)
      return undefined
    const [version, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
    if (version !== VERSION) return undefined
    const services = new Cache<Service>()
    services.addIndex(BY_ADDRESS, serviceAddresses)
    const slices = new Cache<EndpointSlice>()
    slices.addIndex(BY_SERVICE, serviceOf)
    slices.addIndex(BY_ADDRESS, endpointAddresses)
    for (const line of lines) {
      const object = JSON.parse(line) as Service | EndpointSlice
      if ('addressType' in object) slices.put(object)
      else services.put(object as Service)
    }
    return { services, slices }
  } catch (error) {
    log.warn({ file, error: String(error) }, 'cannot use what was known of names before')
    return undefined
  }
}

/** Keeps the file up to date with the informers, some seconds behind them. */
export function remember(
  file: string,
  informers: Informers,
  options: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): void {
  const { clock, log, signal } = options
  const [services, slices] = [informers.for(Service), informers.for(EndpointSlice)]
  let changed = Promise.withResolvers<void>()
  for (const informer of [services, slices]) informer.on(() => changed.resolve())
  const keep = async () => {
    await Promise.all([services, slices].map((i) => i.whenSynced(signal)))
    while (!signal.aborted) {
      changed = Promise.withResolvers()
      await write(file, services.cache, slices.cache).catch((error) =>
        log.warn({ file, error: String(error) }, 'cannot keep what is known of names'),
      )
      await changed.promise
      await sleep(clock, PAUSE_MS, signal)
    }
  }
  keep().catch((error) => {
    if (!signal.aborted) log.error({ error: String(error) }, 'names are no longer kept')
  })
}

async function write(file: string, services: Lister<Service>, slices: Lister<EndpointSlice>): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.tmp`
  const output = await open(temporary, 'w', 0o600)
  try {
    await output.write(`${VERSION}\n`)
    let lines: string[] = []
    const flush = async () => {
      if (lines.length > 0) await output.write(`${lines.join('\n')}\n`)
      lines = []
    }
    for (const object of [...services.list(), ...slices.list()]) {
      lines.push(JSON.stringify(essence(object)))
      if (lines.length >= SLICE) await flush()
    }
    await flush()
  } finally {
    await output.close()
  }
  // A restart of the machine may lose it: then it is written anew.
  await rename(temporary, file)
}

/** Only what names are made of. */
function essence(object: Service | EndpointSlice): object {
  const { namespace, name, labels } = object.metadata
  if (!('addressType' in object)) return { metadata: { namespace, name }, spec: (object as Service).spec }
  const { addressType, endpoints, ports } = object
  return { metadata: { namespace, name, labels }, addressType, endpoints: endpoints ?? [], ports }
}
