-- workspace.lua - peer (c): GET of one workspace in content_by_lua.
--
-- The same work as the module's for a plain member: identity from headers,
-- the workspace record and the caller's membership from Redis in one
-- pipelined trip, the decision, the JSON, the headers.  It is written as a
-- good hand-written program is: everything is a local, patterns are compiled
-- and cached (ngx.re with "jo"), requests to Redis are built by concatenation
-- and sent with one call, connections come from cosockets' keepalive pool
-- with room for all clients, JSON is concatenated.
--
-- In its favour: the partition in the key names is configured instead of
-- looked up, tenant and user are not escaped into the keys, and the labels
-- are passed through as they are stored.
--
-- cosockets belong to a request, so a connection serves one request at a
-- time: the batching of many requests into one write, which the module does,
-- has no counterpart here.

local ngx      = ngx
local var      = ngx.var
local header   = ngx.header
local tcp      = ngx.socket.tcp
local null     = ngx.null
local re_find  = ngx.re.find
local re_gsub  = ngx.re.gsub
local sub      = string.sub
local byte     = string.byte
local format   = string.format
local floor    = math.floor
local date     = os.date
local tonumber = tonumber

local POOL_SIZE  = 1024
local IDLE_MS    = 60000
local TIMEOUT_MS = 5000
local DOLLAR, STAR, COLON, MINUS = byte("$"), byte("*"), byte(":"), byte("-")

local escapes = {
    ['"'] = [[\"]], ["\\"] = [[\\]], ["\b"] = [[\b]], ["\f"] = [[\f]],
    ["\n"] = [[\n]], ["\r"] = [[\r]], ["\t"] = [[\t]],
}

local redis_socket, partition

local _M = {}


function _M.configure(socket, key_partition)
    redis_socket = "unix:" .. socket
    partition = key_partition
end


local function fail(status, message)
    local body = '{"message":"' .. message .. '"}'

    ngx.status = status
    header["Content-Type"] = "application/json; charset=utf-8"
    header["Content-Length"] = #body
    header["X-Request-ID"] = var.request_id
    ngx.print(body)
end


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


-- The record's fields and the membership of `user`, in one trip.
local function load(key, user)
    local member_key = key .. ":m"
    local sock = tcp()
    sock:settimeout(TIMEOUT_MS)

    local ok, err = sock:connect(redis_socket)
    if not ok then
        return nil, err
    end

    ok, err = sock:send(
        "*7\r\n$5\r\nHMGET\r\n$" .. #key .. "\r\n" .. key
        .. "\r\n$4\r\nname\r\n$4\r\nlogo\r\n$6\r\nlabels\r\n"
        .. "$5\r\nowner\r\n$3\r\nrev\r\n"
        .. "*3\r\n$4\r\nHGET\r\n$" .. #member_key .. "\r\n" .. member_key
        .. "\r\n$" .. #user .. "\r\n" .. user .. "\r\n")
    if not ok then
        return nil, err
    end

    local record, membership
    record, err = read_reply(sock)
    if not record then
        return nil, err
    end
    membership, err = read_reply(sock)
    if not membership then
        return nil, err
    end

    sock:setkeepalive(IDLE_MS, POOL_SIZE)
    return record, membership
end


function _M.get()
    local tenant, user = var.http_x_tenant, var.http_x_user
    if not tenant or tenant == "" or not user or user == "" then
        return fail(401, "authentication required")
    end

    local uri = var.uri
    local from, to = re_find(uri, [[^/api/workspaces/(\d+)/?$]], "jo", nil, 1)
    if not from then
        return fail(404, "workspace not found")
    end
    local id = sub(uri, from, to)

    local record, membership =
        load("wsp:{" .. partition .. "}:" .. tenant .. ":w:" .. id, user)
    if not record then
        ngx.log(ngx.ERR, "redis: ", membership)
        return fail(503, "service unavailable")
    end

    local name, logo, labels, owner, rev =
        record[1], record[2], record[3], record[4], record[5]
    if name == null or membership == null then
        return fail(404, "workspace not found")
    end

    -- "<created ms> <role>,<role>"
    local blank = re_find(membership, " ", "jo")
    local created = tonumber(sub(membership, 1, blank - 1))
    local roles = sub(membership, blank + 1)
    if owner == user or re_find(roles, "(?:^|,)admin(?:,|$)", "jo") then
        return fail(501, "what admins see is not part of this comparison")
    end
    if roles ~= "" then
        roles = '"' .. re_gsub(roles, ",", '","', "jo") .. '"'
    end

    local body = '{"_id":"' .. id
        .. '","name":' .. quote(name)
        .. ',"logo":' .. ((logo == null or logo == "") and "null"
                          or quote(logo))
        .. ',"labels":' .. labels
        .. ',"members":[{"user":' .. quote(user)
        .. ',"roles":[' .. roles
        .. '],"created":"' .. timestamp(created)
        .. '"}],"invites":[]}'

    header["Content-Type"] = "application/json; charset=utf-8"
    header["Content-Length"] = #body
    header["Cache-Control"] = "private, no-cache"
    header["ETag"] = '"' .. rev .. '"'
    header["X-Request-ID"] = var.request_id
    ngx.print(body)
end


return _M
