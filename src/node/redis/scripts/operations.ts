import { CLOCK_BEHIND, LAST_NUMBER } from '../../counter.ts';

const HEAD = `
local retention = ARGV[1]
local call, try, may = redis.call, redis.pcall, redis.acl_check_cmd

-- So much of a value tells whether it is an owner token, and which; a foreign one may be large.
local ENOUGH = 256
local reading
-- The beginning of a string's value; '' also if there is none. A user without GETRANGE reads all of it.
local function beginning_of(key)
  if reading == nil then reading = may('GETRANGE', key, 0, ENOUGH) end
  if reading then return try('GETRANGE', key, 0, ENOUGH) end
  return try('GET', key) or ''
end

-- No client may put a counter more than an hour ahead of both what it was and this server's clock.
local limit
local function hint_limit()
  if limit then return limit end
  local time = call('TIME')
  limit = time[1] * 1000000 + time[2] + 3600000000
  return limit
end

-- Whoever waits for the key is told whose lock has gone; and if nobody may be told, the lock has gone all the same.
local function announce(key, token)
  local tagged = key
  local open = string.find(key, '{', 1, true)
  local close = open and string.find(key, '}', open + 1, true)
  if not close or close == open + 1 then tagged = '{' .. key .. '}' end
  try('SPUBLISH', 'quorlock:released:' .. tagged, string.sub(redis.sha1hex(token), 1, 16))
end
`;

/**
 * The usual way of the operations that there are most of, on one key: so few commands, and so little else, as can be.
 * What does not go the usual way is for the general ones: nil if nothing has been done yet.
 */
const USUAL = `
local general

-- Whether this user may deal with a lock to its end, after SCRIPT FLUSH too; whether with its counter, the grant itself shows.
local may_hold
local function grant_one(key, token, ttl, counter, wanted)
  if may_hold == nil then
    may_hold = may('SET', key, '') and may('GET', key) and may('DEL', key) and may('EXISTS', key)
      and may('PTTL', key) and may('PEXPIRE', key, 1)
      and may('INFO') and may('SCRIPT', 'EXISTS', '') and may('SCRIPT', 'LOAD', '')
  end
  local number = tonumber(wanted)
  if not may_hold or counter and (not limit and not pcall(hint_limit) or number > limit) then return nil end
  local set = try('SET', key, token, 'NX', 'PX', ttl)
  if not set then return general().denied({key}) end
  if set.err then return set end
  if not counter then return 1 end
  local before = try('SET', counter, wanted, 'PX', retention, 'GET')
  if not before or type(before) == 'string' and (tonumber(before) or number) < number then return 1 end
  return general().moved_on(key, counter, wanted, before)
end

local function release_one(key, token, announced)
  local owner = beginning_of(key)
  if owner ~= token then
    if announced == 'gone' or type(owner) == 'table' then return nil end
    return 0
  end
  local deleted = try('DEL', key)
  if deleted ~= 1 then return deleted end
  if announced == 'announce' or announced == 'gone' then announce(key, token) end
  return 1
end
`;

