const VERBS = `
local retention = ARGV[1]
local operations = {}
-- Whether an extension sets what is missing.
local repairs = true

-- A double is exact up to here; but Lua's own tostring only to 14 digits, and ioredis 6 reads an integer wrong in the last.
local LARGEST = 9007199254740991
local function digits(number) return string.format('%.0f', number) end

-- The value of a key: false if there is none, true if it is of another type and so nobody's token.
local function owner_of(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value end
  if string.find(value.err, 'WRONGTYPE', 1, true) then return true end
  error(value)
end

-- In how many ms the last of the keys expires, and which that is; -1 if one never does.
local function remaining(keys)
  local longest, last = 0, keys[1]
  for _, key in ipairs(keys) do
    local left = redis.call('PTTL', key)
    if left == -1 then return -1, key end
    if left > longest then longest, last = left, key end
  end
  return longest, last
end

-- Tells owners apart without giving their tokens away.
local function owner_id(token) return string.sub(redis.sha1hex(token), 1, 16) end

local function denied(keys)
  local left, last = remaining(keys)
  local owner = owner_of(last)
  return {'denied', left, type(owner) == 'string' and owner_id(owner) or false}
end

-- Whoever waits for the key is told whose lock has gone; and if nobody may be told, the lock has gone all the same.
local function announce(key, owner)
  local open = string.find(key, '{', 1, true)
  local close = open and string.find(key, '}', open + 1, true)
  local tagged = close and close > open + 1 and key or '{' .. key .. '}'
  redis.pcall('SPUBLISH', 'quorlock:released:' .. tagged, owner)
end

-- What keeps this user from dealing with a lock to its end, if anything. One that it could not extend or
-- release again must not be granted.
local checked = {}
local function refusal(key, counter)
  local kind = counter and 'fenced' or 'plain'
  if checked[kind] ~= nil then return checked[kind] end
  checked[kind] = false
  local needed = {{'SET', key, ''}, {'GET', key}, {'DEL', key}, {'EXISTS', key}, {'PTTL', key}, {'PEXPIRE', key, 1}}
  if counter then
    needed[7], needed[8], needed[9] = {'SET', counter, '', 'GET'}, {'GET', counter}, {'TIME'}
  end
  for _, command in ipairs(needed) do
    if not redis.acl_check_cmd(unpack(command)) then
      checked[kind] = {err = 'NOPERM the user may not run ' .. command[1]}
    end
  end
  return checked[kind]
end

-- What a counter is set to, as a number.
local function value_of(counter, text)
  if not text then return 0 end
  local number = tonumber(text)
  if not number or number ~= number then error({err = 'ERR ' .. counter .. ' is no fencing counter'}) end
  return number
end

-- The number after the highest one so far, and after the hint; which no clock may put more than an hour ahead.
local function successor(highest, hint)
  if hint > highest + 3600000000 then
    local time = redis.call('TIME')
    hint = math.min(hint, time[1] * 1000000 + time[2] + 3600000000)
  end
  local number = math.max(highest, hint) + 1
  if number > LARGEST then error({err = 'ERR no fencing token is left: the counter is at its end'}) end
  return number
end

-- Moves a counter on, and returns its new value. In the usual case the hint is ahead, and one command does it.
-- One that cannot be moved on keeps its value, and is kept for as long as any other from now on.
local function advance(counter, hint)
  local guess = digits(hint + 1)
  local before = redis.call('SET', counter, guess, 'PX', retention, 'GET')
  local done, number = pcall(function() return successor(value_of(counter, before), hint) end)
  if not done then
    if before then redis.call('SET', counter, before, 'PX', retention) else redis.call('DEL', counter) end
    error(number, 0)
  end
  if number ~= hint + 1 then redis.call('SET', counter, digits(number), 'PX', retention) end
  return number
end

-- Raises counters to a number, and lowers none.
local function raise(counters, text)
  for _, counter in ipairs(counters) do
    local before = redis.call('SET', counter, text, 'PX', retention, 'GET')
    if before then
      local done, number = pcall(value_of, counter, before)
      if not done or number > tonumber(text) then redis.call('SET', counter, before, 'PX', retention) end
      if not done then error(number, 0) end
    end
  end
end

local function grant_one(key, token, ttl, counter, hint)
  if not redis.call('SET', key, token, 'NX', 'PX', ttl) then return denied({key}) end
  if not counter then return 'granted' end
  local done, number = pcall(advance, counter, hint)
  if done then return {'granted', digits(number)} end
  redis.call('DEL', key)
  error(number, 0)
end

function operations.grant(keys, token, ttl, counters, text)
  local refused = refusal(keys[1], counters[1])
  if refused then return refused end
  local hint = tonumber(text)
  if #keys == 1 then return grant_one(keys[1], token, ttl, counters[1], hint) end
  if redis.call('EXISTS', unpack(keys)) > 0 then return denied(keys) end
  local highest = 0
  for _, counter in ipairs(counters) do
    highest = math.max(highest, value_of(counter, redis.call('GET', counter)))
  end
  local number = hint and successor(highest, hint)
  for i, key in ipairs(keys) do
    local set = redis.pcall('SET', key, token, 'PX', ttl)
    if set.err then
      redis.call('DEL', unpack(keys, 1, i))
      return set
    end
  end
  for _, counter in ipairs(counters) do redis.call('SET', counter, digits(number), 'PX', retention) end
  return number and {'granted', digits(number)} or 'granted'
end

function operations.confirm(keys, token, _, counters, number)
  for _, key in ipairs(keys) do
    if owner_of(key) ~= token then return 'absent' end
  end
  raise(counters, number)
  return 'confirmed'
end

function operations.extend(keys, token, ttl, counters, number)
  local missing, others = {}, {}
  for _, key in ipairs(keys) do
    local owner = owner_of(key)
    if not owner then missing[key] = true
    elseif owner ~= token then others[#others + 1] = key end
  end
  if #others > 0 then return {'taken', (remaining(others))} end
  if next(missing) and not repairs then return 'missing' end
  raise(counters, number)
  for _, key in ipairs(keys) do
    if missing[key] then redis.call('SET', key, token, 'PX', ttl)
    else redis.call('PEXPIRE', key, ttl, 'GT') end
  end
  return next(missing) and 'repaired' or 'extended'
end

function operations.release(keys, token, announced)
  local own, told = {}, {}
  for _, key in ipairs(keys) do
    local owner = owner_of(key)
    if owner == token then own[#own + 1] = key end
    if owner == token and announced == 'announce' or announced == 'gone' and (owner == token or not owner) then
      told[#told + 1] = key
    end
  end
  if #own > 0 then redis.call('DEL', unpack(own)) end
  if #told > 0 then
    local owner = owner_id(token)
    for _, key in ipairs(told) do announce(key, owner) end
  end
  return #own == #keys and 'released' or 'absent'
end

function operations.inspect(keys)
  local owner = owner_of(keys[1])
  if not owner then return 'free' end
  return {'held', (remaining(keys)), type(owner) == 'string' and string.sub(owner, 1, 256)}
end
`;

