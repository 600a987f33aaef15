import { assign, fill, withEntries } from '../copy.strategy.ts'
import { defineStrategy } from '../define.strategy.ts'
import { ConfigMap, Secret } from './config.ts'
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
} from './config.validate.ts'

export const configMapStrategy = defineStrategy(ConfigMap, {
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
})

const utf8 = new TextEncoder()

/** `stringData` is for writing only: its texts go to `data`. */
function defaultSecret(secret: Secret): Secret {
  const s = fill(secret, { type: 'Opaque' })
  if (!s.stringData) return s
  const texts = Object.entries(s.stringData)
  const data = withEntries(
    s.data,
    texts.map(([key, text]) => [key, utf8.encode(text).toBase64()]),
  )
  return assign(s, { data: Object.keys(data).length > 0 ? data : undefined, stringData: undefined })
}

export const secretStrategy = defineStrategy(Secret, {
  defaults: defaultSecret,
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  fields: { type: (secret) => secret.type ?? '' },
})
