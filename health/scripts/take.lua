-- Grant the first wish that can be granted, whole. `health/permits.py` says the same for one worker.
-- KEYS[1] prefix; ARGV: lease, milliseconds of a lease, wishes as JSON
-- Gives {'granted', place}, {'stale', provider, breaker, revision, epoch} or {'denied', reason, milliseconds, reason, ...}.
local prefix, lease, lease_ms = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local WINDOW_MS = 60000

local function elapsed(at)
  -- A use in the future is from before the clock was put back; it counts as just now.
  return math.max(0, now - tonumber(at))
end

local function window_wait(wish)
  local key, wait = prefix .. ':uses:' .. wish.connection, 0
  local last = redis.call('LINDEX', key, 0)
  if not last then return 0 end
  if tonumber(last) > now + 1000 then
    redis.call('DEL', key)
    return 0
  end
  if wish.gap_ms > 0 then wait = wish.gap_ms - elapsed(last) end
  if wish.rpm > 0 then
    local oldest = redis.call('LINDEX', key, wish.rpm - 1)
    if oldest then wait = math.max(wait, WINDOW_MS - elapsed(oldest)) end
  end
  return wait
end

local function well_wait(wish)
  if wish.well == '' then return 0 end
  local key = prefix .. ':well:' .. wish.well
  local left = redis.call('GET', key)
  if left and tonumber(left) <= 0 then return math.max(1, redis.call('PTTL', key)) end
  return 0
end

local function refusal(wish)
  if wish.probe then
    local left = redis.call('PTTL', prefix .. ':probe:' .. wish.provider)
    if left > 0 then return 'probing', left end
  end
  local wait = 0
  if wish.gap_ms > 0 or wish.rpm > 0 then wait = window_wait(wish) end
  wait = math.max(wait, well_wait(wish))
  if wait > 0 then return 'rate limited', wait end
  if wish.concurrent > 0 then
    local key = prefix .. ':leases:' .. wish.connection
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    if redis.call('ZCARD', key) >= wish.concurrent then
      if wish.waits then redis.call('SET', prefix .. ':waits:' .. wish.connection, 1, 'PX', 1000) end
      return 'full', -1
    end
  end
end

local function grant(wish)
  if wish.probe then redis.call('SET', prefix .. ':probe:' .. wish.provider, lease, 'PX', lease_ms) end
  if wish.gap_ms > 0 or wish.rpm > 0 then
    local key = prefix .. ':uses:' .. wish.connection
    redis.call('LPUSH', key, now)
    redis.call('LTRIM', key, 0, math.max(wish.rpm, 1) - 1)
    redis.call('PEXPIRE', key, math.max(wish.gap_ms, WINDOW_MS))
  end
  if wish.concurrent > 0 then
    local key = prefix .. ':leases:' .. wish.connection
    redis.call('ZADD', key, now + lease_ms, lease)
    redis.call('PEXPIRE', key, 2 * lease_ms)
  end
  if wish.well ~= '' then
    local key = prefix .. ':well:' .. wish.well
    redis.call('SET', key, wish.well_remaining, 'PX', wish.well_ms, 'NX')
    redis.call('DECR', key)
  end
end

local denied = {'denied'}
for place, wish in ipairs(cjson.decode(ARGV[3])) do
  local breaker = redis.call('HGET', prefix .. ':breaker', wish.provider) or ''
  if breaker ~= wish.breaker then
    return {
      'stale', wish.provider, breaker,
      redis.call('GET', prefix .. ':revision') or '0', redis.call('GET', prefix .. ':epoch') or ''
    }
  end
  local reason, wait = refusal(wish)
  if not reason then
    grant(wish)
    return {'granted', place - 1}
  end
  denied[#denied + 1] = reason
  denied[#denied + 1] = wait
end
return denied
