-- The keys of a tenant and what is in them, as text, one line a key: ARGV[1]
-- begins them all.

local lines = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local kind = redis.call('TYPE', key).ok
  local parts = {}
  if kind == 'hash' then
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      parts[#parts + 1] = all[i] .. '=' .. all[i + 1]
    end
  elseif kind == 'zset' then
    local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
      parts[#parts + 1] = all[i] .. '=' .. all[i + 1]
    end
  elseif kind == 'set' then
    parts = redis.call('SMEMBERS', key)
  else
    parts = {redis.call('GET', key)}
  end
  table.sort(parts)
  lines[#lines + 1] = string.sub(key, #ARGV[1] + 1) .. ' ' .. kind .. ' '
    .. table.concat(parts, ' | ')
end
table.sort(lines)
return lines
