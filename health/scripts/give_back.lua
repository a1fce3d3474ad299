-- Return what a claim held.
-- KEYS[1] prefix; ARGV: lease, connection or '', provider or ''
local prefix, lease, connection, provider = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if connection ~= '' then
  redis.call('ZREM', prefix .. ':leases:' .. connection, lease)
  if redis.call('EXISTS', prefix .. ':waits:' .. connection) == 1 then
    redis.call('PUBLISH', prefix .. ':changes', cjson.encode({0, 'room', connection, ''}))
  end
end
if provider ~= '' and redis.call('GET', prefix .. ':probe:' .. provider) == lease then
  redis.call('DEL', prefix .. ':probe:' .. provider)
end
return 1
