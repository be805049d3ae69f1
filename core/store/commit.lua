-- Commit: a list of checks and a list of writes, applied all or nothing.
--
-- KEYS[1]   the mark of this commit, which tells that it was done; behind it
--           those that must not be there, then the others that it names
-- ARGV[1]   the program: bytes, as below
-- ARGV[2]   what the mark must hold; "": it must not be there
-- ARGV[3]   what it holds afterwards; "": the revision
-- ARGV[4]   how long it is kept, in milliseconds
-- ARGV[5]   and on: words, in the order in which the program takes them
--
-- The program is how many keys must not be there, then steps, each of an
-- operation, a key (its number in KEYS, two bytes, the higher first) and a
-- count.  Checks:
--
--   FIELDS  of a hash: one byte for each tells what it must be (NIL, TEXT,
--           THERE); takes their names, then a word for each TEXT
--   NIL, TEXT, BELOW   what a command must answer: nil, this text, an integer
--           below this; takes this (but for NIL), the name of the command, and
--           as many arguments behind its key
--
-- 0 ends them.  After it comes the key, two bytes, of the record whose revision
-- is one more then, or 0.  Writes:
--
--   COMMAND  takes a name, and as many arguments behind the key
--   LIST     takes an id, and adds it, with itself as its score, to the sorted
--            set and to as many more, the numbers of whose keys follow
--   COUNT    takes a field and a number: HINCRBY that leaves no 0 behind
--   OWN      as COMMAND, but it is one of the script's own, below
--
-- Answers {1, revision} when it is done, be it now or by an earlier sending of
-- the same ({1, 0} where the mark does not hold the revision), and {0, x} when
-- nothing was written; x is 1 where the first of the keys that must not be
-- there is there.
--
-- What may fail by what a key holds, the revision, comes first of the writes,
-- then the mark: when Redis is out of memory, a replica or cannot persist, it
-- refuses the first of them, and nothing is half written.
--
-- Of the script's own:
--
-- UNLIST <key> <prefix> <suffix> <member> <most>: takes so many fields of the
-- hash or members of the set <key> away, and for each it removes <member> from
-- the sorted set named prefix .. escaped field .. suffix, or, when suffix is
-- "", the field "active" of that hash if it equals <member>. Those keys are in
-- the slot of the declared ones (same hash tag).
--
-- ENLIST <key> <prefix> <suffix> <id>: for each field of the hash <key> it adds
-- <id>, with itself as its score, to the sorted set named prefix .. escaped
-- field .. suffix.
--
-- FORGET <key> <prefix> <name>: each value of the hash <key> is a JSON object,
-- and it unlinks prefix .. the text that the object has under <name>.
--
-- ADVANCE <list> <queue> <lane> <due>: the first of the list is dropped; where
-- another one follows, <lane> is due at that time in the sorted set <queue>,
-- else it is removed there.
--
-- PRUNE <ended> <all> <prefix> <suffix> <time> <most>: members of the sorted
-- set <ended> with scores below <time>, and the lowest where there are more
-- than <most>, at most 100 at once, are removed from it and from the sorted set
-- <all>, and prefix .. member and that .. suffix are unlinked.

-- store/commit.cc knows these numbers, too.
local NIL, TEXT, BELOW, THERE, FIELDS = 1, 2, 3, 4, 5
local COMMAND, LIST, COUNT, OWN = 1, 2, 3, 4

local call, byte, keys, words = redis.call, string.byte, KEYS, ARGV
local program, before, after, lifetime = words[1], words[2], words[3], words[4]
local absent = byte(program)
local pos, at = 2, 5  -- the next byte of the program, the next word

if before == '' then
  if call('EXISTS', unpack(keys, 1, absent + 1)) ~= 0 then
    local mark = call('GET', keys[1])
    if mark == '' then
      return redis.error_reply('ERR an earlier sending of it broke off')
    elseif mark then
      return {1, tonumber(mark)}
    end
    return {0, call('EXISTS', keys[2])}
  end
else
  local mark = call('GET', keys[1])
  if mark ~= before then
    if mark == '' then
      return redis.error_reply('ERR an earlier sending of it broke off')
    end
    return {mark == after and 1 or 0, 0}
  end
  if absent > 0 and call('EXISTS', unpack(keys, 2, absent + 1)) ~= 0 then
    return {0, call('EXISTS', keys[2])}
  end
end

