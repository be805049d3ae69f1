-- Fills a tenant as the API does (core/store/keys.h), but faster.  scale.pl
-- proves with small numbers that both leave the same.
--
-- workspaces: ARGV prefix, 'workspaces', first id, last id, now
--   ten for each owner; the labels are "all", and one that every hundredth has
-- members: ARGV prefix, 'members', id, how many, now
--   of this workspace, beside its owner

local prefix, now = ARGV[1], ARGV[5]

local function workspaces(first, last)
  for number = first, last do
    local id = string.format('%d', number)
    local key = prefix .. 'w:' .. id
    local owner = string.format('owner-%d', math.floor((number - 1) / 10))
    local label = string.format('m%d', number % 100)
    redis.call('HSET', key, 'rev', '1', 'name', 'Workspace ' .. id, 'slug',
               'workspace-' .. id, 'logo', '', 'labels',
               '["all","' .. label .. '"]', 'owner', owner, 'created', now,
               'updated', now)
    redis.call('ZADD', prefix .. 'ws', id, id)
    redis.call('SET', prefix .. 's:workspace-' .. id, id)
    redis.call('ZADD', prefix .. 'n:Workspace%20' .. id, id, id)
    redis.call('HSET', key .. ':m', owner, now .. ' admin,user')
    redis.call('ZADD', prefix .. 'u:' .. owner .. ':w', id, id)
    redis.call('HINCRBY', key .. ':n', 'admin', 1)
    redis.call('HINCRBY', key .. ':n', 'user', 1)
    redis.call('ZADD', prefix .. 'l:all', id, id)
    redis.call('ZADD', prefix .. 'l:' .. label, id, id)
  end
  redis.call('SET', prefix .. 'id', string.format('%d', last))
end

local function members(number, count)
  local id = string.format('%d', number)
  local key = prefix .. 'w:' .. id
  for i = 1, count do
    local user = string.format('member-%d', i)
    redis.call('HSET', key .. ':m', user, now .. ' user')
    redis.call('ZADD', prefix .. 'u:' .. user .. ':w', id, id)
  end
  redis.call('HINCRBY', key .. ':n', 'user', count)
  redis.call('HINCRBY', key, 'rev', count)
end

local act = ARGV[2] == 'workspaces' and workspaces or members
act(tonumber(ARGV[3]), tonumber(ARGV[4]))
