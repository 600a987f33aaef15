import type * as Http from 'node:http'

/**
 * `node:http`, for everybody. An ES import of it reads all its exports, and with them loads Node's own fetch and
 * WebSocket clients, which nothing here uses: 16 MB and 50 ms in every process. Asking for the module does not.
 */
export const http: typeof Http = process.getBuiltinModule('node:http')
