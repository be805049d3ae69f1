-- wrk.lua - prints the result of a run of wrk as one line for bench.pl.

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
