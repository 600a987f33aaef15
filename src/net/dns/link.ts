import type { Command } from '../command.ts'

/** Names of links have at most 15 letters. */
const LINK_NAME = /^[a-zA-Z][\w-]{0,14}$/

/**
 * Gives this network namespace an address that only it has, on a link of its own: a dummy, or, where the kernel has none,
 * a bridge without ports. Changes nothing where all is in place.
 */
export async function ensureOwnAddress(run: Command, link: string, address: string): Promise<void> {
  if (!LINK_NAME.test(link))
    throw new Error(`cannot make link "${link}": expected 1 to 15 letters and digits`)
  if (!(await hasLink(run, link))) {
    await run('ip', ['link', 'add', link, 'type', 'dummy']).catch(async (cause) => {
      await run('ip', ['link', 'add', link, 'type', 'bridge']).catch((error) => {
        throw new Error(`cannot make link "${link}" for address ${address}`, { cause: error ?? cause })
      })
    })
  }
  await run('ip', ['address', 'replace', `${address}/32`, 'dev', link])
  await run('ip', ['link', 'set', link, 'up'])
}

/** Removes the link, with its address; nothing when there is none. */
export async function removeOwnAddress(run: Command, link: string): Promise<void> {
  if (await hasLink(run, link)) await run('ip', ['link', 'delete', link])
}

async function hasLink(run: Command, link: string): Promise<boolean> {
  return run('ip', ['link', 'show', 'dev', link]).then(
    () => true,
    () => false,
  )
}
