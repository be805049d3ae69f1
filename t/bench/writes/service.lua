-- service.lua - peer (b): creating workspaces and adding members in
-- content_by_lua.
--
-- With the guarantees of the module: a change is one script in Redis, so all
-- of it is there or nothing; it keeps the same keys, with every index; a
-- request with an Idempotency-Key takes effect once, is answered the same when
-- it is repeated, and refused when the key was used for another.  To add a
-- member is to read the workspace, to decide, and to commit if it is at the
-- same revision still; else it is read again.  What was sent over a connection
-- that broke is sent once more, which the key makes safe.
--
-- To create one takes one trip to Redis, to add a member two, over cosockets
-- from the keepalive pool.
--
-- In its favour: the partition in the key names is configured instead of
-- looked up, every request must bring an Idempotency-Key, two at a time with
-- the same one are not told apart until they commit, and of what a body may
-- bring only that is looked at which these requests have.

local cjson = require("cjson.safe")

local ngx      = ngx
local var      = ngx.var
local req      = ngx.req
local header   = ngx.header
local tcp      = ngx.socket.tcp
local md5      = ngx.md5
local null     = ngx.null
local escape   = ngx.escape_uri
local re_find  = ngx.re.find
local re_gsub  = ngx.re.gsub
local sub      = string.sub
local byte     = string.byte
local format   = string.format
local lower    = string.lower
local floor    = math.floor
local date     = os.date
local tonumber = tonumber
local concat   = table.concat
local sort     = table.sort

local POOL_SIZE  = 1024
local IDLE_MS    = 60000
local TIMEOUT_MS = 5000
local TRIES      = 16
local DOLLAR, STAR, COLON, MINUS = byte("$"), byte("*"), byte(":"), byte("-")

