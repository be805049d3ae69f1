-- wrk.lua - prints the result of a run of wrk as one line for bench.pl.
--
-- With arguments it sends writes, no two alike: METHOD PATH BODY RUN COUNT.
-- In path and body {n} is the number of the request, {w} one of 1 to COUNT,
-- {run} what tells this run from others; so does the Idempotency-Key.

local method, path, body, run, count
local n = 0

function init(args)
    method, path, body, run, count = unpack(args)
    if not method then
        return
    end

    local fill = function(text)
        return function(values) return (text:gsub("{(%w+)}", values)) end
    end
    path, body = fill(path), fill(body)
    wrk.headers["Content-Type"] = "application/json"

    request = function()
        n = n + 1
        local values = { n = string.format("%08d", n), run = run,
                         w = 1 + n % tonumber(count) }
        wrk.headers["Idempotency-Key"] = run .. "-" .. n
        return wrk.format(method, path(values), nil, body(values))
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        "bench requests=%d microseconds=%d p50_us=%d p99_us=%d max_us=%d "
            .. "non_2xx=%d socket_errors=%d\n",
        summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), latency.max,
        errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
