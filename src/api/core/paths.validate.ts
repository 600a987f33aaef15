import { invalid, type Problems } from '../meta/report.validate.ts'

export function validateNoBacksteps(out: Problems, field: string, path: string): void {
  if (path.includes('..') && path.split('/').includes('..'))
    invalid(out, field, path, "must not contain '..'")
}

/** A path below some directory, never out of it. */
export function validateDescendingPath(out: Problems, field: string, path: string): void {
  if (path.startsWith('/')) invalid(out, field, path, 'must be a relative path')
  validateNoBacksteps(out, field, path)
}

/** The same without the names that atomic updates of a volume use for themselves. */
export function validateUnreservedPath(out: Problems, field: string, path: string): void {
  validateDescendingPath(out, field, path)
  if (path.startsWith('..') && !path.startsWith('../')) invalid(out, field, path, "must not start with '..'")
}

export function validateFileMode(out: Problems, field: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    invalid(out, field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')
  }
}
