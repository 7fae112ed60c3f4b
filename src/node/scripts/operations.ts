import { createHash } from 'node:crypto';

/**
 * Runs a batch of operations, each on its own keys, in order. Every operation takes effect on all of its keys or
 * on none, and answers for itself: an error in one is its reply, and its neighbours run.
 *
 * KEYS: the keys of all operations, one after the other. ARGV: for each operation its verb, how many keys it
 * has, the owner token, the ttl in ms. Replies: an array with, for each operation, a word, or a word and its data.
 */
export const OPERATIONS = `
local operations = {}

-- The value of a key: false if there is none, true if it is of another type and so nobody's token.
local function owner_of(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value end
  if string.find(value.err, 'WRONGTYPE', 1, true) then return true end
  error(value)
end

-- In how many ms the last of the keys expires; -1 if one never does.
local function remaining(keys)
  local longest = 0
  for _, key in ipairs(keys) do
    local left = redis.call('PTTL', key)
    if left == -1 then return -1 end
    if left > longest then longest = left end
  end
  return longest
end

-- What keeps this user from dealing with a lock to its end, if anything. One that it could not extend or
-- release again must not be granted.
local checked, refusal
local function refused(key)
  if checked then return refusal end
  checked = true
  local needed = {{'SET', key, ''}, {'GET', key}, {'DEL', key}, {'EXISTS', key}, {'PTTL', key}, {'PEXPIRE', key, 1}}
  for _, command in ipairs(needed) do
    if not redis.acl_check_cmd(unpack(command)) then
      refusal = {err = 'NOPERM the user may not run ' .. command[1]}
    end
  end
  return refusal
end

function operations.grant(keys, token, ttl)
  if refused(keys[1]) then return refusal end
  if #keys == 1 then
    if redis.call('SET', keys[1], token, 'NX', 'PX', ttl) then return 'granted' end
    return {'denied', remaining(keys)}
  end
  if redis.call('EXISTS', unpack(keys)) > 0 then return {'denied', remaining(keys)} end
  for i, key in ipairs(keys) do
    local set = redis.pcall('SET', key, token, 'PX', ttl)
    if set.err then
      redis.call('DEL', unpack(keys, 1, i))
      return set
    end
  end
  return 'granted'
end

function operations.extend(keys, token, ttl)
  local missing, others = {}, {}
  for _, key in ipairs(keys) do
    local owner = owner_of(key)
    if not owner then missing[key] = true
    elseif owner ~= token then others[#others + 1] = key end
  end
  if #others > 0 then return {'taken', remaining(others)} end
  for _, key in ipairs(keys) do
    if missing[key] then redis.call('SET', key, token, 'PX', ttl)
    else redis.call('PEXPIRE', key, ttl, 'GT') end
  end
  return next(missing) and 'repaired' or 'extended'
end

function operations.release(keys, token)
  local own = {}
  for _, key in ipairs(keys) do
    if owner_of(key) == token then own[#own + 1] = key end
  end
  if #own > 0 then redis.call('DEL', unpack(own)) end
  return #own == #keys and 'released' or 'absent'
end

function operations.inspect(keys)
  local owner = owner_of(keys[1])
  if not owner then return 'free' end
  return {'held', remaining(keys), type(owner) == 'string' and string.sub(owner, 1, 256)}
end

local replies, first = {}, 1
for i = 1, #ARGV, 4 do
  local keys = {unpack(KEYS, first, first + ARGV[i + 1] - 1)}
  first = first + #keys
  local done, reply = pcall(operations[ARGV[i]], keys, ARGV[i + 2], ARGV[i + 3])
  if not done and type(reply) ~= 'table' then reply = {err = tostring(reply)} end
  replies[#replies + 1] = reply
end
return replies
`;

export const OPERATIONS_SHA: string = createHash('sha1').update(OPERATIONS).digest('hex');
