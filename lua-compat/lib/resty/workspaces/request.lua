-- request.lua - what an operation is told of its request: who asks, for what,
-- with which headers; and its response.

local config = require "resty.workspaces.config"
local library = require "resty.workspaces.library"

local ffi = require "ffi"
local lib = library.lib
local char = string.char
local error = error
local ffi_fill = ffi.fill
local ffi_new = ffi.new
local ffi_sizeof = ffi.sizeof
local ffi_string = ffi.string
local find = string.find
local get_headers = ngx.req.get_headers
local gsub = string.gsub
local ipairs = ipairs
local lower = string.lower
local ngx = ngx
local pairs = pairs
local rawget = rawget
local setmetatable = setmetatable
local sub = string.sub
local tostring = tostring
local tonumber = tonumber
local type = type

local request_t = ffi.typeof("wsp_request")
local access_t = ffi.typeof("wsp_access_request")
local headers_t = ffi.typeof("wsp_header[?]")
local setting_out = ffi_new("wsp_str")

local _M = {}


local function set(field, text)
    field.data = text
    field.len = #text
end


local function to_lua(str)
    return ffi_string(str.data, str.len)
end


-- -- asked: a table that holds what the operation borrows
--
-- A string is kept by being in the table, for the core has but its address.

local function hold(asked, value)
    local n = asked.n + 1
    asked.n = n
    asked[n] = value
end

local function keep(asked, field, text)
    hold(asked, text)
    set(field, text)
end


