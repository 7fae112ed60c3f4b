import { CLOCK_BEHIND, COUNTER_SUFFIX, LAST_NUMBER } from '../../counter.ts';
import { TOMBSTONE } from '../../owner.ts';
import { isInbox, WAITING } from './lines.ts';

/** What deals with a lock on `key` to its end, after SCRIPT FLUSH too; in Lua. */
const TO_HOLD: readonly string[] = [
  "'SET', key, ''",
  "'GET', key",
  "'DEL', key",
  "'EXISTS', key",
  "'PTTL', key",
  "'PEXPIRE', key, 1",
  "'INFO'",
  "'SCRIPT', 'EXISTS', ''",
  "'SCRIPT', 'LOAD', ''",
];

/**
 * The usual way of the operations that there are most of, on one key: so few commands, and so little else, as can be.
 * What does not go the usual way is for the general ones: nil if nothing has been done yet.
 */
export const USUAL: string = `
local general

-- Whether this user may deal with a lock to its end, after SCRIPT FLUSH too; whether with its counter, the grant itself shows.
local may_hold
local function grant_one(key, token, ttl, counter, wanted)
  if may_hold == nil then
    may_hold = ${TO_HOLD.map((command) => `may(${command})`).join(' and ')}
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

local function release_one(key, token, reservation)
  local owner = beginning_of(key)
  if owner ~= token then
    if type(owner) == 'table' then return nil end
    if owner == '' and reservation ~= '0' and try('EXISTS', key) == 0 then serve(key, reservation) end
    return 0
  end
  local deleted = try('DEL', key)
  if type(deleted) == 'table' then return deleted end
  if reservation ~= '0' then serve(key, reservation) end
  return deleted
end
`;

/** Only if it is needed: most batches do without. */
export const GENERAL: string = `
local general_operations
function general()
  if general_operations then return general_operations end
  local operations = {}
  general_operations = operations

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

  -- In how many ms the last of the keys expires, and which of them that is; -1 if one never does.
  local function remaining(keys)
    local longest, last = -3, 1
    for i, key in ipairs(keys) do
      local left = call('PTTL', key)
      if left == -1 then return -1, i end
      if left > longest then longest, last = left, i end
    end
    return math.max(longest, 0), last
  end

  -- Whose lock a key is, without giving the token away; and what the key is if it is no lock of quorlock's.
  local RANDOM = '^' .. string.rep('[0-9a-f]', 40)
  local function owner_id(value)
    if type(value) ~= 'string' then return value and 'type' or 'turn' end
    if #value > 105 or not (string.find(value, RANDOM .. '$') or string.find(value, RANDOM .. '@[!-~]+$')) then
      return ${isInbox('value')} and 'turn' or 'value'
    end
    return string.sub(value, 1, 16)
  end

  function operations.denied(keys)
    local left, last = remaining(keys)
    return {'denied', left, owner_id(owner_of(keys[last])), last}
  end

  -- What keeps this user from dealing with a lock to its end, if anything. One that it could not extend or
  -- release again, after SCRIPT FLUSH too, must not be granted.
  local checked = {}
  local function refusal(key, counter)
    local kind = counter and 'fenced' or 'plain'
    if checked[kind] ~= nil then return checked[kind] end
    local needed = {${TO_HOLD.map((command) => `{${command}}`).join(', ')}}
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

  -- Whether this user may send brief commands, as far as keys tell that are like all others: each is followed by its counter.
  function operations.permits(names)
    local may_all = pcall(function()
      for i = 1, #names, 2 do
        checked = {}
        assert(not refusal(names[i], names[i + 1]) and may('GETRANGE', names[i], 0, enough))
      end
    end)
    return may_all and 1 or 0
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
  -- If the counter cannot be moved on, it gets its old value back, with a new expiry, and nothing is granted.
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
    if #others > 0 then
      local left, last = remaining(others)
      return {'taken', left, owner_id(owner_of(others[last]))}
    end
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

  function operations.release(keys, token, reservation)
    local own, free = {}, {}
    for _, key in ipairs(keys) do
      local owner = owner_of(key)
      if owner == token then own[#own + 1] = key end
      if not owner or owner == token then free[#free + 1] = key end
    end
    if #own > 0 then call('DEL', unpack(own)) end
    if reservation ~= '0' then
      for _, key in ipairs(free) do serve(key, reservation) end
    end
    return #own == #keys and 1 or 0
  end

  function operations.inspect(keys)
    local owner = owner_of(keys[1])
    if not owner or type(owner) == 'string' and ${isInbox('owner')} then return 'free' end
    local counter = try('GET', beside(keys[1], '${COUNTER_SUFFIX}'))
    return {'held', (remaining(keys)), type(owner) == 'string' and string.sub(owner, 1, 256),
      type(counter) == 'string' and string.sub(counter, 1, 32)}
  end

  -- A tombstone in place of a lock keeps everybody out until the lock would have expired. One that is there stays. A key without expiry, or of
  -- another type, is no lock.
  function operations.revoke(keys, tombstone, ttl)
    local key = keys[1]
    local owner = owner_of(key)
    local is_free = not owner or type(owner) == 'string' and ${isInbox('owner')}
    if is_free and ttl == '0' then return 0 end
    if is_free then
      call('SET', key, tombstone, 'PX', ttl)
      return {'revoked', call('PTTL', key), false}
    end
    local left = remaining(keys)
    if left == -1 or type(owner) ~= 'string' then return {'refused', left, owner_id(owner)} end
    local is_tombstone = string.sub(owner, 1, 40) == '${TOMBSTONE}' and owner_id(owner) ~= 'value'
    if not is_tombstone then call('SET', key, tombstone, 'PX', math.max(left, 1)) end
    return {'revoked', left, string.sub(owner, 1, 256)}
  end

  if not remembers then
    function operations.grant() return {err = 'ERR no grant is given by this script'} end
  end

  function operations.define_waiting()${WAITING}  end

  return operations
end
`;

/** Runs a general command. */
export const RUN: string = `
  local function run_general(verb, first, i, width)
    local count, token, ttl, fence = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    local keys = {unpack(KEYS, first, first + count - 1)}
    local counters = fence == '' and {} or {unpack(KEYS, first + count, first + 2 * count - 1)}
    local operations = general()
    if not operations[verb] then operations.define_waiting() end
    return operations[verb](keys, token, ttl, counters, fence, unpack(ARGV, i + 5, i + width - 1))
  end

  function library.run()
    local replies, key, i, last = {}, 1, 2, #ARGV
    while i <= last do
      local verb, count, token, ttl, fence = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
      local reply, width = nil, 5
      if verb == 'release' then
        if count == '1' then reply = release_one(KEYS[key], token, ttl) end
      elseif verb == 'grant' then
        if count == '1' and remembers then
          reply = attempt(grant_one, KEYS[key], token, ttl, fence ~= '' and KEYS[key + 1], fence)
        end
      else
        width = verb == 'stand' and 9 or verb == 'yield' and 8 or verb == 'leave' and 6 or 5
      end
      if reply == nil then reply = attempt(run_general, verb, key, i, width) end
      replies[#replies + 1] = reply
      key = key + (fence == '' and count or 2 * count)
      i = i + width
    end
    return replies
  end
`;
