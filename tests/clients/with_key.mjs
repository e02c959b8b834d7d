// Preloaded into the conformance suite, which knows nothing of keys: each of its requests carries the one of MCP_KEY.
import { getGlobalDispatcher, setGlobalDispatcher } from "undici";

const key = ["authorization", `Bearer ${process.env.MCP_KEY}`];

function withKey(headers) {
  if (headers == null) return [...key];
  if (Array.isArray(headers)) return [...headers, ...key];
  const pairs = typeof headers[Symbol.iterator] === "function" ? [...headers] : Object.entries(headers);
  return [...pairs.flat(), ...key];
}

setGlobalDispatcher(
  getGlobalDispatcher().compose((dispatch) => (options, handler) =>
    dispatch({ ...options, headers: withKey(options.headers) }, handler)),
);
