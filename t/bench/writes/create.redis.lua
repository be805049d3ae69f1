-- Creates a workspace, all or nothing, once for each Idempotency-Key.
--
-- KEYS[1]  where the answer of this Idempotency-Key is kept
-- ARGV     1 prefix of the tenant's keys   2 fingerprint of the request
--          3 now, in ms   4 owner, 5 escaped   6 name, 7 escaped   8 slug
--          9 labels as JSON   10 end of the answer, after the id
--          11 and on: labels, escaped
--
-- Answers {status, body}.

local prefix, fingerprint, now = ARGV[1], ARGV[2], ARGV[3]

local kept = redis.call('GET', KEYS[1])
if kept then
  if string.sub(kept, 1, #fingerprint) ~= fingerprint then
    return {422, ''}
  end
  return {200, string.sub(kept, #fingerprint + 1)}
end

local id = string.format('%d', redis.call('INCR', prefix .. 'id'))
local key = prefix .. 'w:' .. id
local slug = ARGV[8]
if redis.call('EXISTS', prefix .. 's:' .. slug) == 1 then
  slug = slug .. '-' .. id
end

redis.call('HSET', key, 'rev', '1', 'name', ARGV[6], 'slug', slug, 'logo', '',
           'labels', ARGV[9], 'owner', ARGV[4], 'created', now,
           'updated', now)
redis.call('ZADD', prefix .. 'ws', id, id)
redis.call('SET', prefix .. 's:' .. slug, id)
redis.call('ZADD', prefix .. 'n:' .. ARGV[7], id, id)
redis.call('HSET', key .. ':m', ARGV[4], now .. ' admin,user')
redis.call('ZADD', prefix .. 'u:' .. ARGV[5] .. ':w', id, id)
redis.call('HINCRBY', key .. ':n', 'admin', 1)
redis.call('HINCRBY', key .. ':n', 'user', 1)
for i = 11, #ARGV do
  redis.call('ZADD', prefix .. 'l:' .. ARGV[i], id, id)
end

local body = '{"_id":"' .. id .. ARGV[10]
redis.call('SET', KEYS[1], fingerprint .. body, 'PX', 86400000)
return {200, body}
