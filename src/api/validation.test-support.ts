import { decode, type Input, type Kind, type KubeObject, problemText } from '../schema/index.ts'
import { strategyFor } from './strategies.ts'

/** What an author wrote, as it would be stored: decoded, defaulted, prepared. */
export function created<T extends KubeObject>(kind: Kind<T>, object: Input<T>): T {
  const { apiVersion, kind: name } = { apiVersion: 'v1', kind: kind.resource.kind }
  const decoded = decode(kind, { apiVersion, kind: name, ...(object as object) })
  const strategy = strategyFor(kind)
  const ready = strategy.defaults(decoded.value as T)
  const metadata = {
    ...ready.metadata,
    name: ready.metadata.name || 'x',
    ...(kind.resource.namespaced ? { namespace: 'default' } : {}),
  }
  return strategy.prepareForCreate({ ...ready, metadata })
}

/** The texts of everything wrong with a new object. */
export function problemsOf<T extends KubeObject>(kind: Kind<T>, object: Input<T>): readonly string[] {
  return strategyFor(kind).validate(created(kind, object)).map(problemText)
}

/** The texts of everything wrong with changing `before` by `change`. */
export function updateProblems<T extends KubeObject>(
  kind: Kind<T>,
  before: Input<T>,
  change: (object: T) => T,
  subresource = '',
): readonly string[] {
  const strategy = strategyFor(kind)
  const old = created(kind, before)
  const next = strategy.prepareForUpdate(strategy.defaults(change(old)), old, subresource)
  return strategy.validateUpdate(next, old, subresource).map(problemText)
}
