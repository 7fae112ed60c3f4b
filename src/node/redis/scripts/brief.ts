import { LINE_SUFFIX } from '../../line.ts';

/**
 * Brief commands: only grants or only releases, each on one key. A connection sends them once it knows two things: its user has all permissions, and
 * the clock of its client is near the server's. They run as few commands as possible, and do not even make the functions of the rest. The rest answers
 * what turns out to be unusual, in its place. A reply of n stands for n times 1.
 */
export const BRIEF: string = `
local form = ARGV[1]
if form == 'release' then
  local reservation, count, are_own = ARGV[2], #KEYS, true
  for i = 1, count do
    local token = ARGV[i + 2]
    if token == '' or try('GETRANGE', KEYS[i], '0', '127') ~= token then
      are_own = false
      break
    end
  end
  local deleted = are_own and try('DEL', unpack(KEYS))
  if not are_own or type(deleted) == 'table' then return rest().release_each() end
  local lines = {}
  for i = 1, count do
    local key = KEYS[i]
    lines[i] = string.find(key, '{', 1, true) and rest().line_of(key) or '{' .. key .. '}${LINE_SUFFIX}'
  end
  local waiting = try('EXISTS', unpack(lines))
  if deleted ~= count or type(waiting) == 'number' and waiting > 0 then return rest().serve_each() end
  return count
end

if remembers and (form == 'fenced' or form == 'plain') then
  retention = ARGV[2]
  local width, count, key, replies = form == 'fenced' and 3 or 2, 0, 1, nil
  for i = 3, #ARGV, width do
    local reply = 1
    local set = try('SET', KEYS[key], ARGV[i], 'NX', 'PX', ARGV[i + 1])
    if not set then reply = rest().denied(KEYS[key])
    elseif set.err then reply = set
    elseif width == 3 then
      local wanted = ARGV[i + 2]
      local before = try('SET', KEYS[key + 1], wanted, 'PX', retention, 'GET')
      if before then
        local number = tonumber(wanted)
        -- Not >=: a counter may hold 'nan', which is neither.
        if type(before) ~= 'string' or not ((tonumber(before) or number) < number) then
          reply = rest().moved_on(KEYS[key], KEYS[key + 1], wanted, before)
        end
      end
    end
    if reply ~= 1 and not replies then
      replies = {}
      for n = 1, count do replies[n] = 1 end
    end
    count = count + 1
    if replies then replies[count] = reply end
    key = key + width - 1
  end
  return replies or count
end

if form == 'permits' then return rest().permits({unpack(ARGV, 2)}) end
return rest().run()
`;

/** What brief commands need of the rest. */
export const FOR_BRIEF: string = `
  -- An operation may fail without its neighbours: its error is its reply.
  local function attempt(operation, ...)
    local done, reply = pcall(operation, ...)
    if not done and type(reply) ~= 'table' then return {err = tostring(reply)} end
    return reply
  end

  library = {line_of = line_of}
  function library.denied(key) return attempt(general().denied, {key}) end
  function library.moved_on(...) return attempt(general().moved_on, ...) end
  function library.permits(...) return general().permits(...) end

  function library.release_each()
    local replies = {}
    for i, key in ipairs(KEYS) do replies[i] = attempt(general().release, {key}, ARGV[i + 2], ARGV[2]) end
    return replies
  end

  -- All keys have been deleted. One that is there twice was deleted by the first of the two releases.
  function library.serve_each()
    local replies, seen, is_twice = {}, {}, false
    for i, key in ipairs(KEYS) do
      replies[i] = seen[key] and 0 or 1
      if seen[key] then is_twice = true else serve(key, ARGV[2]) end
      seen[key] = true
    end
    return is_twice and replies or #KEYS
  end
`;
