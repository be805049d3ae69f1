-- workspaces.lua - multi-tenant workspaces for OpenResty and lua-nginx-module:
-- the core of ngx_workspaces over cosockets, without its nginx module.
--
--     init_worker_by_lua_block {
--         require "resty.workspaces".init { redis = "unix:/run/redis.sock" }
--     }

local config = require "resty.workspaces.config"
local Driver = require "resty.workspaces.driver"
local errlog = require "ngx.errlog"
local library = require "resty.workspaces.library"
local request = require "resty.workspaces.request"

local ffi = require "ffi"
local lib = library.lib
local error = error
local ffi_string = ffi.string
local get_headers = ngx.req.get_headers
local ipairs = ipairs
local lower = string.lower
local ngx = ngx
local pairs = pairs
local tonumber = tonumber
local tostring = tostring
local type = type

local OK = lib.WSP_OK

local _M = { version = "0.1", jwt = config.jwt, api_key = config.api_key }


-- -- setting up

-- Of this Lua VM: `conf` may be made in the master process, for its workers.
local conf
local driver
local dialects = {}

for dialect = 0, lib.WSP_DIALECTS - 1 do
    local name = lib.wsp_dialect_name(dialect)
    dialects[ffi_string(name.data, name.len)] = dialect
end


function _M.init(options)
    local phase = ngx.get_phase()
    if phase ~= "init" and phase ~= "init_worker" then
        error("resty.workspaces: init belongs into init_worker_by_lua or "
              .. "init_by_lua", 2)
    end
    if driver then
        error("resty.workspaces: init is called once", 2)
    end
    if options and conf then
        error("resty.workspaces: init has its options already", 2)
    elseif options then
        conf = config.parse(options)
    elseif not conf then
        error("resty.workspaces: init has no options", 2)
    end

    -- nor in the processes that serve nobody
    if phase == "init" or not ngx.worker.id() then
        return true
    end

    local made, err = Driver.new(conf)
    if not made then
        error("resty.workspaces: " .. err, 0)
    end
    local ok
    ok, err = made:start()
    if not ok then
        conf = nil      -- what is in it goes with the driver
        error("resty.workspaces: " .. err, 0)
    end
    driver = made
    return true
end


local function started()
    if not driver then
        error("resty.workspaces: init has not been called in this worker's "
              .. "init_worker_by_lua", 0)
    end
    return driver
end


local function set_of(...)
    local set = {}
    for _, name in ipairs { ... } do
        set[name] = true
    end
    return set
end


-- What is misspelt, or given in place of a table, would be no condition at
-- all, and let others pass.
local function check_options(what, options, known)
    if type(options) ~= "table" then
        error("resty.workspaces: " .. what .. ": the options are a table, "
              .. "not a " .. type(options), 3)
    end
    for name in pairs(options) do
        if not known[name] then
            error("resty.workspaces: " .. what .. ': unknown option "'
                  .. tostring(name) .. '"', 3)
        end
    end
end


local function option(options, name)
    local value = options and options[name]
    if value == nil then
        return conf[name]
    end
    return value
end


-- -- responses

