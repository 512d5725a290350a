/** Reads the Cache-Status response header (RFC 9211). */

export interface CacheVisit {
  /** The cache's name. */
  cache: string;
  hit: boolean;
  /** Fetched before anyone asked for it. */
  prefetched: boolean;
  region: string | null;
}

/** What the cache nearest to the viewer, the list's last member, did; null without the header. */
export function nearestVisit(header: string | null): CacheVisit | null {
  const member = splitOutsideQuotes(header ?? "", ",").at(-1);
  if (!member) return null;
  const [cache = "", ...parameters] = splitOutsideQuotes(member, ";");
  const values = new Map(parameters.map(keyAndValue));
  return {
    cache: unquoted(cache),
    hit: values.has("hit") && values.get("hit") !== "?0",
    prefetched: values.get("detail") === "prefetched",
    region: values.get("region") ?? null,
  };
}

function keyAndValue(parameter: string): [string, string] {
  const [key = "", ...value] = parameter.split("=");
  return [key.trim().toLowerCase(), unquoted(value.join("="))];
}

function unquoted(text: string): string {
  return text.trim().replace(/^"(.*)"$/, "$1");
}

function splitOutsideQuotes(text: string, separator: "," | ";"): string[] {
  const parts = text.match(separator === "," ? /(?:"[^"]*"|[^",])+/g : /(?:"[^"]*"|[^";])+/g) ?? [];
  return parts.map((part) => part.trim()).filter(Boolean);
}