while true do
  local operation, high, low, count = byte(program, pos, pos + 3)
  if operation == 0 then
    break
  end
  local key = keys[high * 256 + low]
  pos = pos + 4
  if operation == FIELDS then
    local got = call('HMGET', key, unpack(words, at, at + count - 1))
    at = at + count
    for i = 1, count do
      local wanted = byte(program, pos)
      pos = pos + 1
      if wanted == TEXT then
        if got[i] ~= words[at] then
          return {0, 0}
        end
        at = at + 1
      elseif (wanted == NIL) ~= (got[i] == false) then
        return {0, 0}
      end
    end
  else
    local wanted = false
    if operation ~= NIL then
      wanted = words[at]
      at = at + 1
    end
    local got = call(words[at], key, unpack(words, at + 1, at + count))
    at = at + count + 1
    if operation == BELOW then
      if got >= tonumber(wanted) then
        return {0, 0}
      end
    elseif (got and tostring(got)) ~= wanted then
      return {0, 0}
    end
  end
end

local function own(name, key, a, b, c, d, e)
  local function escape(text)
    return (string.gsub(text, '[^%w_.~-]', function(c)
      return string.format('%%%02X', byte(c))
    end))
  end

  if name == 'UNLIST' then
    local prefix, suffix, member, most = a, b, c, d
    local names
    if call('TYPE', key).ok == 'set' then
      names = call('SPOP', key, most)
    else
      names = call('HRANDFIELD', key, most)
      if #names > 0 then
        call('HDEL', key, unpack(names))
      end
    end
    for _, each in ipairs(names) do
      local of = prefix .. escape(each) .. suffix
      if suffix ~= '' then
        call('ZREM', of, member)
      elseif call('HGET', of, 'active') == member then
        call('HDEL', of, 'active')
      end
    end
  elseif name == 'ENLIST' then
    local prefix, suffix, id = a, b, c
    for _, each in ipairs(call('HKEYS', key)) do
      call('ZADD', prefix .. escape(each) .. suffix, id, id)
    end
  elseif name == 'FORGET' then
    local prefix, field = a, b
    for _, value in ipairs(call('HVALS', key)) do
      local is_json, object = pcall(cjson.decode, value)
      local text = is_json and type(object) == 'table' and object[field]
      if type(text) == 'string' then
        call('UNLINK', prefix .. text)
      end
    end
  elseif name == 'ADVANCE' then
    local queue, lane, due = a, b, c
    call('LPOP', key)
    if call('EXISTS', key) == 1 then
      call('ZADD', queue, due, lane)
    else
      call('ZREM', queue, lane)
    end
  elseif name == 'PRUNE' then
    local all, prefix, suffix, time, most = a, b, c, tonumber(d), tonumber(e)
    local excess = call('ZCARD', key) - most
    local oldest = call('ZRANGE', key, 0, 99, 'WITHSCORES')
    local pruned = 0
    for i = 1, #oldest, 2 do
      if pruned >= excess and tonumber(oldest[i + 1]) >= time then
        break
      end
      call('ZREM', key, oldest[i])
      call('ZREM', all, oldest[i])
      local of = prefix .. escape(oldest[i])
      call('UNLINK', of, of .. suffix)
      pruned = pruned + 1
    end
  end
end

local function apply()
  local size = #program
  while pos <= size do
    local operation, high, low, count = byte(program, pos, pos + 3)
    local key = keys[high * 256 + low]
    pos = pos + 4
    if operation == COMMAND then
      call(words[at], key, unpack(words, at + 1, at + count))
      at = at + count + 1
    elseif operation == LIST then
      local id = words[at]
      at = at + 1
      call('ZADD', key, id, id)
      for _ = 1, count do
        high, low = byte(program, pos, pos + 1)
        pos = pos + 2
        call('ZADD', keys[high * 256 + low], id, id)
      end
    elseif operation == COUNT then
      if call('HINCRBY', key, words[at], words[at + 1]) == 0 then
        call('HDEL', key, words[at])
      end
      at = at + 2
    else
      own(words[at], key, unpack(words, at + 1, at + count))
      at = at + count + 1
    end
  end
end

local high, low = byte(program, pos + 1, pos + 2)
pos = pos + 3
local revision = 0
if high + low > 0 then
  revision = call('HINCRBY', keys[high * 256 + low], 'rev', 1)
end
call('SET', keys[1], after ~= '' and after or revision, 'PX', lifetime)
local done, why = pcall(apply)
if not done then
  call('SET', keys[1], '', 'PX', lifetime)
  error(why)
end
return {1, revision}
