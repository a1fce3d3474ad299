-- What billing/budgets/counters.py:Counters.admit does, for all workers together.
--
-- KEYS[1]   prefix of all keys
-- ARGV      request id, amount, tokens, seconds it lives at most, key, and the key's limits: requests a minute, tokens a
--           minute, requests at once; then for each budget: its id, window, limit, what the database knows to be spent,
--           seconds to keep the window
-- answers   {"granted"}, {"busy", limit, milliseconds} or {"spent", place from 0, 1 where running requests hold the rest}

local prefix, id, amount, tokens, lives = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local key, rpm, tpm, concurrent = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local is_limited = rpm + tpm + concurrent > 0
local busy = prefix .. ':busy:' .. key

-- Redis takes "-0" for no number.
local function minus(amount)
  return amount == '0' and '0' or '-' .. amount
end

local function number(value)
  return tonumber(value or '0') or 0
end

local function field(name, part)
  return number(redis.call('HGET', name, part))
end

-- The sliding minute of billing/budgets/counters.py:room_after; nil where there is room.
local function room_after(before, used, wanted, limit)
  if limit == 0 then return nil end
  local gone = (now % 60) / 60
  local over = before * (1 - gone) + used + wanted - limit
  if over <= 0 then return nil end
  local rest = 60 * (1 - gone)
  if used + wanted <= limit and before > 0 then return math.max(0.05, 60 * over / before) end
  if used > 0 then return rest + math.max(0, 60 * (1 - (limit - wanted) / used)) end
  return rest
end

local function too_busy(limit, seconds)
  return {'busy', limit, tostring(math.ceil(seconds * 1000))}
end

local function running_of_key()
  return redis.call('HLEN', busy .. ':running')
end

local function sweep_key()
  local all = redis.call('HGETALL', busy .. ':running')
  for place = 1, #all, 2 do
    if tonumber(string.match(all[place + 1], ':(%d+)$')) <= now then
      redis.call('HDEL', busy .. ':running', all[place])
    end
  end
end

local minute = math.floor(now / 60)

local function turn()
  local known = field(busy, 'minute')
  if known == minute then return end
  if known == minute - 1 then
    redis.call('HSET', busy, 'requests_before', field(busy, 'requests'), 'tokens_before', field(busy, 'tokens'))
  else
    redis.call('HSET', busy, 'requests_before', 0, 'tokens_before', 0)
  end
  redis.call('HSET', busy, 'minute', minute, 'requests', 0, 'tokens', 0)
end

if is_limited then
  turn()
  if concurrent > 0 and running_of_key() >= concurrent then
    sweep_key()
    if running_of_key() >= concurrent then return too_busy('concurrent', 1) end
  end
  local wait = room_after(field(busy, 'requests_before'), field(busy, 'requests'), 1, rpm)
  if wait then return too_busy('requests_per_minute', wait) end
  wait = room_after(field(busy, 'tokens_before'), field(busy, 'tokens'), math.min(tokens, tpm), tpm)
  if wait then return too_busy('tokens_per_minute', wait) end
end

-- A window is a hash: `stored`, `open` (the sum of the entries), `running` (how many), `r:<id>` amount and end of a
-- request that runs, `s:<id>` cost of one that has ended and is not stored.
local function refusal(window, limit)
  local stored, open = field(window, 'stored'), field(window, 'open')
  if stored + open >= limit then
    return stored + open - field(window, 'held') < limit and 'reserved' or 'spent'
  end
  if field(window, 'running') > 0 and stored + open + tonumber(amount) > limit then return 'reserved' end
  return nil
end

local function sweep(window)
  local all = redis.call('HGETALL', window)
  for place = 1, #all, 2 do
    local name, held = all[place], all[place + 1]
    if string.sub(name, 1, 2) == 'r:' then
      local reserved, ends = string.match(held, '^(%d+):(%d+)$')
      if tonumber(ends) <= now then
        redis.call('HDEL', window, name)
        redis.call('HINCRBY', window, 'open', minus(reserved))
        redis.call('HINCRBY', window, 'held', minus(reserved))
        redis.call('HINCRBY', window, 'running', -1)
      end
    end
  end
end

local windows = {}
for place = 9, #ARGV, 5 do
  local window = prefix .. ':spent:' .. ARGV[place] .. ':' .. ARGV[place + 1]
  local limit, known = tonumber(ARGV[place + 2]), tonumber(ARGV[place + 3])
  if known > field(window, 'stored') then redis.call('HSET', window, 'stored', ARGV[place + 3]) end
  if refusal(window, limit) then
    sweep(window)
    local why = refusal(window, limit)
    if why then return {'spent', (place - 9) / 5, why == 'reserved' and 1 or 0} end
  end
  windows[#windows + 1] = {window, ARGV[place + 4]}
end

local ends = string.format('%.0f', now + lives)
local names = {}
for place, each in ipairs(windows) do
  local window, seconds = each[1], each[2]
  names[place] = window
  redis.call('HSET', window, 'r:' .. id, amount .. ':' .. ends)
  redis.call('HINCRBY', window, 'open', amount)
  redis.call('HINCRBY', window, 'held', amount)
  redis.call('HINCRBY', window, 'running', 1)
  redis.call('EXPIRE', window, seconds)
end
if #names > 0 then
  redis.call('SET', prefix .. ':open:' .. id, table.concat(names, ' '), 'EX', lives)
end
if is_limited then
  redis.call('HINCRBY', busy, 'requests', 1)
  redis.call('HINCRBY', busy, 'tokens', tokens)
  redis.call('EXPIRE', busy, 180)
  redis.call('HSET', busy .. ':running', id, tokens .. ':' .. minute .. ':' .. ends)
  redis.call('EXPIRE', busy .. ':running', lives)
end
return {'granted'}