const GENERAL = `
local function define()
  local operations = {}

  -- A double is exact up to here; but Lua's own tostring only to 14 digits, and ioredis 6 reads an integer wrong in the last.
  local LARGEST = ${LAST_NUMBER}
  local function digits(number) return string.format('%.0f', number) end

  -- The value of a key, or the beginning of a long one: false if there is none, true if it is of another type and so nobody's token.
  local function owner_of(key)
    local value = beginning_of(key)
    if value == '' and call('EXISTS', key) == 0 then return false end
    if type(value) ~= 'table' then return value end
    if string.find(value.err, 'WRONGTYPE', 1, true) then return true end
    error(value)
  end

  -- In how many ms the last of the keys expires, and which that is; -1 if one never does.
  local function remaining(keys)
    local longest, last = -2, keys[1]
    for _, key in ipairs(keys) do
      local left = call('PTTL', key)
      if left == -1 then return -1, key end
      if left > longest then longest, last = left, key end
    end
    return math.max(longest, 0), last
  end

  -- Whose lock a key is, without giving the token away; and what the key is if it is no lock of quorlock's.
  local RANDOM = '^' .. string.rep('[0-9a-f]', 40)
  local function owner_id(value)
    if type(value) ~= 'string' then return 'type' end
    if #value > 105 or not (string.find(value, RANDOM .. '$') or string.find(value, RANDOM .. '@[!-~]+$')) then
      return 'value'
    end
    return string.sub(redis.sha1hex(value), 1, 16)
  end

  function operations.denied(keys)
    local left, last = remaining(keys)
    return {'denied', left, owner_id(owner_of(last))}
  end

  -- What keeps this user from dealing with a lock to its end, if anything. One that it could not extend or
  -- release again, after SCRIPT FLUSH too, must not be granted.
  local checked = {}
  local function refusal(key, counter)
    local kind = counter and 'fenced' or 'plain'
    if checked[kind] ~= nil then return checked[kind] end
    local needed = {{'SET', key, ''}, {'GET', key}, {'DEL', key}, {'EXISTS', key}, {'PTTL', key}, {'PEXPIRE', key, 1},
      {'INFO'}, {'SCRIPT', 'EXISTS', ''}, {'SCRIPT', 'LOAD', ''}}
    if counter then
      for _, command in ipairs({{'SET', counter, '', 'GET'}, {'GET', counter}, {'TIME'}}) do needed[#needed + 1] = command end
    end
    local missing, named = {}, {}
    for _, command in ipairs(needed) do
      local name = command[1] == 'SCRIPT' and 'SCRIPT|' .. command[2] or command[1]
      if not may(unpack(command)) and not named[name] then
        missing[#missing + 1], named[name] = name, true
      end
    end
    checked[kind] = #missing > 0 and {err = 'NOPERM the user may not run ' .. table.concat(missing, ', ')}
    return checked[kind]
  end

  -- What a counter was, as a number, by what was read of it.
  local function value_of(counter, read)
    if not read then return 0 end
    if type(read) == 'table' and not string.find(read.err, 'WRONGTYPE', 1, true) then error(read) end
    local number = type(read) == 'string' and tonumber(read)
    if not number or number ~= number then error({err = 'ERR ' .. counter .. ' is no fencing counter'}) end
    if number > LARGEST then error({err = 'ERR the fencing counter ' .. counter .. ' is beyond the year 2200'}) end
    return number
  end

  -- The number after the highest one so far, and what is wanted if that is more.
  local function successor(highest, wanted)
    if wanted > highest + 3600000001 and wanted > hint_limit() + 1 then
      error({err = "${CLOCK_BEHIND}"})
    end
    local number = math.max(highest + 1, wanted)
    if number > LARGEST then error({err = 'ERR no fencing token is left: the counter is at its end'}) end
    return number
  end

  -- What is wanted has been written to a counter where it should not have been, over what was there before.
  -- One that cannot be moved on keeps its value, and is kept for as long as any other from now on; then nothing is granted.
  function operations.moved_on(key, counter, wanted, before)
    local done, number = pcall(function()
      local refused = type(before) == 'table' and refusal(key, counter)
      if refused then error(refused) end
      return successor(value_of(counter, before), tonumber(wanted))
    end)
    if not done then
      if type(before) == 'string' then call('SET', counter, before, 'PX', retention)
      elseif not before then call('DEL', counter) end
      call('DEL', key)
      error(number, 0)
    end
    call('SET', counter, digits(number), 'PX', retention)
    return {'granted', digits(number)}
  end

  -- Raises counters to a number, and lowers none. One that is high enough only gets a new expiry: a server whose memory
  -- is full still does that.
  local function raise(counters, text)
    for _, counter in ipairs(counters) do
      if value_of(counter, try('GET', counter)) < tonumber(text) then call('SET', counter, text, 'PX', retention)
      else call('PEXPIRE', counter, retention) end
    end
  end

  function operations.grant(keys, token, ttl, counters, wanted)
    local refused = refusal(keys[1], counters[1])
    if refused then return refused end
    if call('EXISTS', unpack(keys)) > 0 then return operations.denied(keys) end
    local highest = 0
    for _, counter in ipairs(counters) do
      highest = math.max(highest, value_of(counter, try('GET', counter)))
    end
    local number = counters[1] and successor(highest, tonumber(wanted))
    for i, key in ipairs(keys) do
      local set = try('SET', key, token, 'PX', ttl)
      if set.err then
        call('DEL', unpack(keys, 1, i))
        return set
      end
    end
    for _, counter in ipairs(counters) do call('SET', counter, digits(number), 'PX', retention) end
    return number and {'granted', digits(number)} or 1
  end

  function operations.confirm(keys, token, _, counters, number)
    for _, key in ipairs(keys) do
      if owner_of(key) ~= token then return 0 end
    end
    raise(counters, number)
    return 1
  end

  local function hold(keys, token, ttl, counters, number, may_set)
    local missing, others = {}, {}
    for _, key in ipairs(keys) do
      local owner = owner_of(key)
      if not owner then missing[key] = true
      elseif owner ~= token then others[#others + 1] = key end
    end
    if #others > 0 then return {'taken', (remaining(others))} end
    if next(missing) and not may_set then return 'missing' end
    raise(counters, number)
    for _, key in ipairs(keys) do
      if missing[key] then call('SET', key, token, 'PX', ttl)
      else call('PEXPIRE', key, ttl, 'GT') end
    end
    return next(missing) and 'repaired' or 1
  end

  function operations.extend(keys, token, ttl, counters, number)
    return hold(keys, token, ttl, counters, number, false)
  end

  function operations.repair(keys, token, ttl, counters, number)
    return hold(keys, token, ttl, counters, number, remembers)
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
    if #own > 0 then call('DEL', unpack(own)) end
    for _, key in ipairs(told) do announce(key, token) end
    return #own == #keys and 1 or 0
  end

  function operations.inspect(keys)
    local owner = owner_of(keys[1])
    if not owner then return 'free' end
    return {'held', (remaining(keys)), type(owner) == 'string' and string.sub(owner, 1, 256)}
  end

  if not remembers then
    function operations.grant() return {err = 'ERR no grant is given by this script'} end
  end
  return operations
end

-- Only if it is needed: most batches do without.
local defined
function general()
  if not defined then defined = define() end
  return defined
end
`;

