-- driver.lua - moves bytes and time between OpenResty and the core
-- (workspaces.h: "One turn of a driver").
--
-- Whoever touches the core makes its turn: a request that starts an
-- operation, a link that has read, and the clock, a light thread that sleeps
-- until the core's next timer.  No turn yields.  Operations belong to the
-- driver: their results are copied out and they are freed in the turn that
-- finishes them, so a request that was killed while it waited leaves nothing
-- behind but what is collected.

local errlog = require "ngx.errlog"
local semaphore = require "ngx.semaphore"
local Link = require "resty.workspaces.link"
local library = require "resty.workspaces.library"

local ffi = require "ffi"
local lib = library.lib
local cast = ffi.cast
local ffi_string = ffi.string
local monotonic_ms = library.monotonic_ms
local max = math.max
local min = math.min
local now = ngx.now
local pairs = pairs
local pcall = pcall
local setmetatable = setmetatable
local timer_at = ngx.timer.at
local tonumber = tonumber
local raw_log = errlog.raw_log

local OK = lib.WSP_OK
local AGAIN = lib.WSP_AGAIN
local CONNECT = lib.WSP_CONNECT
local LINKS = lib.WSP_LINKS
local NEVER = tonumber(cast("uint64_t", -1))
local LONGEST_SLEEP = 5000      -- milliseconds
local REWIND = 1000             -- milliseconds
local EXIT_WATCH = 86400 * 20   -- seconds; nginx ends it when it exits

local action = ffi.new("wsp_action")
local line = ffi.new("wsp_log")
local op_out = ffi.new("wsp_op *[1]")
local pointer_t = ffi.typeof("void *")
local number_t = ffi.typeof("uintptr_t")

local _M = {}
local mt = { __index = _M }


-- Everything that is to be freed, and in this order.
local function free_all(self)
    return function(core)
        for _, entry in pairs(self.entries) do
            lib.wsp_op_free(entry.op)
        end
        lib.wsp_core_free(core)
        lib.wsp_redis_free(self.redis)
        if self.keyring then
            lib.wsp_keyring_free(self.keyring)
        end
    end
end


-- conf: what config.lua has made of the options.  Its Redis address and key
-- ring are this driver's from now on.
function _M.new(conf)
    local options = ffi.new("wsp_core_options")
    local name = "ngx_workspaces-lua-" .. ngx.worker.pid()

    options.size = ffi.sizeof(options)
    options.redis = conf.redis
    options.keyring = conf.keyring
    options.timeout_ms = conf.timeout * 1000
    options.connect_timeout_ms = conf.connect_timeout * 1000
    options.queue = conf.queue
    options.cache_size = conf.cache
    options.max_stale_ms = conf.max_stale * 1000
    options.invitation_ttl_s = conf.invitation_ttl
    options.works = 1
    options.client_name.data = name
    options.client_name.len = #name
    lib.wsp_seed(options.seed)

    local core_out = ffi.new("wsp_core *[1]")
    local rc = lib.wsp_core_new(core_out, options)
    lib.wsp_wipe(options.seed, 32)
    if rc ~= OK then
        return nil, "the core could not be made: " .. rc
    end

    local self = setmetatable({
        core = core_out[0],
        redis = conf.redis,
        keyring = conf.keyring,
        timeout = conf.timeout,
        time = monotonic_ms(),
        entries = {},           -- of operations under way, by their number
        last = 0,
        waiting = 0,
        links = {},
        bell = semaphore.new(),
        wakes_at = NEVER,       -- when the clock does
        ticking = false,
        wound_at = -REWIND,
        draining = false,
    }, mt)
    ffi.gc(self.core, free_all(self))

    for number = 0, LINKS - 1 do
        self.links[number] = Link.new(self, number, conf.address)
    end
    return self
end


local function log(self)
    repeat
        -- nginx counts from one, syslog from zero
        raw_log(line.level + 1,
                "workspaces: " .. ffi_string(line.text.data, line.text.len))
    until lib.wsp_next_log(self.core, line) ~= OK
end


-- Sets the core's time; comes before anything else that is asked of it.
function _M:enter()
    self.time = monotonic_ms()
    lib.wsp_core_time(self.core, now() * 1000, self.time)
end


-- -- the clock

local function next_timer(self)
    return tonumber(lib.wsp_next_timer(self.core))
end


local function drain(_, self)
    self.draining = true
    lib.wsp_core_drain(self.core)
    self.bell:post(1)
    self:rest()
end


-- nginx may have no timer to tell it that the worker is to exit.
local function sleep_and_turn(self)
    while not (self.draining and self.waiting == 0) do
        self:enter()
        if not self.draining and ngx.worker.exiting() then
            drain(nil, self)
        end
        self:turn()
        self.wakes_at = next_timer(self)
        local ms = max(1, min(self.wakes_at - self.time, LONGEST_SLEEP))
        self.bell:wait(ms / 1000)
    end
end


