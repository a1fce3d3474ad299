-- What this worker's requests hold, they hold for another lease.
-- KEYS[1] prefix; ARGV: milliseconds of a lease, {{lease, connection or '', provider or ''}, ...} as JSON,
--   'XX': those that are still held, or 'NX': all of them, after everything was lost
local prefix, lease_ms = KEYS[1], tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, hold in ipairs(cjson.decode(ARGV[2])) do
  local lease, connection, provider = hold[1], hold[2], hold[3]
  if connection ~= '' then
    local key = prefix .. ':leases:' .. connection
    redis.call('ZADD', key, ARGV[3], now + lease_ms, lease)
    redis.call('PEXPIRE', key, 2 * lease_ms)
  end
  local probe = prefix .. ':probe:' .. provider
  if provider ~= '' and redis.call('GET', probe) == lease then redis.call('PEXPIRE', probe, lease_ms) end
end
return 1
