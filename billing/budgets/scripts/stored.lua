-- What billing/budgets/counters.py:Counters.stored does, for all workers together.
--
-- KEYS[1]   prefix of all keys
-- ARGV      how many requests; for each its id and its key; then for each budget: its id, window and sum in the database
-- answers   how many of the requests were held

local prefix = KEYS[1]
local found, last = 0, 1 + 2 * tonumber(ARGV[1])

for place = last + 1, #ARGV, 3 do
  local window = prefix .. ':spent:' .. ARGV[place] .. ':' .. ARGV[place + 1]
  local known = redis.call('HGET', window, 'stored')
  if redis.call('EXISTS', window) == 1 and tonumber(ARGV[place + 2]) > (tonumber(known or '0') or 0) then
    redis.call('HSET', window, 'stored', ARGV[place + 2])
  end
end

-- Redis takes "-0" for no number.
local function minus(amount)
  return amount == '0' and '0' or '-' .. amount
end

local function forget(window, id)
  local held, settled = redis.call('HGET', window, 'r:' .. id), redis.call('HGET', window, 's:' .. id)
  if held then
    local reserved = string.match(held, '^(%d+):')
    redis.call('HINCRBY', window, 'open', minus(reserved))
    redis.call('HINCRBY', window, 'held', minus(reserved))
    redis.call('HINCRBY', window, 'running', -1)
  end
  if settled then redis.call('HINCRBY', window, 'open', minus(settled)) end
  redis.call('HDEL', window, 'r:' .. id, 's:' .. id)
end

for place = 2, last, 2 do
  local id, key = ARGV[place], ARGV[place + 1]
  local open = prefix .. ':open:' .. id
  local windows = redis.call('GET', open)
  if windows then
    for window in string.gmatch(windows, '%S+') do forget(window, id) end
    redis.call('DEL', open)
    found = found + 1
  end
  redis.call('HDEL', prefix .. ':busy:' .. key .. ':running', id)
end
return found