local function set_headers(headers)
    local to = ngx.header
    for i = 1, #headers, 2 do
        local name = headers[i]
        local before = nil
        for j = 1, i - 2, 2 do
            if headers[j] == name then
                before = before or {}
                before[#before + 1] = headers[j + 1]
            end
        end
        if before then
            before[#before + 1] = headers[i + 1]
            to[name] = before
        else
            to[name] = headers[i + 1]
        end
    end
end


-- The core has judged the conditions of the request; nginx would answer 412
-- where the write has been done.
local conditions = { "If-Match", "If-None-Match", "If-Modified-Since",
                     "If-Unmodified-Since" }

local function forget_conditions()
    local by_name = get_headers(0)
    for i = 1, #conditions do
        if by_name[conditions[i]] then
            ngx.req.clear_header(conditions[i])
        end
    end
end


local function send(response)
    ngx.status = response.status
    set_headers(response.headers)
    if response.content_type ~= "" then
        ngx.header["Content-Type"] = response.content_type
        ngx.header["Content-Length"] = #response.body
    end
    if response.status == 200 then
        forget_conditions()
    end
    if response.body == "" then
        return ngx.send_headers()
    end
    return ngx.print(response.body)
end


local op_out = ffi.new("wsp_op *[1]")

-- An answer in the dialect's shape to what the core is not asked for.
local function send_error(dialect, status)
    local id = ngx.var.request_id or ""
    if lib.wsp_op_new_error(op_out, driver and driver.core, dialect, status,
                            library.str(id)) ~= OK
    then
        return ngx.exit(500)
    end
    local response = request.response_of(op_out[0])
    lib.wsp_op_free(op_out[0])
    if status == 411 or status == 413 then
        -- nobody wants the rest of the body
        ngx.req.clear_header("Expect")
    end
    return send(response)
end


-- -- content

local function dialect_of(name)
    local dialect = dialects[name]
    if not dialect then
        error('resty.workspaces: there is no dialect "' .. tostring(name)
              .. '"', 3)
    end
    return dialect
end


local function has_body()
    if ngx.var.http_transfer_encoding then
        return true
    end
    local length = ngx.var.http_content_length
    return length and length ~= "0"
           or ngx.req.http_version() == 2 and ngx.req.get_method() ~= "GET"
              and ngx.req.get_method() ~= "HEAD"
end


-- The body, or nil and the status to answer with.
local function read_body()
    if not has_body() then
        return ""
    end
    local length = tonumber(ngx.var.http_content_length)
    if length and length > lib.WSP_BODY_MAX then
        return nil, 413
    end
    local ok, err = pcall(ngx.req.read_body)
    if not ok then
        ngx.log(ngx.INFO, "workspaces: the body cannot be read: ", err)
        return nil, 411
    end
    local body = ngx.req.get_body_data()
    if body then
        if #body > lib.WSP_BODY_MAX then
            errlog.raw_log(ngx.INFO, "workspaces: client sent more than the "
                           .. lib.WSP_BODY_MAX .. " bytes that a body may "
                           .. "have")
            return nil, 413
        end
        return body
    end
    if ngx.req.get_body_file() then
        ngx.log(ngx.ERR, "workspaces: the body is in a file, which would "
                .. "block to read: write client_body_buffer_size 1m")
        return nil, 500
    end
    return ""
end


local content_options = set_of("mount", "identity")

function _M.content(name, options)
    if options ~= nil then
        check_options("content", options, content_options)
    end
    local dialect = dialect_of(name)
    local self = started()
    local mount = option(options, "mount")

    local path = request.path(mount)
    if not path then
        return send_error(dialect, 404)
    end
    local body, status = read_body()
    if not body then
        return send_error(dialect, status)
    end

    local asked = request.content(dialect, path, mount, body,
                                  option(options, "identity"))
    local response, err = self:run(lib.wsp_op_new, asked,
                                   request.response_of)
    if not response then
        ngx.log(ngx.ERR, "workspaces: the request could not be served: ", err)
        return send_error(dialect, 500)
    end
    return send(response)
end


-- For the location of an error_page: what nginx answers by itself, in the
-- shape of the dialect.
function _M.error_page(name)
    return send_error(dialect_of(name), ngx.status)
end


-- -- access

local function logged(label, value)
    if #value > 128 then
        value = value:sub(1, 128) .. "..."
    end
    return label .. ' "' .. value:gsub('[^\32-\126]', function(c)
        return ("\\x%02X"):format(c:byte())
    end):gsub('["]', "\\x22") .. '"'
end


local function first(value)
    return type(value) == "table" and value[1] or value or ""
end


local levels = { allowed = ngx.INFO, refused = ngx.INFO, undecided = ngx.ERR }

local function log_decision(decision, options)
    local level = levels[decision.verdict]
    if errlog.get_sys_filter_level() < level then
        return
    end
    local parts = { logged("reason", decision.reason),
                    logged("tenant", decision.tenant or ""),
                    logged("user", decision.user or "") }
    if decision.id and decision.id ~= "" then
        parts[#parts + 1] = logged("workspace", decision.id)
    else
        local by_name = ngx.req.get_headers(0)
        parts[#parts + 1] = logged("workspace",
            first(by_name[option(options, "id_header")]))
        local external = first(by_name[option(options, "external_header")])
        if external ~= "" then
            parts[#parts + 1] = logged("external", external)
        end
    end
    errlog.raw_log(level, "workspaces: access " .. decision.verdict .. ": "
                          .. table.concat(parts, ", "))
end


local function refuse(decision)
    local response = decision.response
    local status = response.status
    if status < 400 then
        return ngx.exit(500)
    end
    ngx.req.discard_body()
    ngx.header["X-Request-ID"] = ngx.var.request_id
    send(response)
    return ngx.exit(status)
end


local access_options = set_of("permission", "identity", "id_header",
                              "external_header", "settings", "errors")

-- For access_by_lua: goes on for whom it admits, with ngx.ctx.workspace, and
-- ends the request for whom it refuses.
function _M.access(options)
    if options ~= nil then
        check_options("access", options, access_options)
    end
    local self = started()
    local asked = request.access(options, conf, option(options, "identity"),
                                 get_headers(0))
    local decision, err = self:run(lib.wsp_access_new, asked,
                                   request.decision_of)
    if not decision then
        ngx.log(ngx.ERR, "workspaces: access could not be decided: ", err)
        return ngx.exit(500)
    end

    log_decision(decision, options)
    if not decision.allowed then
        return refuse(decision)
    end
    decision.response = nil
    ngx.ctx.workspace = decision
    return decision
end


local check_known = set_of("tenant", "user", "email", "name", "admin", "roles",
                           "permissions", "workspace", "external",
                           "permission", "identity", "id_header",
                           "external_header", "settings", "errors")

-- Anywhere that may wait: the decision on what it is given, or nil and why
-- there is none.
function _M.check(options)
    check_options("check", options, check_known)
    local self = started()
    local by_name = {}
    if options.workspace ~= nil then
        by_name[lower(option(options, "id_header"))] =
            tostring(options.workspace)
    end
    if options.external ~= nil then
        by_name[lower(option(options, "external_header"))] =
            tostring(options.external)
    end

    local source = options.identity
    if source == nil then
        source = options
    end
    local asked = request.access(options, conf, source, by_name)
    local decision, err = self:run(lib.wsp_access_new, asked,
                                   request.decision_of)
    if not decision then
        return nil, err
    end
    decision.response = nil
    return decision
end


-- How many operations wait for Redis in this worker.
function _M.waiting()
    return started().waiting
end


-- -- sealed data

local sealed_out = ffi.new("wsp_str")

local seal_options = set_of("tenant", "workspace", "slot", "data")
local open_options = set_of("tenant", "workspace", "slot", "blob")

-- A place that only looks like one would be sealed for nobody.
local function place_of(options, name)
    local value = options[name]
    if value == nil then
        return ""
    end
    if type(value) ~= "string" and type(value) ~= "number" then
        error("resty.workspaces: " .. name .. " is a " .. type(value)
              .. ", not a string", 4)
    end
    return tostring(value)
end


local function convert(how, options, field)
    if not conf or not conf.keyring then
        return nil, "there is no key ring: give init seal_keys"
    end
    local tenant = place_of(options, "tenant")
    local workspace = place_of(options, "workspace")
    local slot = place_of(options, "slot")
    local text = options[field]
    if type(text) ~= "string" then
        error("resty.workspaces: " .. field .. " is a " .. type(text)
              .. ", not a string", 3)
    end

    local place = ffi.new("wsp_seal_place")
    place.size = ffi.sizeof(place)
    place.tenant.data, place.tenant.len = tenant, #tenant
    place.workspace.data, place.workspace.len = workspace, #workspace
    place.slot.data, place.slot.len = slot, #slot

    local why = library.error_buffer()
    local rc = how(sealed_out, conf.keyring, place, library.str(text), why)
    if rc ~= OK then
        return nil, rc == lib.WSP_INVALID and ffi_string(why)
                    or "out of memory"
    end
    local result = ffi_string(sealed_out.data, sealed_out.len)
    lib.wsp_sealed_free(sealed_out)
    return result
end


-- { tenant=, workspace=, slot=, data= }: the blob
function _M.seal(options)
    check_options("seal", options, seal_options)
    return convert(lib.wsp_seal, options, "data")
end


-- { tenant=, workspace=, slot=, blob= }: the data; or nil and why not
function _M.open(options)
    check_options("open", options, open_options)
    return convert(lib.wsp_open, options, "blob")
end


return _M
