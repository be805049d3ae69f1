-- link.lua - the cosocket of one of the core's links.
--
-- A cosocket belongs to who has made it, and so each connection has an
-- ngx.timer of its own, which lives as long as it does: the timer connects
-- and then waits for the end; a light thread reads and another one writes.
-- Whatever they have allocated goes with them.

local semaphore = require "ngx.semaphore"
local library = require "resty.workspaces.library"

local ffi = require "ffi"
local lib = library.lib
local ffi_string = ffi.string
local setmetatable = setmetatable
local spawn = ngx.thread.spawn
local kill = ngx.thread.kill
local timer_at = ngx.timer.at
local tcp = ngx.socket.tcp

local OK = lib.WSP_OK
local READ_SIZE = 65536
local WAIT = 3600               -- seconds, then it waits again
local FOREVER = 2147483647      -- milliseconds; an idle link is no error

local out = ffi.new("wsp_str")

local _M = {}
local mt = { __index = _M }


-- address: what connect() is given; timeout and connect_timeout in ms.
function _M.new(driver, number, address)
    return setmetatable({
        driver = driver,
        core = driver.core,
        number = number,
        address = address,
        conn = nil,             -- the connection, also while it is made
    }, mt)
end


-- The core is told, and it says what is next.
local function lost(self, conn, why)
    if conn.over then
        return
    end
    conn.over = true
    conn.stop:post(1)
    self.conn = nil
    self.driver:enter()
    lib.wsp_link_closed(self.core, self.number, library.str(why))
    self.driver:turn()
end


local function read(self, conn)
    local sock = conn.sock
    local driver = self.driver
    while true do
        local data, err = sock:receiveany(READ_SIZE)
        if conn.over then
            return
        end
        if data then
            driver:enter()
            lib.wsp_link_input(self.core, self.number, data, #data)
            driver:turn()
        elseif err == "closed" then
            return lost(self, conn, "Redis closed the connection")
        elseif err ~= "timeout" then
            return lost(self, conn, "receive() failed (" .. err .. ")")
        end
    end
end


-- A turn of the event loop may add much; it all goes out at once.
local function write(self, conn)
    local sock = conn.sock
    while not conn.over do
        if lib.wsp_link_output(self.core, self.number, out) == OK then
            local data = ffi_string(out.data, out.len)
            lib.wsp_link_written(self.core, self.number, #data)
            local sent, err = sock:send(data)
            if not sent then
                return lost(self, conn, "send() failed (" .. err .. ")")
            end
        else
            conn.idle = true
            conn.wake:wait(WAIT)
            conn.idle = false
        end
    end
end


local function serve(_, self, conn)
    if conn.over then
        return
    end

    local address = self.address
    local sock = tcp()
    sock:settimeouts(address.connect_timeout, address.timeout, FOREVER)

    local ok, err
    if address.path then
        ok, err = sock:connect(address.path, { pool = address.pool })
    else
        ok, err = sock:connect(address.host, address.port,
                               { pool = address.pool })
    end

    if conn.over then
        sock:close()
        return
    end
    if not ok then
        return lost(self, conn, "connect() failed (" .. err .. ")")
    end

    conn.sock = sock
    self.driver:enter()
    lib.wsp_link_connected(self.core, self.number)

    local reader = spawn(read, self, conn)
    local writer = spawn(write, self, conn)
    self.driver:turn()

    while not conn.over do
        conn.stop:wait(WAIT)
    end
    kill(reader)
    kill(writer)
    sock:close()
end


function _M:connect()
    self:close()

    local conn = {
        stop = semaphore.new(),
        wake = semaphore.new(),
        idle = false,
        over = false,
    }
    self.conn = conn

    local ok, err = timer_at(0, serve, self, conn)
    if not ok then
        self.conn = nil
        lib.wsp_link_closed(self.core, self.number,
                            library.str("no timer for it: " .. err))
    end
end


-- Without telling the core.
function _M:close()
    local conn = self.conn
    if conn then
        self.conn = nil
        conn.over = true
        conn.stop:post(1)
    end
end


-- Has the writer write, at the end of this turn of the event loop.
function _M:flush()
    local conn = self.conn
    if conn and conn.idle
       and lib.wsp_link_output(self.core, self.number, out) == OK
    then
        conn.idle = false
        conn.wake:post(1)
    end
end


return _M
