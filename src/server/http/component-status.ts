import { ComponentStatus, notFound } from '../../api/index.ts'
import type { Clock } from '../../base/index.ts'
import { type Item, itemOf } from '../registry/item.ts'
import { type HealthCheck, runCheck } from './health.ts'

/** These say something of a request, not of a part of the server. */
const NO_PARTS: ReadonlySet<string> = new Set(['ping', 'shutdown'])

/** The server's checks as the objects that `kubectl get componentstatuses` shows: nothing of them is stored. */
export function componentStatuses(checks: readonly HealthCheck[], clock: Clock): Promise<Item[]> {
  const parts = checks.filter((check) => !NO_PARTS.has(check.name))
  return Promise.all(parts.map(async (check) => statusItem(await runCheck(check, clock))))
}

export async function componentStatus(
  checks: readonly HealthCheck[],
  clock: Clock,
  name: string,
): Promise<Item> {
  const found = (await componentStatuses(checks, clock)).find((item) => item.key === name)
  if (!found) throw notFound(ComponentStatus.resource, name)
  return found
}

function statusItem({ name, error }: { readonly name: string; readonly error: string | undefined }): Item {
  const condition =
    error === undefined
      ? { type: 'Healthy', status: 'True', message: 'ok' }
      : { type: 'Healthy', status: 'False', error }
  const object = {
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name } as ComponentStatus['metadata'],
    conditions: [condition],
  }
  return itemOf(name, object, Buffer.from(JSON.stringify(object)), 0)
}
