// Runs the suite, and our cases, against the cache at argv[2], all at once.
// Prints JSON: {results: {id: …}, peers: {name: …}}, see score.mjs.

import fetch from 'node-fetch'
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs'
import { judge, peers, suites } from './score.mjs'

await runTests(suites, fetch, false, process.argv[2], Infinity)
console.log(JSON.stringify({ results: judge(getResults()), peers: peers() }))
