-- decide.lua - peers (e) and (f): the decision in access_by_lua.
--
-- decide() asks Redis for each request: does the workspace exist, and is this
-- user a member?  Two reads in one pipelined trip over a cosocket from the
-- keepalive pool, which has room for all clients.  decide_with_cache() keeps
-- the decision for a second in lua-resty-lrucache, a table of the worker.
--
-- Written as a good hand-written program is: everything is a local, patterns
-- are compiled and cached ("jo"), the request to Redis is one concatenation and
-- one call.
--
-- In its favour: the partition in the key names is configured instead of
-- looked up, tenant and user are not escaped into the keys, of the record one
-- field is read instead of all, and nothing is made of roles and permissions.

local lrucache = require("resty.lrucache")

local ngx     = ngx
local var     = ngx.var
local exit    = ngx.exit
local tcp     = ngx.socket.tcp
local re_find = ngx.re.find
local sub     = string.sub

local POOL_SIZE     = 1024
local IDLE_MS       = 60000
local TIMEOUT_MS    = 5000
local CACHE_ENTRIES = 10000
local CACHE_SECONDS = 1

local redis_socket, key_prefix
local decisions = lrucache.new(CACHE_ENTRIES)

local _M = {}


function _M.configure(socket, key_partition)
    redis_socket = "unix:" .. socket
    key_prefix = "wsp:{" .. key_partition .. "}:"
end


-- Whether there is something under the field of an HGET; or nil and an error.
local function read_presence(sock)
    local line, err = sock:receive()
    if not line then
        return nil, err
    end
    if sub(line, 1, 1) ~= "$" then
        return nil, line
    end
    if line == "$-1" then
        return false
    end

    local data
    data, err = sock:receive(sub(line, 2) + 2)
    if not data then
        return nil, err
    end
    return true
end


local function is_member(tenant, user, workspace)
    local key = key_prefix .. tenant .. ":w:" .. workspace
    local member_key = key .. ":m"
    local sock = tcp()
    sock:settimeout(TIMEOUT_MS)

    local ok, err = sock:connect(redis_socket)
    if not ok then
        return nil, err
    end

    ok, err = sock:send(
        "*3\r\n$4\r\nHGET\r\n$" .. #key .. "\r\n" .. key
        .. "\r\n$3\r\nrev\r\n"
        .. "*3\r\n$4\r\nHGET\r\n$" .. #member_key .. "\r\n" .. member_key
        .. "\r\n$" .. #user .. "\r\n" .. user .. "\r\n")
    if not ok then
        return nil, err
    end

    local exists, member
    exists, err = read_presence(sock)
    if exists == nil then
        return nil, err
    end
    member, err = read_presence(sock)
    if member == nil then
        return nil, err
    end

    sock:setkeepalive(IDLE_MS, POOL_SIZE)
    return exists and member
end


-- Tenant, user and workspace; or ends the request.
local function asked()
    local tenant, user = var.http_x_tenant, var.http_x_user
    if not tenant or tenant == "" or not user or user == "" then
        return exit(401)
    end

    local workspace = var.http_x_workspace_id
    if not workspace or not re_find(workspace, [[^[1-9]\d*$]], "jo") then
        return exit(404)
    end
    return tenant, user, workspace
end


local function finish(allowed, err)
    if allowed then
        return
    end
    if allowed == nil then
        ngx.log(ngx.ERR, "redis: ", err)
        return exit(503)
    end
    return exit(404)
end


function _M.decide()
    local tenant, user, workspace = asked()
    return finish(is_member(tenant, user, workspace))
end


function _M.decide_with_cache()
    local tenant, user, workspace = asked()
    local name = workspace .. " " .. tenant .. " " .. user
    local allowed, err = decisions:get(name)

    if allowed == nil then
        allowed, err = is_member(tenant, user, workspace)
        if allowed ~= nil then
            decisions:set(name, allowed, CACHE_SECONDS)
        end
    end
    return finish(allowed, err)
end


return _M
