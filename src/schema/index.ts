export type { Decoded, DecodeProblem, UnknownFields } from './decode.ts'
export { decode, decodeErrorText } from './decode.ts'
export { applyDefaults } from './defaults.ts'
export type { FieldRequirement } from './field-selector.ts'
export { matchesFields, parseFieldSelector } from './field-selector.ts'
export { deepFreeze } from './frozen.ts'
export type { Input, Kind, KubeObject, ObjectMetaLike, Resource, Subresource, Verb } from './kind.ts'
export { apiVersionOf } from './kind.ts'
export type { JsonObject as OpenApiObject, OpenApiVersion } from './openapi.ts'
export { groupVersionPath, publicName, refTo, schemasOf } from './openapi.ts'
export type { Bodies } from './openapi-paths.ts'
export { pathsOf } from './openapi-paths.ts'
export { encodeOpenApiV2 } from './openapi-protobuf.ts'
export type { ParsedJson } from './parse-json.ts'
export { JsonError, MAX_JSON_DEPTH, parseJson } from './parse-json.ts'
export {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicPatch,
  equalJson,
  FREE,
  type Json,
  type JsonObject,
  type MergeNode,
  mergeNode,
  PatchError,
  strategicPatchFor,
} from './patch/index.ts'
export type { Problem } from './problem.ts'
export { problemBody, problemText } from './problem.ts'
export type { Envelope } from './protobuf.ts'
export {
  decodeMessage,
  decodeProtobuf,
  encodeMessage,
  encodeProtobuf,
  openEnvelope,
  watchFrame,
} from './protobuf.ts'
export type { Quantity } from './quantity.ts'
export {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliValue,
  parseQuantity,
  QuantityError,
  wholeValue,
} from './quantity.ts'
export type {
  LabelSelectorLike,
  Labels,
  Operator,
  Requirement,
  Selector,
} from './selector.ts'
export {
  EVERYTHING,
  formatSelector,
  matchesLabels,
  NOTHING,
  parseLabelSelector,
  SelectorError,
  selectorOf,
  selectorOfLabels,
} from './selector.ts'
export type { Instant } from './time.ts'
export {
  formatDuration,
  formatMicroTime,
  formatTime,
  normalMicroTime,
  normalTime,
  parseDuration,
  parseTime,
} from './time.ts'
export type {
  AnyType,
  EnumType,
  Field,
  FieldOptions,
  Form,
  KindOptions,
  ListOptions,
  ListType,
  MapType,
  Maybe,
  Present,
  ScalarName,
  ScalarType,
  SchemaOrType,
  Shape,
  StructOptions,
  StructType,
  Type,
  TypeOf,
} from './type.ts'
export {
  ALL_VERBS,
  always,
  anyOf,
  body,
  bool,
  bytes,
  duration,
  fieldsV1,
  float64,
  given,
  inline,
  int32,
  int64,
  intOrString,
  json,
  kind,
  listOf,
  mapOf,
  microTime,
  oneOf,
  opt,
  ptr,
  quantity,
  rawObject,
  req,
  schemaOrBool,
  schemaOrList,
  schemaOrStrings,
  str,
  struct,
  time,
  typeMeta,
} from './type.ts'
export { WireError } from './wire.ts'
export { kubernetesYaml } from './yaml.ts'
