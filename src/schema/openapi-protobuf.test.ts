import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atOnce } from '../base/index.ts'
import { encodeOpenApiV2 } from './openapi-protobuf.ts'
import { BYTES, Reader, VARINT } from './wire.ts'

const encoded = (document: object) => atOnce(encodeOpenApiV2(document))

/** A message as [number, text, number or nested message] without knowing its layout: texts are shown where they are words. */
function show(reader: Reader): unknown[] {
  const out: unknown[] = []
  while (!reader.done) {
    const tag = reader.tag()
    const number = Math.floor(tag / 8)
    if ((tag & 7) === VARINT) out.push([number, reader.varint()])
    else {
      assert.equal(tag & 7, BYTES)
      const bytes = reader.bytes()
      const words = /^[\x20-\x7e\n]*$/.test(bytes.toString('latin1'))
      out.push([number, words ? bytes.toString() : show(new Reader(bytes))])
    }
  }
  return out
}

test('a document becomes the message that clients expect', () => {
  const bytes = encoded({
    swagger: '2.0',
    info: { title: 'T', version: 'V' },
    paths: {
      '/a/{name}': {
        get: {
          operationId: 'readA',
          tags: ['a'],
          parameters: [
            { name: 'limit', in: 'query', type: 'integer', uniqueItems: true },
            { name: 'body', in: 'body', required: false, schema: { $ref: '#/definitions/A' } },
          ],
          responses: { '200': { description: 'OK', schema: { $ref: '#/definitions/A' } } },
          'x-kubernetes-action': 'get',
        },
        parameters: [{ name: 'name', in: 'path', required: true, type: 'string' }],
      },
    },
    definitions: {
      A: {
        type: 'object',
        required: ['b'],
        properties: { b: { type: 'array', items: { type: 'string', enum: ['x'] } } },
        additionalProperties: { type: 'string' },
      },
    },
  })
  const type = (name: string) => [22, [[1, name]]]
  assert.deepEqual(show(new Reader(bytes)), [
    [1, '2.0'],
    [
      2,
      [
        [1, 'T'],
        [2, 'V'],
      ],
    ],
    [
      8,
      [
        [
          2,
          [
            [1, '/a/{name}'],
            [
              2,
              [
                [
                  2,
                  [
                    [1, 'a'],
                    [5, 'readA'],
                    [
                      8,
                      [
                        [
                          1,
                          [
                            [
                              2,
                              [
                                [
                                  3,
                                  [
                                    [2, 'query'],
                                    [4, 'limit'],
                                    [6, 'integer'],
                                    [20, 1],
                                  ],
                                ],
                              ],
                            ],
                          ],
                        ],
                      ],
                    ],
                    [
                      8,
                      [
                        [
                          1,
                          [
                            [
                              1,
                              [
                                [2, 'body'],
                                [3, 'body'],
                                [4, 0],
                                [5, [[1, '#/definitions/A']]],
                              ],
                            ],
                          ],
                        ],
                      ],
                    ],
                    [
                      9,
                      [
                        [
                          1,
                          [
                            [1, '200'],
                            [
                              2,
                              [
                                [
                                  1,
                                  [
                                    [1, 'OK'],
                                    [2, [[1, [[1, '#/definitions/A']]]]],
                                  ],
                                ],
                              ],
                            ],
                          ],
                        ],
                      ],
                    ],
                    [
                      13,
                      [
                        [1, 'x-kubernetes-action'],
                        [2, [[2, '"get"\n']]],
                      ],
                    ],
                  ],
                ],
                [
                  9,
                  [
                    [
                      1,
                      [
                        [
                          2,
                          [
                            [
                              4,
                              [
                                [1, 1],
                                [2, 'path'],
                                [4, 'name'],
                                [5, 'string'],
                              ],
                            ],
                          ],
                        ],
                      ],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ],
      ],
    ],
    [
      9,
      [
        [
          1,
          [
            [1, 'A'],
            [
              2,
              [
                [19, 'b'],
                [21, [[1, [type('string')]]]],
                type('object'),
                [
                  25,
                  [
                    [
                      1,
                      [
                        [1, 'b'],
                        [2, [type('array'), [23, [[1, [[20, [[2, '"x"\n']]], type('string')]]]]]],
                      ],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ],
      ],
    ],
  ])
})

test('a member that the encoder does not know is an error, not a loss', () => {
  assert.throws(
    () => encoded({ swagger: '2.0', host: 'x' }),
    /cannot encode OpenAPI Document: it has no member host/,
  )
})
