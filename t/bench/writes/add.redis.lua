-- Adds a member, all or nothing, if the workspace is still at the revision
-- that the answer was made of, and the Idempotency-Key is still new.
--
-- KEYS[1]  where the answer of this Idempotency-Key is kept
-- ARGV     1 prefix of the tenant's keys   2 id of the workspace
--          3 its revision   4 the user, 5 escaped   6 the membership
--          7 what is to be kept   8 and on: roles
--
-- Answers the new revision, or 0 when nothing was written.

local prefix, id = ARGV[1], ARGV[2]
local key = prefix .. 'w:' .. id

if redis.call('EXISTS', KEYS[1]) == 1
   or redis.call('HGET', key, 'rev') ~= ARGV[3] then
  return 0
end

local revision = redis.call('HINCRBY', key, 'rev', 1)
redis.call('HSET', key .. ':m', ARGV[4], ARGV[6])
redis.call('ZADD', prefix .. 'u:' .. ARGV[5] .. ':w', id, id)
for i = 8, #ARGV do
  redis.call('HINCRBY', key .. ':n', ARGV[i], 1)
end
redis.call('SET', KEYS[1], ARGV[7], 'PX', 86400000)
return revision
