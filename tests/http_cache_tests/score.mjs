// The suite's rules of what a result is worth (its lib/display.mjs needs a browser), applied to the
// results of a run and to those of other caches that it publishes.

import fs from 'node:fs'
import published from 'http-cache-tests/results/index.mjs'
import tests from 'http-cache-tests/tests/index.mjs'
import targeted from './targeted.mjs'

export const suites = [...tests, targeted]

const cases = new Map(
  suites.flatMap(suite => suite.tests.map(test => [test.id, { ...test, suite: suite.id }]))
)

// These tests and all that they depend on.
export function withDependencies (ids) {
  const all = new Set(ids)
  for (const id of all) cases.get(id).depends_on?.forEach(other => all.add(other))
  return all
}

// The outcome of every test that is meant for shared caches: {id: {suite, kind, outcome, detail}}.
export function judge (results) {
  const judged = {}
  for (const [id, test] of cases) {
    if (test.browser_only) continue
    const result = results[id]
    judged[id] = {
      suite: test.suite,
      kind: test.kind ?? 'required',
      outcome: outcome(id, results),
      detail: Array.isArray(result) ? result.join(': ') : ''
    }
  }
  return judged
}

// How many tests of each kind other caches pass: {name: {required, optimal}}.
export function peers () {
  const scores = {}
  for (const { file, name, type } of published) {
    if (type === 'browser') continue
    const url = import.meta.resolve(`http-cache-tests/results/${file}`)
    const judged = Object.values(judge(JSON.parse(fs.readFileSync(new URL(url)))))
    const count = kind => judged.filter(one => one.kind === kind && one.outcome === 'pass').length
    scores[name] = { required: count('required'), optimal: count('optimal') }
  }
  return scores
}

function outcome (id, results) {
  const result = results[id]
  if (result === undefined) return 'untested'
  const depends = cases.get(id).depends_on ?? []
  if (depends.some(other => outcome(other, results) !== 'pass')) return 'dependency'
  if (result === true) return 'pass'
  return result[0] === 'Setup' ? 'setup' : 'fail'
}
