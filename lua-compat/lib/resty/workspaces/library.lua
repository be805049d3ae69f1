-- library.lua - libworkspaces.so, checked and loaded; and what libc has that
-- Lua lacks.

local ffi = require "ffi"

local error = error
local pcall = pcall
local gmatch = string.gmatch
local match = string.match
local format = string.format
local floor = math.floor
local open = io.open
local tonumber = tonumber


-- Names of our own, for others may have declared these in their way.
ffi.cdef [[
    int wsp_lua_clock_gettime(int id, void *time) __asm__("clock_gettime");
    int wsp_lua_open(const char *name, int flags, ...) __asm__("open");
    int wsp_lua_close(int fd) __asm__("close");
    long wsp_lua_read(int fd, void *data, size_t size) __asm__("read");
    int wsp_lua_statx(int dir, const char *name, int flags, unsigned mask,
        void *out) __asm__("statx");
    char *wsp_lua_strerror(int error) __asm__("strerror");
]]

local C = ffi.C


-- Beside the Lua modules in C (lua_package_cpath), else where the system
-- looks.
local function find()
    for template in gmatch(package.cpath, "[^;]+") do
        local dir = match(template, "^(.*/)[^/]*%?[^/]*$")
        local name = dir and dir .. "libworkspaces.so"
        local file = name and open(name, "rb")
        if file then
            file:close()
            return name
        end
    end
    return "workspaces"
end


local function load()
    if not pcall(ffi.typeof, "wsp_core") then
        ffi.cdef(require "resty.workspaces.cdef")
    end

    local name = find()
    local found, lib = pcall(ffi.load, name)
    if not found then
        error("resty.workspaces: libworkspaces.so cannot be loaded, neither "
              .. "from lua_package_cpath nor from the system: " .. lib, 0)
    end

    local known, version = pcall(function() return lib.wsp_abi_version() end)
    if not known or version ~= lib.WSP_ABI_VERSION then
        error(format("resty.workspaces: %s has %s of the ABI, these Lua "
                     .. "files have version %d: install both from one build",
                     name, known and "version " .. version or "no version",
                     lib.WSP_ABI_VERSION), 0)
    end
    return lib
end


local _M = { lib = load() }


local CLOCK_MONOTONIC = 1
local timespec = ffi.new("int64_t[2]")

function _M.monotonic_ms()
    C.wsp_lua_clock_gettime(CLOCK_MONOTONIC, timespec)
    return tonumber(timespec[0]) * 1000
           + floor(tonumber(timespec[1]) / 1000000)
end


local str_t = ffi.typeof("wsp_str")

-- A wsp_str; the string must be kept for as long as it is used.
function _M.str(text)
    return str_t(text, #text)
end


local error_t = ffi.typeof("char[?]")

function _M.error_buffer()
    return error_t(_M.lib.WSP_ERROR_SIZE)
end


local AT_EMPTY_PATH = 0x1000
local STATX_MODE = 2
local STATX_SIZE = 0x200
local READABLE_BY_OTHERS = 0x3f         -- 077

local function why(what, name)
    return format('%s "%s": %s', what, name,
                  ffi.string(C.wsp_lua_strerror(ffi.errno())))
end

-- The text of a file, as a buffer to be wiped and its size; or nil and why
-- not.  `secret`: nobody but the owner may read it.
function _M.read_file(name, secret)
    local fd = C.wsp_lua_open(name, 0)
    if fd < 0 then
        return nil, why("cannot open", name)
    end

    local stat = ffi.new("uint8_t[256]")
    local data, err
    if C.wsp_lua_statx(fd, "", AT_EMPTY_PATH, STATX_MODE + STATX_SIZE, stat)
       ~= 0
    then
        err = why("cannot look at", name)
    else
        local mode = ffi.cast("uint16_t *", stat + 28)[0]
        local size = tonumber(ffi.cast("uint64_t *", stat + 40)[0])
        if secret and bit.band(mode, READABLE_BY_OTHERS) ~= 0 then
            err = format('"%s" is readable by others than its owner: '
                         .. "chmod 600", name)
        elseif size > 1048576 then
            err = format('"%s" is too large', name)
        else
            data = ffi.new("char[?]", size + 1)
            local at = 0
            while at < size do
                local n = tonumber(C.wsp_lua_read(fd, data + at, size - at))
                if n <= 0 then
                    data, err = nil, why("cannot read", name)
                    break
                end
                at = at + n
            end
            C.wsp_lua_close(fd)
            return data, data and size or err
        end
    end
    C.wsp_lua_close(fd)
    return nil, err
end


function _M.wipe(data, size)
    _M.lib.wsp_wipe(data, size)
end


return _M
