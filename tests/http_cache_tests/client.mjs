// Runs the suite, and our cases, against the cache at argv[2], all at once; with ids behind it only
// those tests and what they depend on.
// Prints JSON: {results: {id: …}, peers: {name: …}}, see score.mjs.

import fetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import { judge, peers, suites, withDependencies } from './score.mjs'

const [url, ...ids] = process.argv.slice(2)
const wanted = withDependencies(ids)
const chosen = suites.map(({ tests }) => ({
  tests: ids.length ? tests.filter(test => wanted.has(test.id)) : tests
}))
await runTests(chosen, fetch, false, url, Infinity)
console.log(JSON.stringify({ results: judge(getResults()), peers: peers() }))