local escapes = {
    ['"'] = [[\"]], ["\\"] = [[\\]], ["\b"] = [[\b]], ["\f"] = [[\f]],
    ["\n"] = [[\n]], ["\r"] = [[\r]], ["\t"] = [[\t]],
}

local redis_socket, partition, create_sha, add_sha

local _M = {}


function _M.configure(socket, key_partition, create, add)
    redis_socket = "unix:" .. socket
    partition = key_partition
    create_sha, add_sha = create, add
end


-- -- JSON, by hand

local function escaped(m)
    local char = m[0]
    return escapes[char] or format("\\u%04x", byte(char))
end


local function quote(text)
    local special = [=[["\\\x00-\x1f]]=]
    if re_find(text, special, "jo") then
        text = re_gsub(text, special, escaped, "jo")
    end
    return '"' .. text .. '"'
end


local function timestamp(ms)
    return date("!%Y-%m-%dT%H:%M:%S", floor(ms / 1000))
           .. format(".%03dZ", ms % 1000)
end


local function member_json(user, created, roles)
    return '{"user":' .. quote(user)
           .. ',"roles":["' .. re_gsub(roles, ",", '","', "jo")
           .. '"],"created":"' .. timestamp(created) .. '"}'
end


local function answer(status, body, revision)
    ngx.status = status
    header["Content-Type"] = "application/json; charset=utf-8"
    header["Content-Length"] = #body
    header["Cache-Control"] = "private, no-cache"
    if revision then
        header["ETag"] = '"' .. revision .. '"'
        header["Workspace-Revision"] = revision
    end
    header["X-Request-ID"] = var.request_id
    ngx.print(body)
end


local function refuse(status, message)
    return answer(status, '{"message":"' .. message .. '"}')
end


-- -- Redis

local function command(...)
    local words = {...}
    local out = {"*" .. #words .. "\r\n"}
    for i = 1, #words do
        local word = words[i]
        out[i + 1] = "$" .. #word .. "\r\n" .. word .. "\r\n"
    end
    return concat(out)
end


-- One reply: a string, a number, null, a table of these; or nil and an error.
local function read_reply(sock)
    local line, err = sock:receive()
    if not line then
        return nil, err
    end

    local kind = byte(line)

    if kind == DOLLAR then
        local size = tonumber(sub(line, 2))
        if size < 0 then
            return null
        end
        local data
        data, err = sock:receive(size + 2)
        if not data then
            return nil, err
        end
        return sub(data, 1, size)
    end

    if kind == STAR then
        local n = tonumber(sub(line, 2))
        local values = {}
        for i = 1, n do
            values[i], err = read_reply(sock)
            if values[i] == nil then
                return nil, err
            end
        end
        return values
    end

    if kind == COLON then
        return tonumber(sub(line, 2))
    end

    if kind == MINUS then
        return nil, sub(line, 2)
    end

    return sub(line, 2)
end


local function ask_once(commands, count)
    local sock = tcp()
    sock:settimeout(TIMEOUT_MS)

    local ok, err = sock:connect(redis_socket)
    if not ok then
        return nil, err
    end

    ok, err = sock:send(commands)
    if not ok then
        return nil, err
    end

    local replies = {}
    for i = 1, count do
        replies[i], err = read_reply(sock)
        if replies[i] == nil then
            return nil, err
        end
    end
    sock:setkeepalive(IDLE_MS, POOL_SIZE)
    return replies
end


local function ask(commands, count)
    local replies, err = ask_once(commands, count)
    if not replies and (err == "closed" or err == "broken pipe") then
        replies, err = ask_once(commands, count)
    end
    if not replies then
        ngx.log(ngx.ERR, "redis: ", err)
    end
    return replies
end


-- -- requests

-- Tenant, user, the body as it is and as a table, and the key for the answer;
-- or nil, when the request is answered.
local function read_request()
    local tenant, user = var.http_x_tenant, var.http_x_user
    if not tenant or tenant == "" or not user or user == "" then
        return refuse(401, "authentication required")
    end

    local name = var.http_idempotency_key
    if not name or name == "" or #name > 255 then
        return refuse(400, "Idempotency-Key is required")
    end

    req.read_body()
    local text = req.get_body_data() or ""
    local body = cjson.decode(text)
    if type(body) ~= "table" or byte(text) ~= byte("{") then
        return refuse(400, "the body must be a JSON object")
    end

    local prefix = "wsp:{" .. partition .. "}:" .. escape(tenant) .. ":"
    return prefix, user, text, body,
        prefix .. "k:" .. md5(user .. "\n" .. name)
end


local function is_text(value, most)
    return type(value) == "string" and value ~= "" and #value <= most
        and not re_find(value, [=[[\x00-\x1f\x7f]]=], "jo")
end


local function read_labels(labels)
    if labels == nil then
        return {}, "[]"
    end
    if type(labels) ~= "table" or #labels > 100 then
        return nil
    end
    local distinct, quoted, seen = {}, {}, {}
    for i = 1, #labels do
        local label = labels[i]
        if not is_text(label, 64) then
            return nil
        end
        if not seen[label] then
            seen[label] = true
            distinct[#distinct + 1] = escape(label)
            quoted[#quoted + 1] = quote(label)
        end
    end
    return distinct, "[" .. concat(quoted, ",") .. "]"
end


function _M.create()
    local prefix, user, text, body, key = read_request()
    if not prefix then
        return
    end

    local name = body.name
    if not is_text(name, 255) then
        return refuse(400, "name must be 1 to 255 characters")
    end
    local labels, labels_json = read_labels(body.labels)
    if not labels then
        return refuse(400, "labels must be an array of strings")
    end

    local slug = re_gsub(lower(name), "[^a-z0-9]+", "-", "jo")
    slug = re_gsub(slug, "^-|-$", "", "jo")
    slug = slug == "" and "workspace" or sub(slug, 1, 100)

    local now = floor(ngx.now() * 1000)
    local replies = ask(command("EVALSHA", create_sha, "1", key, prefix,
        md5("create\n" .. text), format("%d", now), user, escape(user),
        name, escape(name), slug, labels_json,
        '","name":' .. quote(name) .. ',"logo":null,"labels":' .. labels_json
        .. ',"members":[' .. member_json(user, now, "admin,user")
        .. '],"invites":[]}',
        unpack(labels)), 1)
    if not replies then
        return refuse(503, "service unavailable")
    end
    if replies[1][1] == 422 then
        return refuse(422, "this Idempotency-Key was used for another request")
    end
    return answer(200, replies[1][2], 1)
end


local function pairs_of(flat)
    local all = {}
    for i = 1, #flat, 2 do
        local created, roles = flat[i + 1]:match("^(%d+) (.*)$")
        all[#all + 1] = {flat[i], tonumber(created), roles}
    end
    return all
end


local function by_age(a, b)
    if a[2] ~= b[2] then
        return a[2] < b[2]
    end
    return a[1] < b[1]
end


-- The answer's text.
local function workspace_json(id, record, members)
    local shown = {}
    for i = 1, #members do
        local each = members[i]
        shown[i] = member_json(each[1], each[2], each[3])
    end
    return '{"message":"Member added successfully.","workspace":{"_id":"'
        .. id .. '","name":' .. quote(record[1])
        .. ',"logo":' .. ((record[2] == null or record[2] == "") and "null"
                          or quote(record[2]))
        .. ',"labels":' .. record[3]
        .. ',"members":[' .. concat(shown, ",") .. '],"invites":[]}}'
end


function _M.add()
    local prefix, user, text, body, key = read_request()
    if not prefix then
        return
    end

    local uri = var.uri
    local from, to =
        re_find(uri, [[^/api/workspaces/(\d+)/members/?$]], "jo", nil, 1)
    if not from then
        return refuse(404, "workspace not found")
    end
    local id = sub(uri, from, to)

    local added, roles = body.userId, body.roles
    if not is_text(added, 255) then
        return refuse(400, "userId is required")
    end
    if type(roles) ~= "table" or #roles == 0 or #roles > 32 then
        return refuse(400, "roles is required")
    end
    for i = 1, #roles do
        if type(roles[i]) ~= "string"
           or not re_find(roles[i], "^[A-Za-z0-9_-]{1,64}$", "jo") then
            return refuse(400, "a role is a name")
        end
    end
    local joined = concat(roles, ",")
    local fingerprint = md5("add " .. id .. "\n" .. text)
    local record_key = prefix .. "w:" .. id

    for _ = 1, TRIES do
        local replies = ask(command("GET", key)
            .. command("HMGET", record_key, "name", "logo", "labels", "owner",
                       "rev")
            .. command("HGETALL", record_key .. ":m")
            .. command("HGETALL", record_key .. ":i"), 4)
        if not replies then
            return refuse(503, "service unavailable")
        end

        local kept, record, members, invites =
            replies[1], replies[2], pairs_of(replies[3]), replies[4]
        local mine, known
        for i = 1, #members do
            mine = members[i][1] == user and members[i] or mine
            known = known or members[i][1] == added
        end
        if record[1] == null or not mine then
            return refuse(404, "workspace not found")
        end
        if record[4] ~= user
           and not re_find(mine[3], "(?:^|,)admin(?:,|$)", "jo") then
            return refuse(403, "workspace admin privileges required")
        end
        if kept ~= null then
            if sub(kept, 1, 32) ~= fingerprint then
                return refuse(422,
                    "this Idempotency-Key was used for another request")
            end
            local blank = re_find(kept, " ", "jo")
            return answer(200, sub(kept, blank + 1), sub(kept, 33, blank - 1))
        end
        if known then
            return refuse(400, "already a member")
        end
        if #invites ~= 0 then
            return refuse(501, "invitations are not part of this comparison")
        end

        local now = floor(ngx.now() * 1000)
        sort(members, by_age)
        members[#members + 1] = {added, now, joined}
        local shown = workspace_json(id, record, members)
        local revision = format("%d", tonumber(record[5]) + 1)
        replies = ask(command("EVALSHA", add_sha, "1", key, prefix, id,
            record[5], added, escape(added), format("%d %s", now, joined),
            fingerprint .. revision .. " " .. shown, unpack(roles)), 1)
        if not replies then
            return refuse(503, "service unavailable")
        end
        if replies[1] ~= 0 then
            return answer(200, shown, revision)
        end
    end
    return refuse(409, "others are changing the same at this moment")
end


return _M
