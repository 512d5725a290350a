// Cases of ours in the suite's form: CDN-Cache-Control (RFC 9213), which the suite does not cover.

const FRESH = [['Expires', 10000], ['Date', 0]]
const STALE = [['Expires', -10000], ['Date', 0]]

// The first response, and whether it may answer the second request.
function targeted (id, name, field, others, expected) {
  return {
    id: `targeted-${id}`,
    name,
    requests: [
      { response_headers: [['CDN-Cache-Control', field], ...others], setup: true },
      { expected_type: expected }
    ]
  }
}

const cached = (id, name, field, ...others) => targeted(id, name, field, others, 'cached')
const notCached = (id, name, field, ...others) => targeted(id, name, field, others, 'not_cached')

export default {
  id: 'targeted',
  name: 'CDN-Cache-Control (RFC 9213)',
  tests: [
    cached('max-age', 'A lifetime', 'max-age=3600'),
    cached('large', 'A lifetime beyond 2^31 seconds', 'max-age=99999999999'),
    cached('parameters', 'Parameters and unknown directives are ignored', 'new, max-age=3600;a=1'),
    cached('over-short', 'It wins over a Cache-Control that forbids', 'max-age=3600', ['Cache-Control', 'max-age=0, private']),
    cached('over-no-store', 'It wins over no-store', 'max-age=3600', ['Cache-Control', 'no-store']),
    cached('over-expires', 'It wins over a past Expires', 'max-age=3600', ...STALE),
    cached('over-invalid-expires', 'It wins over an invalid Expires', 'max-age=3600', ['Expires', '0'], ['Date', 0]),
    cached('invalid', 'An invalid one is as if it were not there', 'max-age=0, &', ['Cache-Control', 'max-age=3600']),
    cached('upper-case', 'Names are in lower case', 'MAX-AGE=0', ['Cache-Control', 'max-age=3600']),
    cached('empty', 'An empty one is as if it were not there', '', ['Cache-Control', 'max-age=3600']),
    notCached('zero', 'No lifetime', 'max-age=0', ['Cache-Control', 'max-age=3600']),
    notCached('zero-over-expires', 'No lifetime wins over Expires', 'max-age=0', ...FRESH),
    notCached('no-store', 'no-store wins over Cache-Control', 'no-store', ['Cache-Control', 'max-age=3600'], ...FRESH),
    notCached('private', 'private wins over Cache-Control', 'private', ['Cache-Control', 'max-age=3600'], ...FRESH),
    notCached('no-cache', 'no-cache wins over Cache-Control', 'no-cache', ['Cache-Control', 'max-age=3600'], ...FRESH),
    notCached('age', 'Age counts', 'max-age=3600', ['Age', '7200'], ['Date', 0]),
    notCached('string', 'A lifetime is an integer', 'max-age="3600"', ['Cache-Control', 'max-age=3600']),
    notCached('invalid-no-store', 'An invalid one permits nothing', 'max-age=3600, &', ['Cache-Control', 'no-store']),
    {
      id: 'targeted-forwarded',
      name: 'It is passed on: other caches are addressed, too',
      requests: [
        {
          response_headers: [['CDN-Cache-Control', 'max-age=3600']],
          expected_response_headers: [['CDN-Cache-Control', 'max-age=3600']]
        },
        {
          expected_type: 'cached',
          expected_response_headers: [['CDN-Cache-Control', 'max-age=3600']]
        }
      ]
    }
  ]
}