const RUN = `
local function run_general(verb, first, count, token, ttl, fence)
  local keys = {unpack(KEYS, first, first + count - 1)}
  local counters = fence == '' and {} or {unpack(KEYS, first + count, first + 2 * count - 1)}
  return general()[verb](keys, token, ttl, counters, fence)
end

local replies, key = {}, 1
for i = 2, #ARGV, 5 do
  local verb, count, token, ttl, fence = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local done, reply = true, nil
  if count == '1' then
    if verb == 'release' then reply = release_one(KEYS[key], token, ttl)
    elseif verb == 'grant' and remembers then
      done, reply = pcall(grant_one, KEYS[key], token, ttl, fence ~= '' and KEYS[key + 1], fence)
    end
  end
  if reply == nil then done, reply = pcall(run_general, verb, key, count, token, ttl, fence) end
  if not done and type(reply) ~= 'table' then reply = {err = tostring(reply)} end
  replies[#replies + 1] = reply
  key = key + (fence == '' and count or 2 * count)
end
return replies
`;

const REST = HEAD + USUAL + GENERAL + RUN;

/**
 * Runs a batch of operations, each on its own keys, in order. Every operation takes effect on all of its keys or
 * on none, and answers for itself: an error in one is its reply, and its neighbours run.
 *
 * ARGV: for how many ms fencing counters are kept; then for each operation its verb, how many keys it has, the owner
 * token, the ttl in ms (in a release: `announce` or `gone`, if it is to be told), and the number that its counters are raised to
 * (in a grant: at least, and above what they were), empty without fencing. KEYS: for each operation its keys and, with
 * fencing, the counter of each. Replies: an array with, for each operation, 1 if it was done just as asked (of a grant:
 * the counter is the number asked for), 0 if a confirmation or a release did not find its keys, otherwise a word, or a
 * word and its data.
 */
export const OPERATIONS: string = `local remembers = true${REST}`;

/**
 * The same, for servers that may have forgotten locks: it grants nothing, and sets nothing that is missing. Where it is,
 * a vote may have stood that an attempt still counts on.
 */
export const ALL_BUT_GRANTS: string = `local remembers = false${REST}`;
