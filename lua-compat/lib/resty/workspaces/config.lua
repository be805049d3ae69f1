-- config.lua - what is given to workspaces.init, checked and parsed.

local library = require "resty.workspaces.library"

local ffi = require "ffi"
local lib = library.lib
local str = library.str
local error = error
local format = string.format
local pairs = pairs
local setmetatable = setmetatable
local tostring = tostring
local type = type

local OK = lib.WSP_OK
local NEWLINE = 10

local _M = {}


local function wrong(...)
    error("resty.workspaces: " .. format(...), 0)
end


-- -- identity sources

local source_mt = {}

function _M.is_source(value)
    return getmetatable(value) == source_mt
end


-- Reads files and answers their texts, which `done` wipes.
local function reader()
    local texts = {}
    local function read(name, secret)
        local data, size = library.read_file(name, secret)
        if not data then
            wrong("%s", size)
        end
        texts[#texts + 1] = { data, size }
        return data, size
    end
    local function done()
        for _, text in pairs(texts) do
            library.wipe(text[1], text[2])
        end
    end
    return read, done
end


-- As an editor leaves it: the newline at its end is none of its.
local function read_secret(read, name)
    local data, size = read(name, true)
    if size > 0 and data[size - 1] == NEWLINE then
        size = size - 1
    end
    return data, size
end


-- A JWK set may hold secrets, and then it is one itself.
local function read_jwks(read, name)
    local data, size = read(name, false)
    if ffi.string(data, size):find('"oct"', 1, true) then
        read(name, true)
    end
    return data, size
end


local jwt_texts = { "issuer", "audience", "tenant_claim", "user_claim",
                    "roles_claim", "permissions_claim", "email_claim",
                    "name_claim", "admin_claim" }

local jwt_known = { key = true, secret = true, jwks = true, leeway = true }
for _, name in pairs(jwt_texts) do
    jwt_known[name] = true
end

local function names_of(value)
    return value == nil and {} or type(value) == "table" and value or { value }
end


function _M.jwt(given)
    for name in pairs(given) do
        if not jwt_known[name] then
            wrong('jwt: unknown option "%s"', tostring(name))
        end
    end

    local kinds = {
        { names_of(given.secret), lib.WSP_JWT_SECRET, read_secret },
        { names_of(given.key), lib.WSP_JWT_KEY,
          function(read, name) return read(name, false) end },
        { names_of(given.jwks), lib.WSP_JWT_JWKS, read_jwks },
    }
    local count = #kinds[1][1] + #kinds[2][1] + #kinds[3][1]
    if count == 0 then
        wrong("jwt: key, secret or jwks is missing")
    end

    local keys = ffi.new("wsp_jwt_key[?]", count)
    local read, done = reader()
    local anchors = {}
    local at = 0
    for _, kind in ipairs(kinds) do
        for _, name in ipairs(kind[1]) do
            local data, size = kind[3](read, name)
            anchors[#anchors + 1] = data
            keys[at].type = kind[2]
            keys[at].text.data = data
            keys[at].text.len = size
            at = at + 1
        end
    end

    local leeway = given.leeway or 30
    if type(leeway) ~= "number" or not (leeway >= 0 and leeway <= 3600) then
        done()
        wrong("jwt: leeway is no number of seconds, up to 3600")
    end

    local options = ffi.new("wsp_jwt_options")
    options.size = ffi.sizeof(options)
    options.keys = keys
    options.key_count = count
    options.leeway_s = leeway
    for _, name in ipairs(jwt_texts) do
        if given[name] ~= nil then
            if type(given[name]) ~= "string" then
                wrong("jwt: %s is no string", name)
            end
            options[name].data = given[name]
            options[name].len = #given[name]
        end
    end

    local out = ffi.new("wsp_jwt *[1]")
    local why = library.error_buffer()
    local rc = lib.wsp_jwt_new(out, options, why)
    done()
    if rc ~= OK then
        wrong("jwt: %s", rc == lib.WSP_INVALID and ffi.string(why)
                         or "out of memory")
    end
    return setmetatable({ jwt = ffi.gc(out[0], lib.wsp_jwt_free) }, source_mt)
end


-- key, user: functions; the header X-API-Key, and the key's own user.
function _M.api_key(given)
    for name, value in pairs(given or {}) do
        if name ~= "key" and name ~= "user" then
            wrong('api_key: unknown option "%s"', tostring(name))
        end
        if type(value) ~= "function" then
            wrong("api_key: %s is no function", name)
        end
    end
    return setmetatable({ api_key = true, key = given and given.key,
                          user = given and given.user }, source_mt)
end


-- -- options of init

local defaults = {
    timeout = 2,
    connect_timeout = 1,
    queue = 4096,
    cache = 16 * 1024 * 1024,
    max_stale = 1,
    invitation_ttl = 7 * 86400,
    mount = "/api/workspaces",
    id_header = "X-Workspace-ID",
    external_header = "X-ATS-Client-ID",
}

-- least and most: milliseconds are an int in cosockets
local times = { 0.001, 2147483 }
local numbers = { timeout = times, connect_timeout = times, max_stale = times,
                  queue = { 1, 1000000 }, cache = { 0, 4e9 },
                  invitation_ttl = { 60, 365 * 86400 } }


local function parse_redis(url)
    if type(url) ~= "string" then
        wrong('redis is missing: the address, like "unix:/run/redis.sock"')
    end
    local out = ffi.new("wsp_redis *[1]")
    local why = library.error_buffer()
    if lib.wsp_redis_parse(out, str(url), why) ~= OK then
        wrong("redis: %s", ffi.string(why))
    end

    local redis = out[0]
    local address = ffi.new("wsp_redis_address")
    lib.wsp_redis_get_address(redis, address)
    local found
    if address.path.len > 0 then
        found = { path = "unix:" .. ffi.string(address.path.data,
                                               address.path.len) }
    else
        local host = ffi.string(address.host.data, address.host.len)
        if host:find(":", 1, true) then
            host = "[" .. host .. "]"
        end
        found = { host = host, port = address.port }
    end
    return redis, found
end


local function parse_keyring(name)
    local read, done = reader()
    local data, size = read(name, true)
    local text = ffi.new("wsp_str", data, size)
    local out = ffi.new("wsp_keyring *[1]")
    local why = library.error_buffer()
    local rc = lib.wsp_keyring_parse(out, text, why)
    done()
    if rc ~= OK then
        wrong('seal_keys "%s": %s', name,
              rc == lib.WSP_INVALID and ffi.string(why) or "out of memory")
    end
    return out[0]
end


function _M.parse(given)
    local conf = {}
    local known = { redis = true, seal_keys = true, identity = true }
    for name, value in pairs(defaults) do
        known[name] = true
        conf[name] = value
    end
    for name, value in pairs(given) do
        if not known[name] then
            wrong('unknown option "%s"', tostring(name))
        end
        conf[name] = value
    end

    if conf.cache == false then
        conf.cache = 0
    end
    for name, limits in pairs(numbers) do
        local value = conf[name]
        if type(value) ~= "number" or not (value >= limits[1])
           or value > limits[2]
        then
            wrong("%s is no such number", name)
        end
    end
    for _, name in ipairs { "mount", "id_header", "external_header" } do
        if type(conf[name]) ~= "string" then
            wrong("%s is no string", name)
        end
    end
    if conf.identity ~= nil and type(conf.identity) ~= "function"
       and not _M.is_source(conf.identity)
    then
        wrong("identity is no function, and nothing that jwt() or "
              .. "api_key() gave")
    end

    conf.redis, conf.address = parse_redis(conf.redis)
    conf.address.timeout = conf.timeout * 1000
    conf.address.connect_timeout = conf.connect_timeout * 1000
    -- nobody else's kept connection
    conf.address.pool = "resty.workspaces"
    if conf.seal_keys ~= nil then
        conf.keyring = parse_keyring(conf.seal_keys)
    end
    return conf
end


return _M
