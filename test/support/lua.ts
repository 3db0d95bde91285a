import wasmoon from 'wasmoon-lua5.1';

/** What `os.date` and `os.time` tell, so that what a script writes is the same each time. */
export const LUA_NOW = new Date('2026-01-15T10:00:00Z');

/**
 * Runs a script as Argo CD does: Lua 5.1, the object in the global `obj`, and no libraries but the base, `table`, and
 * what `require("os")` gives: `date` and `time` (argo-cd util/lua/lua.go and oslib_safe.go).
 *
 * @returns what the script returns, as JSON; an empty table comes back as `{}`
 * @throws Error of Lua, with the line
 */
export async function runLua(script: string, object: unknown): Promise<unknown> {
  const lua = await wasmoon.Lua.create({ openStandardLibs: false });
  try {
    for (const library of ['Base', 'Table', 'OS'] as const) {
      lua.global.loadLibrary(wasmoon.LuaLibraries[library]);
    }
    lua.doStringSync(prelude(object));
    return fromLua(lua.doStringSync(script));
  } finally {
    lua.global.close();
  }
}

function prelude(object: unknown): string {
  const seconds = LUA_NOW.getTime() / 1000;
  return `
    local date = os.date
    local safe = { date = function(format) return date(format, ${seconds}) end, time = function() return ${seconds} end }
    os = nil
    function require(name)
      if name ~= "os" then error("module " .. name .. " is not there") end
      return safe
    end
    obj = ${literal(object)}`;
}

/** A value as Lua source: tables made by Lua itself, which a JavaScript object given to this library is not. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return `{${value.map(literal).join(', ')}}`;
  if (typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, item]) => `[${quoted(key)}] = ${literal(item)}`)
      .join(', ')}}`;
  }
  return typeof value === 'string' ? quoted(value) : JSON.stringify(value);
}

/** Every byte as a number: Lua 5.1 knows no escapes for anything else. */
function quoted(text: string): string {
  return `"${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
}

function fromLua(value: unknown): unknown {
  if (isTable(value)) return fromLua(value.$detach());
  if (!(value instanceof Map)) return value ?? undefined;
  const keys = [...value.keys()];
  const isList = keys.length > 0 && keys.every((key, index) => key === index + 1);
  if (isList) return [...value.values()].map(fromLua);
  return Object.fromEntries(keys.map((key) => [String(key), fromLua(value.get(key))]));
}

/** What the library hands out for a table: a window on it. */
function isTable(value: unknown): value is { readonly $detach: () => Map<unknown, unknown> } {
  return typeof value === 'object' && value !== null && '$detach' in value;
}
