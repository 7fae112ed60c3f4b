import { LAST_NUMBER } from '../../counter.ts';
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
export const isInbox = (value: string): string => `string.sub(${value}, 1, ${TURN.length}) == '${TURN}'`;

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

/** What serves lines. */
export const LINES: string = `
-- The line of a key is a sorted set: the inboxes of the waiters, by the time since which they wait. The remainder of a score by ${SCORE_STEP}
-- says for how long the waiter needs a key reserved. A line only saves time, so every access to it may fail: a line of another type, or one
-- that this user may not use, counts as empty.
local function line_of(key) return beside(key, '${LINE_SUFFIX}') end

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

/** The requests of waiters. Defined only if there are any: even a function that is never called costs time. */
export const WAITING: string = `
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