-- by_name: as ngx.req.get_headers() answers, in lower case
local function keep_headers(asked, into, by_name)
    local count = 0
    for _, value in pairs(by_name) do
        count = count + (type(value) == "table" and #value or 1)
    end
    if count == 0 then
        return
    end

    local headers = headers_t(count)
    local at = 0
    for name, value in pairs(by_name) do
        hold(asked, name)
        if type(value) ~= "table" then
            hold(asked, value)
            set(headers[at].name, name)
            set(headers[at].value, value)
            at = at + 1
        else
            for _, each in ipairs(value) do
                hold(asked, each)
                set(headers[at].name, name)
                set(headers[at].value, each)
                at = at + 1
            end
        end
    end
    asked.headers = headers
    into.headers = headers
    into.header_count = count
end


-- -- identity

local traits = { "tenant", "user", "email", "name", "roles", "permissions" }
local lists = { roles = true, permissions = true }

local function text_of(name, value)
    if type(value) == "string" then
        return value
    end
    if type(value) == "number" then
        return tostring(value)
    end
    if lists[name] and type(value) == "table" then
        return table.concat(value, ",")
    end
    error("resty.workspaces: the " .. name .. " of an identity is a "
          .. type(value), 0)
end


local function keep_trusted(asked, identity, given)
    for i = 1, #traits do
        local name = traits[i]
        local value = given[name]
        if value ~= nil then
            keep(asked, identity[name], text_of(name, value))
        end
    end
    local admin = given.admin
    if admin == true then
        keep(asked, identity.admin, "1")
    elseif admin then
        keep(asked, identity.admin, text_of("admin", admin))
    end
end


-- Two credentials may be those of two people: the core is given one that is
-- none, and refuses it.
local function credential(by_name, name, none)
    local value = rawget(by_name, name)
    return type(value) == "table" and none or value
end


-- source: a table, a function that answers one, or what config.jwt() and
-- config.api_key() made.
local function keep_identity(asked, identity, source, by_name)
    if source == nil then
        return
    end
    if type(source) == "function" then
        source = source()
        if source == nil then
            return
        end
    end
    if type(source) ~= "table" then
        error("resty.workspaces: an identity is a table, not a "
              .. type(source), 0)
    end
    if not config.is_source(source) then
        return keep_trusted(asked, identity, source)
    end

    if source.jwt then
        hold(asked, source.jwt)
        identity.jwt = source.jwt
        local token = credential(by_name, "authorization", "Bearer")
        if token then
            keep(asked, identity.authorization, token)
        end
        return
    end

    local key
    if source.key then
        key = source.key()
    else
        key = credential(by_name, "x-api-key", ",")
    end
    keep(asked, identity.api_key, text_of("key", key or ""))
    local user = source.user and source.user()
    if user then
        keep(asked, identity.user, text_of("user", user))
    end
end


-- -- content

-- What of the unparsed URI comes after the mount; nil: it is not just an
-- encoding of $uri.
local function raw_path(mount, uri, request_uri)
    local raw = request_uri
    local last = find(raw, "[?#]")
    if last then
        raw = sub(raw, 1, last - 1)
    end
    if raw == uri and not find(raw, "%", 1, true) then
        return sub(raw, #mount + 1)
    end

    local decoded = gsub(raw, "%%(%x%x)", function(hex)
        return char(tonumber(hex, 16))
    end)
    if decoded ~= uri then
        return
    end

    local at, left = 1, #mount
    while left > 0 do
        at = at + (sub(raw, at, at) == "%" and 3 or 1)
        left = left - 1
    end
    local rest = sub(raw, at)
    if rest ~= "" and sub(rest, 1, 1) ~= "/" then
        return
    end
    return rest
end


local function escape_segment(segment)
    return ngx.escape_uri(segment)
end

local function escape_path(path)
    return (gsub(path, "[^/]+", escape_segment))
end


-- nginx chose the location by $uri, with what is encoded decoded and "//",
-- "/./" and "/../" resolved.  An id with a slash in it cannot be told from two
-- segments there, so the path as the client sent it is better, but only where
-- it says the same.  nil: there is nothing here.
function _M.path(mount)
    local uri = ngx.var.uri
    if sub(uri, 1, #mount) ~= mount then
        return
    end
    local rest = sub(uri, #mount + 1)
    if rest ~= "" and sub(rest, 1, 1) ~= "/" then
        return
    end

    if not ngx.is_subrequest and not ngx.req.is_internal() then
        local request_uri = ngx.var.request_uri
        local path = raw_path(mount, uri, request_uri)
        if path then
            return path
        end
        -- what an encoded id was resolved to is not what was asked for
        if find(request_uri, "^[^?#]*%%2[EeFf]") then
            return
        end
    end
    return escape_path(rest)
end


-- Answers `asked`.
function _M.content(dialect, path, mount, body, source)
    local request = request_t()
    local asked = { request = request, n = 0 }
    local var = ngx.var

    request.size = ffi_sizeof(request_t)
    request.dialect = dialect
    keep(asked, request.method, ngx.req.get_method())
    keep(asked, request.path, path)
    keep(asked, request.mount, escape_path(mount))
    keep(asked, request.query, var.args or "")
    keep(asked, request.body, body)
    keep(asked, request.request_id, var.request_id or "")

    local by_name = get_headers(0)
    keep_headers(asked, request, by_name)
    keep_identity(asked, request.identity, source, by_name)
    return asked
end


-- -- access
--
-- The requests are used again and again: a decision from the cache is made in
-- less time than it takes to collect one.

local MOST_HEADERS = 8
local spare = {}

local function new_access()
    return {
        request = access_t(),
        headers = headers_t(MOST_HEADERS),
        n = 0,
        spare = spare,              -- where the driver puts it back
    }
end


local lowered = setmetatable({}, { __index = function(self, name)
    self[name] = lower(name)
    return self[name]
end })


-- Adds a header, and how often it was given as far as it matters.  Answers
-- the number of headers.
local function add(headers, at, name, value)
    if value == nil then
        return at
    end
    if type(value) == "table" then
        at = add(headers, at, name, value[1])
        return add(headers, at, name, value[2])
    end
    set(headers[at].name, name)
    set(headers[at].value, value)
    return at + 1
end


-- An option that is a string, else what is taken without it.
local function string_option(options, name, default)
    local value = options and options[name]
    if value == nil then
        return default
    end
    if type(value) ~= "string" then
        error("resty.workspaces: " .. name .. " is a " .. type(value)
              .. ", not a string", 0)
    end
    return value
end


-- A copy, for its owner may change it before it is looked at.
local function names_of(settings)
    if settings == nil then
        return
    end
    if type(settings) ~= "table" then
        error("resty.workspaces: settings is no list of names", 0)
    end
    local names = {}
    for i, name in ipairs(settings) do
        if type(name) ~= "string" then
            error("resty.workspaces: settings is no list of names", 0)
        end
        names[i] = name
    end
    return names
end


local kinds_of_errors = {
    problem = lib.WSP_ERRORS_PROBLEM,
    partner = lib.WSP_ERRORS_PARTNER,
}

local function errors_of(options)
    local kind = kinds_of_errors[string_option(options, "errors", "problem")]
    if not kind then
        error('resty.workspaces: errors is "problem" or "partner"', 0)
    end
    return kind
end


-- options, else conf: permission, id_header, external_header, settings (a
-- list of names), errors.  by_name: the headers, in lower case.
function _M.access(options, conf, source, by_name)
    local id_header = string_option(options, "id_header", conf.id_header)
    local external_header = string_option(options, "external_header",
                                          conf.external_header)
    local permission = string_option(options, "permission", "")
    local settings = names_of(options and options.settings)
    local errors = errors_of(options)

    local last = #spare
    local asked = spare[last] or new_access()
    spare[last] = nil

    local request = asked.request
    local headers = asked.headers

    ffi_fill(request, ffi_sizeof(access_t))
    request.size = ffi_sizeof(access_t)
    request.errors = errors
    set(request.id_header, id_header)
    set(request.external_header, external_header)
    set(request.permission, permission)
    request.with_settings = settings and 1 or 0

    -- these the core looks at
    local id = rawget(by_name, lowered[id_header])
    local external = rawget(by_name, lowered[external_header])
    local revision = rawget(by_name, "workspace-revision")
    local user = rawget(by_name, "x-ats-user-id")
    local count = add(headers, 0, id_header, id)
    count = add(headers, count, external_header, external)
    count = add(headers, count, "Workspace-Revision", revision)
    count = add(headers, count, "X-ATS-User-ID", user)
    request.headers = headers
    request.header_count = count

    asked.n = 0
    asked.id_header, asked.external_header = id_header, external_header
    asked.permission, asked.settings = permission, settings
    asked.id, asked.external, asked.revision = id, external, revision
    asked.user = user
    keep_identity(asked, request.identity, source, by_name)
    return asked
end


-- -- results, copied out of an operation

local function response_of(op)
    local from = lib.wsp_op_response(op)
    local headers = {}
    for i = 0, tonumber(from.header_count) - 1 do
        headers[2 * i + 1] = to_lua(from.headers[i].name)
        headers[2 * i + 2] = to_lua(from.headers[i].value)
    end
    return {
        status = from.status,
        content_type = to_lua(from.content_type),
        body = to_lua(from.body),
        headers = headers,
    }
end

_M.response_of = response_of


local function settings_of(op, names)
    local settings = {}
    for _, name in ipairs(names) do
        local rc = lib.wsp_op_setting(op, library.str(name), setting_out)
        if rc == lib.WSP_OK then
            settings[name] = to_lua(setting_out)
        end
    end
    return settings
end


local ALLOWED = lib.WSP_ALLOWED
local verdicts = {
    [ALLOWED] = "allowed",
    [lib.WSP_REFUSED] = "refused",
    [lib.WSP_UNDECIDED] = "undecided",
}

function _M.decision_of(op, asked)
    local from = lib.wsp_op_decision(op)
    local allowed = from ~= nil and from.verdict == ALLOWED
    local response = not allowed and response_of(op) or nil
    if from == nil then
        return { allowed = false, verdict = "undecided", reason = "unknown",
                 status = response.status, response = response }
    end
    return {
        allowed = allowed,
        verdict = verdicts[from.verdict],
        reason = to_lua(from.reason),
        status = allowed and 200 or response.status,
        id = to_lua(from.workspace_id),
        external_id = to_lua(from.external_id),
        name = to_lua(from.name),
        tenant = to_lua(from.tenant),
        user = to_lua(from.user),
        roles = to_lua(from.roles),
        permissions = to_lua(from.permissions),
        revision = to_lua(from.revision),
        settings = allowed and asked.settings
                   and settings_of(op, asked.settings) or nil,
        response = response,
    }
end


return _M
