import { ConfigMap, Namespace, ServiceAccount } from '../../api/index.ts'
import { create, defineController, each, nothingToDo, plan, trigger, update } from '../runtime/index.ts'
import { equal } from '../shared/equal.ts'

/** What every namespace has: the account its pods run as, and the certificate they know the server by. */

const inNamespace =
  (name: string) => (object: { metadata: { name: string; namespace?: string | undefined } }) =>
    object.metadata.name === name ? [object.metadata.namespace!] : []

const DEFAULT_ACCOUNT = 'default'

/** Keeps a ServiceAccount `default` in each namespace. */
export const serviceAccounts = defineController({
  name: 'service-account',
  reads: [Namespace, ServiceAccount],
  writes: [{ kind: ServiceAccount, verbs: ['create'] }],
  on: [each(Namespace, () => false), trigger(ServiceAccount, inNamespace(DEFAULT_ACCOUNT))],
  observe: ({ name: namespace }, view) => {
    if (!isAlive(view.get(Namespace, { name: namespace }))) return undefined
    return { namespace, account: view.get(ServiceAccount, { namespace, name: DEFAULT_ACCOUNT }) }
  },
  plan: ({ namespace, account }) =>
    account
      ? nothingToDo
      : plan([create(ServiceAccount, { metadata: { namespace, name: DEFAULT_ACCOUNT } })]),
})

function isAlive(namespace: Namespace | undefined): boolean {
  return namespace !== undefined && namespace.metadata.deletionTimestamp === undefined
}

const ROOT_CA = 'kube-root-ca.crt'

/** Keeps a ConfigMap `kube-root-ca.crt` with the CA of the API server in each namespace. */
export function rootCaPublisher(rootCa: string) {
  return defineController({
    name: 'root-ca-cert-publisher',
    serviceAccount: 'root-ca-cert-publisher',
    reads: [Namespace, ConfigMap],
    writes: [{ kind: ConfigMap, verbs: ['create', 'update'] }],
    on: [each(Namespace, () => false), trigger(ConfigMap, inNamespace(ROOT_CA))],
    observe: ({ name: namespace }, view) => {
      if (!isAlive(view.get(Namespace, { name: namespace }))) return undefined
      return { namespace, published: view.get(ConfigMap, { namespace, name: ROOT_CA }) }
    },
    plan: ({ namespace, published }) => {
      const data = { 'ca.crt': rootCa }
      if (!published) {
        const annotations = {
          'kubernetes.io/description': 'The CA by which to verify the API server from inside the cluster.',
        }
        return plan([create(ConfigMap, { metadata: { namespace, name: ROOT_CA, annotations }, data })])
      }
      return equal(published.data, data) ? nothingToDo : plan([update(ConfigMap, { ...published, data })])
    },
  })
}
