-- Commit: a list of checks and a list of writes, applied all or nothing.
--
-- KEYS[1]   the token of this commit; the other KEYS are what it names
-- ARGV[1]   how long the token is remembered, in milliseconds
-- ARGV[2]   how many checks follow
-- a check:  what the command must answer ("=" and the text of the answer,
--           "!" for nil, or "<" and a number that the answer is below), then
--           a command
-- a write:  a command
-- command:  how many arguments come after this number, its name, the index
--           of its key in KEYS, the rest of its arguments
--
-- Answers {1, answer of the first write} when it is done, be it now or by an
-- earlier sending of the same token, and {0, number of the failed check} when
-- nothing was written.
--
-- The first write sets the token: when Redis is out of memory, a replica or
-- cannot persist, it refuses that one, and nothing is half written. The write
-- that may fail by what a key holds, a counter's, comes next.
--
-- UNLIST <key> <prefix> <suffix> <member> is no command of Redis: for each
-- field of the hash or member of the set <key> it removes <member> from the
-- sorted set named prefix .. escaped field .. suffix, or, when suffix is "",
-- the field "active" of that hash if it equals <member>. Those keys are in
-- the slot of the declared ones (same hash tag).
--
-- COUNT <key> <field> <by> is none, either: HINCRBY that leaves no 0 behind.
--
-- ENLIST <key> <prefix> <suffix> <id> is none, either: for each field of the
-- hash <key> it adds <id>, with itself as its score, to the sorted set named
-- prefix .. escaped field .. suffix.
--
-- Nor is FORGET <key> <prefix> <name>: each value of the hash <key> is a JSON
-- object, and it unlinks prefix .. the text that the object has under <name>.
--
-- Nor is ADVANCE <list> <queue> <lane> <due>: the first of the list is
-- dropped; where another one follows, <lane> is due at that time in the sorted
-- set <queue>, else it is removed there.
--
-- Nor is PRUNE <ended> <all> <prefix> <suffix> <time> <most>: members of the
-- sorted set <ended> with scores below <time>, and the lowest where there are
-- more than <most>, at most 100 at once, are removed from it and from the
-- sorted set <all>, and prefix .. member and that .. suffix are unlinked.

local done = redis.call('GET', KEYS[1])
if done == '' then
  return redis.error_reply('ERR an earlier sending of this commit broke off')
elseif done then
  return {1, done}
end

local at = 3

local function next_command()
  local count = tonumber(ARGV[at])
  local command = {ARGV[at + 1], KEYS[tonumber(ARGV[at + 2])]}
  for i = 3, count do
    command[i] = ARGV[at + i]
  end
  at = at + count + 1
  return command
end

local function escape(text)
  return (string.gsub(text, '[^%w_.~-]', function(c)
    return string.format('%%%02X', string.byte(c))
  end))
end

local function unlist(from, prefix, suffix, member)
  local is_set = redis.call('TYPE', from).ok == 'set'
  local names = redis.call(is_set and 'SMEMBERS' or 'HKEYS', from)
  for _, name in ipairs(names) do
    local key = prefix .. escape(name) .. suffix
    if suffix ~= '' then
      redis.call('ZREM', key, member)
    elseif redis.call('HGET', key, 'active') == member then
      redis.call('HDEL', key, 'active')
    end
  end
  return #names
end

local function count(key, field, by)
  local now = redis.call('HINCRBY', key, field, by)
  if now == 0 then
    redis.call('HDEL', key, field)
  end
  return now
end

local function enlist(from, prefix, suffix, id)
  local names = redis.call('HKEYS', from)
  for _, name in ipairs(names) do
    redis.call('ZADD', prefix .. escape(name) .. suffix, id, id)
  end
  return #names
end

local function forget(from, prefix, name)
  local values = redis.call('HVALS', from)
  for _, value in ipairs(values) do
    local is_json, object = pcall(cjson.decode, value)
    local text = is_json and type(object) == 'table' and object[name]
    if type(text) == 'string' then
      redis.call('UNLINK', prefix .. text)
    end
  end
  return #values
end

local function advance(list, queue, lane, due)
  redis.call('LPOP', list)
  if redis.call('EXISTS', list) == 1 then
    redis.call('ZADD', queue, due, lane)
  else
    redis.call('ZREM', queue, lane)
  end
  return 1
end

local function prune(ended, all, prefix, suffix, time, most)
  local excess = redis.call('ZCARD', ended) - tonumber(most)
  local oldest = redis.call('ZRANGE', ended, 0, 99, 'WITHSCORES')
  local pruned = 0
  for i = 1, #oldest, 2 do
    if pruned >= excess and tonumber(oldest[i + 1]) >= tonumber(time) then
      break
    end
    redis.call('ZREM', ended, oldest[i])
    redis.call('ZREM', all, oldest[i])
    local key = prefix .. escape(oldest[i])
    redis.call('UNLINK', key, key .. suffix)
    pruned = pruned + 1
  end
  return pruned
end

local function is(got, expected)
  if string.sub(expected, 1, 1) == '<' then
    return tonumber(got) < tonumber(string.sub(expected, 2))
  end
  return (got and '=' .. tostring(got) or '!') == expected
end

for check = 1, tonumber(ARGV[2]) do
  local expected = ARGV[at]
  at = at + 1
  if not is(redis.call(unpack(next_command())), expected) then
    return {0, check}
  end
end

redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
local first
while at <= #ARGV do
  local command = next_command()
  local answer
  if command[1] == 'UNLIST' then
    answer = unlist(command[2], command[3], command[4], command[5])
  elseif command[1] == 'COUNT' then
    answer = count(command[2], command[3], command[4])
  elseif command[1] == 'ENLIST' then
    answer = enlist(command[2], command[3], command[4], command[5])
  elseif command[1] == 'FORGET' then
    answer = forget(command[2], command[3], command[4])
  elseif command[1] == 'ADVANCE' then
    answer = advance(command[2], command[3], command[4], command[5])
  elseif command[1] == 'PRUNE' then
    answer = prune(command[2], command[3], command[4], command[5], command[6],
                   command[7])
  else
    answer = redis.call(unpack(command))
  end
  first = first or answer
end
if type(first) == 'table' then
  first = first.ok
end
first = tostring(first)
redis.call('SET', KEYS[1], first, 'PX', ARGV[1])
return {1, first}
