import { badRequest } from '../../api/index.ts'

/** Where the next page of a list starts, and the revision all its pages show. */
export interface ListPosition {
  /** `PRESENT`: whatever is there when the page is asked for. */
  readonly revision: number
  /** The last key of the page before. */
  readonly after: string
}

/** Goes on after what was forgotten: what changed meanwhile may be told twice or not at all. */
export const PRESENT = -1
const MAX_LENGTH = 4096

/** Opaque to clients; theirs to hand back unchanged. */
export function encodeContinue(position: ListPosition): string {
  return Buffer.from(JSON.stringify({ v: 1, rv: position.revision, after: position.after })).toString(
    'base64url',
  )
}

export function decodeContinue(token: string): ListPosition {
  if (token.length <= MAX_LENGTH) {
    try {
      const { v, rv, after } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
      if (v === 1 && Number.isSafeInteger(rv) && (rv > 0 || rv === PRESENT) && typeof after === 'string')
        return { revision: rv, after }
    } catch {
      // Falls through: whatever it is, it is no token of ours.
    }
  }
  throw badRequest('continue key is not valid: it must be the unchanged metadata.continue of a previous list')
}