const RUN = `
local replies, first = {}, 1
local function take(count)
  local keys = {unpack(KEYS, first, first + count - 1)}
  first = first + count
  return keys
end
for i = 2, #ARGV, 5 do
  local keys = take(ARGV[i + 1])
  local counters = take(ARGV[i + 4] == '' and 0 or #keys)
  local operation = operations[ARGV[i]]
  local done, reply = pcall(operation, keys, ARGV[i + 2], ARGV[i + 3], counters, ARGV[i + 4])
  if not done and type(reply) ~= 'table' then reply = {err = tostring(reply)} end
  replies[#replies + 1] = reply
end
return replies
`;

/**
 * Runs a batch of operations, each on its own keys, in order. Every operation takes effect on all of its keys or
 * on none, and answers for itself: an error in one is its reply, and its neighbours run.
 *
 * ARGV: for how many ms fencing counters are kept; then for each operation its verb, how many keys it has, the owner
 * token, the ttl in ms (in a release: `announce` or `gone`, if it is to be told), and the number that its counters are raised to (in a grant: above), empty without fencing.
 * KEYS: for each operation its keys and, with fencing, the counter of each. Replies: an array with, for each
 * operation, a word, or a word and its data.
 */
export const OPERATIONS: string = VERBS + RUN;

/**
 * The same, for servers that may have forgotten locks: it grants nothing, and sets nothing that is missing. Where it is,
 * a vote may have stood that an attempt still counts on.
 */
export const ALL_BUT_GRANTS: string = `${VERBS}
repairs = false
function operations.grant() return {err = 'ERR no grant is given by this script'} end
${RUN}`;
