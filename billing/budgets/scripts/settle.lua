-- What billing/budgets/counters.py:Counters.settle does, for all workers together.
--
-- KEYS[1]   prefix of all keys
-- ARGV      request id, what it cost, tokens it used, key
-- answers   1 where it was held, 0 where it was settled before or is not known

local prefix, id, cost, tokens, key = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local found = 0

-- Redis takes "-0" for no number.
local function minus(amount)
  return amount == '0' and '0' or '-' .. amount
end

for window in string.gmatch(redis.call('GET', prefix .. ':open:' .. id) or '', '%S+') do
  local held = redis.call('HGET', window, 'r:' .. id)
  if held then
    local reserved = string.match(held, '^(%d+):')
    redis.call('HDEL', window, 'r:' .. id)
    redis.call('HSET', window, 's:' .. id, cost)
    redis.call('HINCRBY', window, 'open', cost)
    redis.call('HINCRBY', window, 'open', minus(reserved))
    redis.call('HINCRBY', window, 'held', minus(reserved))
    redis.call('HINCRBY', window, 'running', -1)
    found = 1
  end
end

local busy = prefix .. ':busy:' .. key
local held = redis.call('HGET', busy .. ':running', id)
if held then
  local reserved, minute = string.match(held, '^(%d+):(%d+):')
  redis.call('HDEL', busy .. ':running', id)
  local now = redis.call('HGET', busy, 'minute')
  if now == minute then
    redis.call('HINCRBY', busy, 'tokens', tokens - tonumber(reserved))
  elseif now and tonumber(now) == tonumber(minute) + 1 then
    redis.call('HINCRBY', busy, 'tokens_before', tokens - tonumber(reserved))
  end
  found = 1
end
return found
