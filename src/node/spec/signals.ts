import { constants } from 'node:os'

/** Of Linux: the first and the last of the signals that have no names of their own. */
const RTMIN = 34
const RTMAX = 64

/** The number of a signal as `lifecycle.stopSignal` names it: `SIGUSR1`, `SIGRTMIN+3`, `SIGRTMAX-2`. */
export function signalNumber(name: string): number {
  const known = (constants.signals as Readonly<Record<string, number | undefined>>)[name]
  if (known !== undefined) return known
  const [, base, offset = '0'] = /^SIG(RTMIN|RTMAX)((?:[+-]\d+)?)$/.exec(name) ?? []
  const number = base === undefined ? 0 : (base === 'RTMIN' ? RTMIN : RTMAX) + Number(offset || 0)
  if (number < RTMIN || number > RTMAX)
    throw new Error(`cannot send signal "${name}": expected a name such as SIGTERM or SIGRTMIN+1`)
  return number
}