local function tick(_, self)
    if self.ticking then
        return
    end
    self.ticking = true
    local ok, err = pcall(sleep_and_turn, self)
    self.ticking = false
    self.wakes_at = NEVER
    self.wound_at = -REWIND
    if not ok then
        ngx.log(ngx.ERR, "workspaces: the clock has stopped: ", err)
    end
end


-- Starts the clock, again where nginx had no timer to run it in.
local function wind(self)
    if self.ticking or self.time < self.wound_at + REWIND then
        return
    end
    self.wound_at = self.time
    local ok, err = timer_at(0, tick, self)
    if not ok then
        ngx.log(ngx.ERR, "workspaces: no timer for the clock: ", err)
    end
end


-- A pending timer is the one thing that is told when the worker is to exit.
-- It is called outside of the turns of the event loop, where a post would
-- wait for the next event.
local function watch_exit(premature, self)
    if not premature and not ngx.worker.exiting() then
        timer_at(EXIT_WATCH, watch_exit, self)
    elseif not timer_at(0, drain, self) then
        drain(nil, self)
    end
end


function _M:start()
    local ok, err = timer_at(EXIT_WATCH, watch_exit, self)
    if not ok then
        return nil, "no timer: " .. err
    end
    wind(self)
    return true
end


-- A worker that exits keeps no link while nobody waits, for nginx would wait
-- for it.  Whoever comes after all has it opened again.
function _M:rest()
    if not self.draining or self.waiting > 0 then
        return
    end
    if lib.wsp_next_log(self.core, line) == OK then
        log(self)
    end
    for number = 0, LINKS - 1 do
        local link = self.links[number]
        if link.conn then
            link:close()
            lib.wsp_link_closed(self.core, number, library.str("exiting"))
        end
    end
    while lib.wsp_next_log(self.core, line) == OK do
        -- it is no loss
    end
    if self.ticking then
        self.bell:post(1)
    end
end


-- -- turns

-- The result of a finished operation, which is freed, or nil and why there is
-- none: an error would end the turn, which may be that of somebody else.  What
-- it had borrowed may be used again.
local function result_of(op, asked, take)
    local ok, result = pcall(take, op, asked)
    lib.wsp_op_free(op)
    local spare = asked.spare
    if spare then
        spare[#spare + 1] = asked
    end
    if not ok then
        return nil, result
    end
    return result
end


local function settle(self, number, entry)
    self.entries[number] = nil
    self.waiting = self.waiting - 1
    entry.result, entry.err = result_of(entry.op, entry.asked, entry.take)
    entry.over = true
    entry.op = nil
    entry.asked = nil
end


local function act(self)
    repeat
        local link = self.links[action.link]
        if action.type == CONNECT then
            link:connect()
        else
            link:close()
        end
    until lib.wsp_next_action(self.core, action) ~= OK
end


local function finish(self, op)
    repeat
        local number = tonumber(cast(number_t, lib.wsp_op_data(op)))
        local entry = self.entries[number]
        settle(self, number, entry)
        entry.done:post(1)
        op = lib.wsp_next_done(self.core)
    until op == nil
end


function _M:turn()
    local core = self.core

    if next_timer(self) <= self.time then
        lib.wsp_core_tick(core)
    end

    -- mostly there is nothing: no loop is begun, for LuaJIT's sake
    if lib.wsp_next_action(core, action) == OK then
        act(self)
    end
    self.links[0]:flush()
    self.links[1]:flush()
    local op = lib.wsp_next_done(core)
    if op ~= nil then
        finish(self, op)
    end
    if lib.wsp_next_log(core, line) == OK then
        log(self)
    end

    if self.draining then
        self:rest()
    end
    if not self.ticking then
        if self.waiting > 0 then
            wind(self)
        end
    elseif next_timer(self) < self.wakes_at then
        self.wakes_at = 0
        self.bell:post(1)
    end
end


-- -- operations

-- Starts an operation with start(op_out, core, request, data), waits for it,
-- and answers what take(op, asked) makes of it.  `asked` holds the request
-- and whatever it borrows.  Or nil and why not: it could not be waited for.
function _M:run(start, asked, take)
    self:enter()

    local number = self.last + 1
    self.last = number
    local rc = start(op_out, self.core, asked.request,
                     cast(pointer_t, number))

    if rc == OK then
        local result, err = result_of(op_out[0], asked, take)
        self:turn()
        return result, err
    end
    if rc ~= AGAIN then
        return nil, "out of memory"
    end

    local entry = {
        op = op_out[0],
        asked = asked,
        take = take,
        done = semaphore.new(),
    }
    self.entries[number] = entry
    self.waiting = self.waiting + 1
    self:turn()

    local err
    if not entry.over then
        local _
        _, err = entry.done:wait(self.timeout)
    end
    if not entry.over then
        self:enter()
        lib.wsp_op_expire(entry.op)
        settle(self, number, entry)
        self:turn()
        if err ~= "timeout" then
            return nil, err
        end
    end
    return entry.result, entry.err
end


return _M
