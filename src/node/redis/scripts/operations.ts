import { BRIEF, FOR_BRIEF } from './brief.ts';
import { GENERAL, RUN, USUAL } from './general.ts';
import { LINES } from './lines.ts';

/** What all operations need. */
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

-- The name of what is kept beside a key, in the same hash slot.
local function beside(key, suffix)
  local open = string.find(key, '{', 1, true)
  local close = open and string.find(key, '}', open + 1, true)
  if close and close > open + 1 then return key .. suffix end
  return '{' .. key .. '}' .. suffix
end

-- No client may put a counter more than an hour ahead of both what it was and this server's clock.
local limit
local function hint_limit()
  if limit then return limit end
  local time = call('TIME')
  limit = time[1] * 1000000 + time[2] + 3600000000
  return limit
end
`;

const SCRIPT = `
-- For how long fencing counters are kept; a brief command says so elsewhere.
local retention = ARGV[1]
local call, try = redis.call, redis.pcall
local library
local function rest()
  if library then return library end
${HEAD}${LINES}${USUAL}${GENERAL}${FOR_BRIEF}${RUN}
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
 * A `revoke` has a tombstone in place of the owner token. Its ttl is for a key that is free; 0 leaves a free key alone.
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
 * has been waiting. What is `taken` has the expiry, and whose lock it is. What is `held` has the expiry, the value, and the counter. What is
 * `revoked` has the expiry, and the value that the tombstone has replaced.
 *
 * Messages to inboxes: `turn` or `next`, a space, and the key.
 */
export const OPERATIONS: string = `local remembers = true${SCRIPT}`;

/**
 * The same, for servers that may have forgotten locks: it grants nothing, and sets nothing that is missing. Where it is,
 * a vote may have stood that an attempt still counts on.
 */
export const ALL_BUT_GRANTS: string = `local remembers = false${SCRIPT}`;
