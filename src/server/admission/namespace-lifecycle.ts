import { ApiError, Namespace, notFound } from '../../api/index.ts'
import { type AdmissionPlugin, isAbout, type Lookup, refuse } from './plugin.ts'

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public'])

/** Objects live in namespaces that exist and are not ending; the system's namespaces cannot be deleted. */
export function namespaceLifecycle(objects: Lookup): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    admit(request) {
      const { operation, object } = request
      if (request.kind.resource.group === '' && request.kind.resource.plural === 'namespaces') {
        if (operation === 'DELETE' && isAbout(request, Namespace) && IMMORTAL.has(request.name)) {
          throw refuse(request, 'this namespace may not be deleted')
        }
        return object
      }
      if (!request.namespace || (operation !== 'CREATE' && operation !== 'UPDATE')) return object
      if (request.kind.resource.group === 'authorization.k8s.io') return object
      const namespace = objects.get(Namespace, undefined, request.namespace)
      if (!namespace) throw notFound(Namespace.resource, request.namespace)
      if (operation !== 'CREATE') return object
      if (namespace.metadata.deletionTimestamp === undefined && namespace.status?.phase !== 'Terminating')
        return object
      const error = refuse(
        request,
        `unable to create new content in namespace ${request.namespace} because it is being terminated`,
      )
      throw new ApiError('Forbidden', error.message, {
        ...error.details,
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${request.namespace} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      })
    },
  }
}
