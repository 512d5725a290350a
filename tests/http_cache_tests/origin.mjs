// The suite's origin server, on a free port of 127.0.0.1 that is its first line of output.
// It ends with its standard input.

import http from 'node:http'
import handleConfig from 'http-cache-tests/server/handle-config.mjs'
import handleState from 'http-cache-tests/server/handle-state.mjs'
import handleTest from 'http-cache-tests/server/handle-test.mjs'

const handlers = { config: handleConfig, state: handleState, test: handleTest }

const server = http.createServer((request, response) => {
  const [, name, ...path] = new URL(request.url, 'http://127.0.0.1').pathname.split('/')
  const handle = handlers[name]
  if (handle) handle(path, request, response)
  else response.writeHead(404).end()
})
// A connection that the edge keeps must not be closed under its next request.
server.keepAliveTimeout = 600_000
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit()).resume()
