/**
 * Runs one command on a key if no later holder has been there. Fencing tokens are safe integers, and so are exact
 * as the doubles that Lua computes with; they are stored as they were sent, because `tostring` would round them.
 *
 * KEYS: the key, its mark. ARGV: the token; then, if anything is to be done, the command and what follows the key.
 * Replies: `accepted`; `stale` and the largest token seen; `unreadable` and what the mark is.
 */
export const GUARD: string = `
local seen, newest = redis.pcall('GET', KEYS[2]), 0
if type(seen) == 'table' then
  if not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
  return {'unreadable', 'a ' .. redis.call('TYPE', KEYS[2]).ok}
end
if seen then
  newest = string.find(seen, '^[1-9]%d*$') and tonumber(seen)
  if not newest or newest > ${Number.MAX_SAFE_INTEGER} then
    return {'unreadable', '"' .. string.sub(seen, 1, 64) .. '"'}
  end
end
if tonumber(ARGV[1]) < newest then return {'stale', seen} end
-- The mark first: should the command fail, too much is remembered rather than too little.
redis.call('SET', KEYS[2], ARGV[1])
if ARGV[2] then redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3)) end
return {'accepted'}
`;
