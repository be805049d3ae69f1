-- request.lua - what an operation is told of its request: who asks, for what,
-- with which headers; and its response.

local config = require "resty.workspaces.config"
local library = require "resty.workspaces.library"

local ffi = require "ffi"
local lib = library.lib
local char = string.char
local error = error
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
    if str.len == 0 then
        return ""
    end
    return ffi_string(str.data, str.len)
end


-- -- asked: a table that holds what the operation borrows
--
-- A string is kept by being in the table, for the core has but its address.

local function keep(asked, field, text)
    asked[#asked + 1] = text
    set(field, text)
end


-- by_name: as ngx.req.get_headers() answers
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
        asked[#asked + 1] = name
        if type(value) ~= "table" then
            asked[#asked + 1] = value
            set(headers[at].name, name)
            set(headers[at].value, value)
            at = at + 1
        else
            for _, each in ipairs(value) do
                asked[#asked + 1] = each
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
local function credential(by_name, wanted, none)
    local found
    for name, value in pairs(by_name) do
        if lower(name) == wanted then
            if found or type(value) == "table" then
                return none
            end
            found = value
        end
    end
    return found
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
        asked[#asked + 1] = source.jwt
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
    local asked = { request = request }
    local var = ngx.var

    request.size = ffi_sizeof(request_t)
    request.dialect = dialect
    keep(asked, request.method, ngx.req.get_method())
    keep(asked, request.path, path)
    keep(asked, request.mount, escape_path(mount))
    keep(asked, request.query, var.args or "")
    keep(asked, request.body, body)
    keep(asked, request.request_id, var.request_id or "")

    local by_name = get_headers(0, true)
    keep_headers(asked, request, by_name)
    keep_identity(asked, request.identity, source, by_name)
    return asked
end


-- -- access

-- given: permission, id_header, external_header, settings (a list of names);
-- by_name: the headers.
function _M.access(given, source, by_name, request_id)
    local request = access_t()
    local asked = { request = request, settings = given.settings }

    request.size = ffi_sizeof(access_t)
    keep(asked, request.id_header, given.id_header)
    keep(asked, request.external_header, given.external_header)
    keep(asked, request.permission, given.permission or "")
    keep(asked, request.request_id, request_id or "")
    request.with_settings = given.settings and 1 or 0
    keep_headers(asked, request, by_name)
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
