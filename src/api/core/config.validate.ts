import { equalJson } from '../../schema/index.ts'
import { configMapKey } from '../meta/names.validate.ts'
import { utf8Length } from '../meta/object-meta.validate.ts'
import {
  forbidden,
  IMMUTABLE,
  invalid,
  invalidEach,
  type Problems,
  required,
  tooLong,
} from '../meta/report.validate.ts'
import type { ConfigMap, Secret } from './config.ts'

const MAX_BYTES = 1024 * 1024
const FROZEN = 'field is immutable when `immutable` is set'

/** How many bytes a base64 text stands for. */
function decodedLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0
  return Math.floor(base64.length / 4) * 3 - padding
}

export function validateConfigMap(out: Problems, config: ConfigMap): void {
  let bytes = 0
  for (const key in config.data) {
    invalidEach(out, `data[${key}]`, key, configMapKey(key))
    if (config.binaryData && Object.hasOwn(config.binaryData, key)) {
      invalid(out, `data[${key}]`, key, 'duplicate of key present in binaryData')
    }
    bytes += utf8Length(config.data[key]!)
  }
  for (const key in config.binaryData) {
    invalidEach(out, `binaryData[${key}]`, key, configMapKey(key))
    bytes += decodedLength(config.binaryData[key]!)
  }
  // The object as a whole, as Kubernetes writes it.
  if (bytes > MAX_BYTES) tooLong(out, '[]', MAX_BYTES)
}

export function validateConfigMapUpdate(out: Problems, config: ConfigMap, old: ConfigMap): void {
  if (old.immutable !== true) return
  if (config.immutable !== true) forbidden(out, 'immutable', FROZEN)
  if (!equalJson(config.data ?? {}, old.data ?? {})) forbidden(out, 'data', FROZEN)
  if (!equalJson(config.binaryData ?? {}, old.binaryData ?? {})) forbidden(out, 'binaryData', FROZEN)
}

/** What secrets of the known types have to hold. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
}
const ACCOUNT = 'kubernetes.io/service-account.name'

export function validateSecret(out: Problems, secret: Secret): void {
  const data = secret.data ?? {}
  let bytes = 0
  for (const key in data) {
    invalidEach(out, `data[${key}]`, key, configMapKey(key))
    bytes += decodedLength(data[key]!)
  }
  if (bytes > MAX_BYTES) tooLong(out, 'data', MAX_BYTES)
  const { type = '' } = secret
  for (const key of NEEDS[type] ?? []) if (data[key] === undefined) required(out, `data[${key}]`)
  if (type === 'kubernetes.io/dockercfg') validateJson(out, 'data[.dockercfg]', data['.dockercfg'])
  else if (type === 'kubernetes.io/dockerconfigjson') {
    validateJson(out, 'data[.dockerconfigjson]', data['.dockerconfigjson'])
  } else if (
    type === 'kubernetes.io/basic-auth' &&
    data.username === undefined &&
    data.password === undefined
  ) {
    required(out, 'data[username]')
    required(out, 'data[password]')
  } else if (type === 'kubernetes.io/ssh-auth' && data['ssh-privatekey'] === '')
    required(out, 'data[ssh-privatekey]')
  else if (type === 'kubernetes.io/service-account-token' && !secret.metadata.annotations?.[ACCOUNT]) {
    required(out, `metadata.annotations[${ACCOUNT}]`)
  }
}

const utf8 = new TextDecoder()

function validateJson(out: Problems, field: string, base64: string | undefined): void {
  if (base64 === undefined) return
  try {
    const value = JSON.parse(utf8.decode(Uint8Array.fromBase64(base64)))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
    invalid(out, field, '<secret contents redacted>', 'expected a JSON object')
  } catch {
    invalid(out, field, '<secret contents redacted>', 'the contents are not valid JSON')
  }
}

export function validateSecretUpdate(out: Problems, secret: Secret, old: Secret): void {
  if (secret.type !== old.type) invalid(out, 'type', secret.type ?? '', IMMUTABLE)
  if (old.immutable !== true) return
  if (secret.immutable !== true) forbidden(out, 'immutable', FROZEN)
  if (!equalJson(secret.data ?? {}, old.data ?? {})) forbidden(out, 'data', FROZEN)
}
