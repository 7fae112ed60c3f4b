/**
 * Tells which commands the user may run, and runs none of them. ARGV: for each command the number of its words, and the words. Reply: for each 1
 * if the user may run it, 0 if not, -1 if the server does not have it.
 */
export const PERMISSIONS: string = `
local replies, i = {}, 1
while i <= #ARGV do
  local count = tonumber(ARGV[i])
  local is_known, is_allowed = pcall(redis.acl_check_cmd, unpack(ARGV, i + 1, i + count))
  replies[#replies + 1] = not is_known and -1 or is_allowed and 1 or 0
  i = i + count + 1
end
return replies
`;
