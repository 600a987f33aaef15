import type { Node, NodeSelector, NodeSelectorTerm, Pod } from '../../api/index.ts'
import {
  type Labels,
  matchesLabels,
  type Operator,
  type Requirement,
  type Selector,
} from '../../schema/index.ts'

type Expression = NonNullable<NodeSelectorTerm['matchExpressions']>[number]
type NodeTest = (node: Node) => boolean

const OPERATORS: Readonly<Record<string, Operator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
}

function selectorOf(expressions: readonly Expression[] | undefined): Selector {
  const requirements: Requirement[] = []
  for (const { key, operator, values } of expressions ?? []) {
    const known = OPERATORS[operator]
    // Validation refuses these; should one come by, nothing matches.
    if (
      known === undefined ||
      ((known === 'gt' || known === 'lt') && !/^-?[0-9]{1,19}$/.test(values?.[0] ?? ''))
    ) {
      return { requirements: [], nothing: true }
    }
    requirements.push({ key, operator: known, values: values ?? [] })
  }
  return { requirements, nothing: false }
}

/** A term without expressions matches no node. */
export function termTest(term: NodeSelectorTerm): NodeTest {
  if (!term.matchExpressions?.length && !term.matchFields?.length) return () => false
  const labels = selectorOf(term.matchExpressions)
  const fields = selectorOf(term.matchFields)
  return (node) =>
    matchesLabels(labels, node.metadata.labels) &&
    (fields.requirements.length === 0 ? !fields.nothing : matchesLabels(fields, fieldsOf(node)))
}

const fieldsOf = (node: Node): Labels => ({ 'metadata.name': node.metadata.name })

/** One of the terms must match. */
export function selectorTest(selector: NodeSelector): NodeTest {
  const tests = selector.nodeSelectorTerms.map(termTest)
  return (node) => tests.some((test) => test(node))
}

/** What a pod requires of its node by spec.nodeSelector and spec.affinity.nodeAffinity; undefined: nothing. */
export function requiredNodes(spec: Pod['spec']): NodeTest | undefined {
  const wanted = Object.entries(spec.nodeSelector ?? {})
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (wanted.length === 0 && !required) return undefined
  const affinity = required && selectorTest(required)
  return (node) => {
    const labels = node.metadata.labels ?? {}
    for (const [key, value] of wanted) if (!Object.hasOwn(labels, key) || labels[key] !== value) return false
    return affinity === undefined || affinity(node)
  }
}

/** The nodes that a pod names, as pods of a DaemonSet do: those that every way to satisfy it names. Undefined: any. */
export function namedNodes(spec: Pod['spec']): readonly string[] | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  if (!terms || terms.length === 0) return undefined
  const names = new Set<string>()
  for (const term of terms) {
    const fields = term.matchFields?.filter((f) => f.key === 'metadata.name' && f.operator === 'In') ?? []
    if (fields.length === 0) return undefined
    let of = new Set(fields[0]!.values ?? [])
    for (const field of fields.slice(1)) of = of.intersection(new Set(field.values ?? []))
    for (const name of of) names.add(name)
  }
  return [...names]
}
