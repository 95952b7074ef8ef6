-- wrk -s wrk.lua URL -- FILE [once]: sends the requests of a file, each of which stands behind the 8 digits of its length. With "once" none is sent
-- twice, since a strict signature passes once: more of them than are needed have to be in the file.
local requests, at, once = {}, 0, false

function init(args)
	local file = assert(io.open(args[1], "rb"))
	once = args[2] == "once"
	while true do
		local size = file:read(8)
		if not size then break end
		requests[#requests + 1] = file:read(tonumber(size))
	end
	file:close()
end

function request()
	at = at + 1
	if at > #requests then
		if once then os.exit(3) end
		at = 1
	end
	return requests[at]
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format('{"requests":%d,"micros":%d,"bytes":%d,"median":%d,"p99":%d,"errors":%d}\n', summary.requests, summary.duration,
		summary.bytes, latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
