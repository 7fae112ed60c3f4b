import { CLOCK_BEHIND, LAST_NUMBER } from '../../counter.ts';
import { TURN } from '../../inbox.ts';
import {
  LARGEST_REMAINDER,
  LINE_KEPT,
  LINE_SUFFIX,
  LONGEST_LINE,
  LONGEST_RESERVATION,
  MOST_DROPPED,
  MOST_PASSED_OVER,
  SCORE_STEP,
  SHORTEST_RESERVATION,
} from '../../line.ts';

/** As the value of a key, an inbox says that the key is reserved for this waiter. Any other member of a line is forged. */
const isInbox = (value: string): string => `string.sub(${value}, 1, ${TURN.length}) == '${TURN}'`;

/**
 * Tells the next waiter of `key` that it is. It drops some of those that do not receive this, as their processes have ended. `next`: an
 * expression for the first in `line` that is to be told. The text is repeated, as one more function would cost every request time.
 */
const tellNext = (next: string): string => `
      for _ = 1, ${MOST_PASSED_OVER} do
        local second = ${next}
        if not second or ${isInbox('second')} and try('SPUBLISH', second, 'next ' .. key) ~= 0 then break end
        try('ZREM', line, second)
      end`;

const HEAD = `
-- Raises an error for a command that this server does not have.
local may = redis.acl_check_cmd

-- So much of a value tells whether it is an owner token, and which; a foreign one may be large.
local enough = 256
local reading
-- The beginning of a string's value; '' also if there is none. A user without GETRANGE reads all of it.
local function beginning_of(key)
  if reading == nil then
    local is_known, is_allowed = pcall(may, 'GETRANGE', key, 0, enough)
    reading = is_known and is_allowed
  end
  if reading then return try('GETRANGE', key, 0, enough) end
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

-- The line of a key is a sorted set: the inboxes of the waiters, by the time since which they wait. The remainder of a score by ${SCORE_STEP}
-- says for how long the waiter needs a key reserved. A line only saves time, so every access to it may fail: a line of another type, or one
-- that this user may not use, counts as empty.
local function line_of(key)
  local open = string.find(key, '{', 1, true)
  local close = open and string.find(key, '}', open + 1, true)
  if close and close > open + 1 then return key .. '${LINE_SUFFIX}' end
  return '{' .. key .. '}${LINE_SUFFIX}'
end

-- Reserves a free key for the first in its line that receives the notification, for as long as this waiter needs, or the one that asks if
-- that is longer. Waiters that do not receive it are dropped: their processes have ended. So are forged members. If this user cannot
-- notify anybody, the first keeps its place.
local function serve(key, reservation)
  local line = line_of(key)
  for _ = 1, ${MOST_DROPPED} do
    local first = try('ZPOPMIN', line)
    local inbox = first[1]
    if not inbox then return end
    local received = ${isInbox('inbox')} and try('SPUBLISH', inbox, 'turn ' .. key) or 0
    if type(received) == 'table' then
      local is_known, is_allowed = pcall(may, 'SPUBLISH', inbox, '')
      if not (is_known and is_allowed) then
        try('ZADD', line, first[2], inbox)
        try('PEXPIRE', line, ${LINE_KEPT}, 'NX')
        return
      end
    elseif received > 0 then
      if remembers then
        local score = tonumber(first[2]) or -1
        local is_time = score >= 0 and score <= ${LAST_NUMBER} and score == math.floor(score)
        local needed = math.min(${LONGEST_RESERVATION}, ${SHORTEST_RESERVATION} * 2 ^ (is_time and score % ${SCORE_STEP} or 0))
        try('SET', key, inbox, 'NX', 'PX', math.max(reservation, needed))
      end${tellNext("try('ZRANGE', line, 0, 0)[1]")}
      return
    end
  end
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

/** The requests of waiters. Defined only if there are any: even a function that is never called costs time. */
const WAITING = `
    local function serve_free(keys, is_free, reservation)
      if reservation == '0' then return end
      for i, key in ipairs(keys) do
        if is_free[i] then serve(key, reservation) end
      end
    end

    -- Returns the rank and the score of an inbox, if it is in the line.
    local function place_in(line, inbox, score)
      local rank = try('ZRANK', line, inbox)
      if type(rank) ~= 'number' then return nil end
      if score then return rank, score end
      local found = tonumber(try('ZRANGE', line, rank, rank, 'WITHSCORES')[2])
      if found then return rank, digits(found) end
    end

    -- Adds a waiter to a line, unless the line is full. One that is in it keeps its place, and what it needs reserved is brought up to date.
    -- A 'since' up to 0 is the time that it has waited so far. Returns the score if the waiter is in the line.
    local function enqueue(line, inbox, since, reservation)
      local remainder = 0
      while remainder < ${LARGEST_REMAINDER} and ${SHORTEST_RESERVATION} * 2 ^ remainder < tonumber(reservation) do remainder = remainder + 1 end
      local function score_of(time) return digits(math.floor(time / ${SCORE_STEP}) * ${SCORE_STEP} + remainder) end

      local length = try('ZCARD', line)
      if type(length) ~= 'number' then return nil end
      local is_full = length >= ${LONGEST_LINE}
      if not is_full then
        local score = since
        if tonumber(since) <= 0 then
          local time = try('TIME')
          score = time[1] and time[1] * 1000000 + time[2] + since or 0
        end
        score = score_of(score)
        local added = try('ZADD', line, 'NX', score, inbox)
        if type(added) ~= 'number' then return nil end
        try('PEXPIRE', line, ${LINE_KEPT})
        if added == 1 then return score end
      end
      local rank, known = place_in(line, inbox)
      if not rank then return nil end
      if is_full then try('PEXPIRE', line, ${LINE_KEPT}) end
      local score = score_of(known)
      if score ~= known and type(try('ZADD', line, 'XX', score, inbox)) == 'number' then return score end
      return known
    end

    -- Whether another waiter is first in the line of a free key. Not if this user cannot serve it: then everybody polls.
    local function is_led_by_others(key, inbox)
      local line = line_of(key)
      local first = try('ZRANGE', line, 0, 0)[1]
      if not first or first == inbox then return false end
      local is_known, is_allowed = pcall(function()
        return may('ZPOPMIN', line) and (not (${isInbox('first')}) or may('SPUBLISH', first, ''))
      end)
      return is_known and is_allowed
    end

    -- The first in a line other than this waiter.
    local function first_other(line, inbox)
      local members = try('ZRANGE', line, 0, 1)
      return members[1] ~= inbox and members[1] or members[2]
    end

    -- A grant to a waiter. If it is denied, the waiter is afterwards in the line of its own key, if that is among those that deny it, and in
    -- no other line. Every key that is free then is served.
    function operations.stand(keys, token, ttl, counters, wanted, inbox, since, index, reservation)
      if not remembers then return operations.grant() end
      enough = math.max(enough, #inbox)
      local own, reserved, obstacles, numbers, owners, is_free, denies = tonumber(index), {}, {}, {}, {}, {}, {}
      for i, key in ipairs(keys) do
        local owner = owner_of(key)
        owners[i], is_free[i] = owner, not owner or owner == inbox
        if owner == inbox then reserved[#reserved + 1] = key
        elseif owner or is_led_by_others(key, inbox) then
          obstacles[#obstacles + 1], numbers[#numbers + 1], denies[i] = key, i, true
        end
      end
      if #reserved > 0 then call('DEL', unpack(reserved)) end

      if #obstacles == 0 then
        local done, reply = pcall(function()
          return #keys == 1 and grant_one(keys[1], token, ttl, counters[1], wanted)
            or operations.grant(keys, token, ttl, counters, wanted)
        end)
        local granted = done and (reply == 1 or reply[1] == 'granted')
        for i, key in ipairs(keys) do
          if granted then try('ZREM', line_of(key), inbox)
          elseif owners[i] then serve(key, reservation) end
        end
        if not done then error(reply, 0) end
        return reply
      end

      local line, score = line_of(keys[own]), nil
      for i, key in ipairs(keys) do
        if i == own and denies[i] then score = enqueue(line, inbox, since, reservation)
        else try('ZREM', line_of(key), inbox) end
      end
      serve_free(keys, is_free, reservation)
      local left, last = remaining(obstacles)
      local number = numbers[last]
      local owner = owner_id(owners[number] or owner_of(obstacles[last]))
      return {'denied', left, owner, number, place_in(line, inbox, score)}
    end

    -- Deletes the owner's keys and those reserved for the waiter. Returns the reply, and for each key whether it is free now.
    local function delete(keys, token, inbox)
      enough = math.max(enough, #inbox)
      local own, deleted, is_free = 0, {}, {}
      for i, key in ipairs(keys) do
        local owner = owner_of(key)
        if owner == token then own = own + 1 end
        if owner and (owner == token or owner == inbox) then deleted[#deleted + 1], owner = key, false end
        is_free[i] = not owner
      end
      if #deleted > 0 then call('DEL', unpack(deleted)) end
      return own == #keys and 1 or 0, is_free
    end

    -- A release by a waiter that leaves all lines.
    function operations.leave(keys, token, reservation, _, _, inbox)
      local reply, is_free = delete(keys, token, inbox)
      for _, key in ipairs(keys) do try('ZREM', line_of(key), inbox) end
      serve_free(keys, is_free, reservation)
      return reply
    end

    -- A release by a waiter that had its turn, could not take the lock elsewhere, and stays in line. The next waiter is notified so that it
    -- takes over if this one dies, but nothing is reserved for it: its attempt would fail for the same reason.
    function operations.yield(keys, token, reservation, _, _, inbox, since, index)
      local own = tonumber(index)
      local reply, is_free = delete(keys, token, inbox)
      local key = keys[own]
      local line = line_of(key)
      enqueue(line, inbox, since, reservation)${tellNext('first_other(line, inbox)')}
      is_free[own] = false
      serve_free(keys, is_free, reservation)
      return reply
    end
`;

/** Only if it is needed: most batches do without. */
const GENERAL = `
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
    return {'held', (remaining(keys)), type(owner) == 'string' and string.sub(owner, 1, 256)}
  end

  if not remembers then
    function operations.grant() return {err = 'ERR no grant is given by this script'} end
  end

  function operations.define_waiting()${WAITING}  end

  return operations
end
`;

/**
 * Brief commands: only grants or only releases, each on one key, by a user who was found to have all permissions and by a client whose clock was
 * found to be near this server's. So few commands, and so little else, as can be: not even the functions of the rest are made. What turns out to be
 * unusual is answered by the rest, in the same place. A reply of n stands for n times 1.
 */
const BRIEF = `
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
const FOR_BRIEF = `
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

const RUN = `
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

const SCRIPT = `
-- For how long fencing counters are kept; a brief command says so elsewhere.
local retention = ARGV[1]
local call, try = redis.call, redis.pcall
local library
local function rest()
  if library then return library end
${HEAD}${USUAL}${GENERAL}${FOR_BRIEF}${RUN}
  return library
end
${BRIEF}`;

/**
 * Runs a batch of operations, each on its own keys, in order. Every operation takes effect on all of its keys or
 * on none, and answers for itself: an error in one is its reply, and its neighbours run.
 *
 * KEYS: for each operation its keys and, with fencing, the counter of each. The keys of lines are not among them, so that a user without
 * rights to them can take locks all the same.
 *
 * ARGV: for how many ms fencing counters are kept; then for each operation its verb, how many keys it has, the owner
 * token, the ttl in ms, and the number that its counters are raised to (in a grant: at least, and above what they were), empty without
 * fencing. In place of the ttl, a `release` has the time in ms for which it reserves each free key for the first in its line at least, or 0
 * to serve no line. The requests of a waiter have verbs of their own, and more arguments; the time of a reservation is also what this waiter
 * needs when it has its turn:
 *
 * - `stand`, a grant: the inbox, since when the waiter has been waiting, the number of the key in whose line it waits, from 1, and the time of
 *   a reservation in ms;
 * - `leave`, a release: the inbox;
 * - `yield`, a release: the inbox, since when the waiter has been waiting, and the number of the key in whose line it waits.
 *
 * A brief command begins with a word in place of the retention, and has only operations on one key each:
 *
 * - `fenced`: the retention, then for each grant the owner token, the ttl, and the number wanted;
 * - `plain`: the same without the numbers, and without counters among KEYS;
 * - `release`: the time of a reservation in ms, at least 1, then for each release the owner token;
 * - `permits`: no operation, but the question whether the user may send those; keys, each with its counter, which are only named. Reply: 1 or 0.
 *
 * Replies: an array with, for each operation, 1 if it was done just as asked (of a grant: the counter is the number asked for), 0 if a
 * confirmation or a release did not find its keys, otherwise a word, or a word and its data. A denial has: in how many ms the last of
 * the keys that deny it expires, whose lock that is, and its number; then, if the waiter is in line, how many are before it, and since when it
 * has been waiting.
 *
 * Messages to inboxes: `turn` or `next`, a space, and the key.
 */
export const OPERATIONS: string = `local remembers = true${SCRIPT}`;

/**
 * The same, for servers that may have forgotten locks: it grants nothing, and sets nothing that is missing. Where it is,
 * a vote may have stood that an attempt still counts on.
 */
export const ALL_BUT_GRANTS: string = `local remembers = false${SCRIPT}`;
